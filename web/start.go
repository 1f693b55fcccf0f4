package web

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// startPoint is where ?start= has players begin: so long before the end of what there is,
// or at a date. The zero value is where they begin anyway.
type startPoint struct {
	back time.Duration
	date time.Time
}

func (p startPoint) isSet() bool { return p.back > 0 || !p.date.IsZero() }

// parseStart reads a query's start: -600, in seconds, or a date of RFC 3339.
func parseStart(query string) (p startPoint, err error) {
	for key, value := range pairs(query) {
		if key != "start" {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 32); err == nil && n <= 0 {
			p = startPoint{back: time.Duration(-n) * time.Second}
			continue
		}
		date, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return p, fmt.Errorf("%w: start: it's the seconds before now, as in -600, or a date with its zone, as in 2026-03-01T12:00:00Z", errBadRequest)
		}
		p = startPoint{date: date}
	}
	return p, nil
}

// before is how long before the end of what t has the point lies, in whole seconds: all who
// name the same one are told the same.
func (p startPoint) before(t *timeline.Timeline) time.Duration {
	if p.date.IsZero() {
		return p.back
	}
	var end time.Time
	for _, r := range t.Renditions {
		if g := r.Segments.Last(); g != nil && !r.Left {
			if at := g.Time.Add(g.Duration.Duration(g.Timescale(r))); at.After(end) {
				end = at
			}
		}
	}
	return max(0, end.Sub(p.date).Truncate(time.Second))
}

// startKey is a manifest for those who begin somewhere else.
type startKey struct {
	what  string
	start time.Duration
	ended bool // and was followed
}

// starts are such manifests of the newest version, as long as they are few and small.
type starts struct {
	mu      sync.Mutex
	version uint64
	made    map[startKey]*rendered
	size    int // bytes of those made
}

// at returns the manifest of t that key names, which is made once for all who ask.
func (s *starts) at(t *timeline.Timeline, key startKey, f render) (*rendered, error) {
	s.mu.Lock()
	if s.version < t.Version || s.made == nil {
		s.version, s.made, s.size = t.Version, map[startKey]*rendered{}, 0
	}
	r := s.made[key]
	kept := false
	if r == nil || s.version != t.Version {
		r = &rendered{version: t.Version, from: t}
		if kept = len(s.made) < maxStarts && s.size < startMemory && s.version == t.Version; kept {
			s.made[key] = r
		}
	}
	s.mu.Unlock()
	err := r.make(f)
	if kept {
		s.mu.Lock()
		if s.version == t.Version {
			s.size += len(r.plain.body)
		}
		s.mu.Unlock()
	}
	return r, err
}

// multivariantOf returns the multivariant playlist of t, as fMP4 or MPEG-TS.
func (st *stream) multivariantOf(t *timeline.Timeline, p startPoint, transport bool) (*rendered, error) {
	d, what, appendTo := &st.multivariant, "index", hls.AppendMultivariant
	if transport {
		d, what, appendTo = &st.transports, "ts", hls.AppendTransportMultivariant
	}
	o := hls.Options{Title: st.name, Start: p.before(t), Steering: st.steering.uri()}
	f := func(dst []byte, t *timeline.Timeline) ([]byte, error) { return appendTo(dst, t, o) }
	if !p.isSet() {
		return d.at(t, t.Version, f)
	}
	return st.starts.at(t, startKey{what: what, start: o.Start}, f)
}

// startedMPD returns the MPD of t for those who begin at p.
func (st *stream) startedMPD(t *timeline.Timeline, p startPoint, following bool) (*rendered, error) {
	if !t.Ready() {
		return nil, dash.ErrNotReady
	}
	o := dash.Options{TimePath: timePath, Following: following, Start: p.before(t), Steering: st.steering.url(st.name)}
	key := startKey{what: "mpd", start: o.Start, ended: following && t.State == timeline.Ended}
	return st.starts.at(t, key, func(dst []byte, t *timeline.Timeline) ([]byte, error) { return dash.AppendMPD(dst, t, o) })
}
