package web

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/web/cmcd"
)

// viewers are what a stream's players say of themselves (CMCD). Who they are isn't kept:
// a session is the hash of its id, under a key of this process alone.
type viewers struct {
	mu       sync.Mutex
	rungs    map[timeline.RenditionID]*rungReports
	sessions map[uint64]*session // those seen in the last viewerAge, and at most maxSessions
	// level halves the sessions that are kept, as often as they were too many: only those
	// are whose hash ends with so many zeros. What is left is a fair sample.
	level   uint
	lowered time.Time      // when level was last: those that it lets in have come within viewerAge
	told    *viewersStatus // what was last told, and when
	toldAt  time.Time
}

// session is a viewer's, as it was when it last said something.
type session struct {
	seen    time.Time
	starved time.Time // when it was last known to have stood still
	picture time.Time // when it last asked for a picture
	played  [2]bool   // it has asked for pictures, and for sound, without haste
	format  byte

	// Of its newest request for a picture, or for sound where it plays that alone.
	has                 cmcd.Keys
	rendition           timeline.RenditionID
	buffer              time.Duration
	bitrate, throughput uint64
	startup             bool
}

// sessionSeed keys the hashes of session ids, so that nobody can choose which are kept.
var sessionSeed = maphash.MakeSeed()

// note takes down what a request's player says of itself. It asks for media of the
// rendition of that name, or for a manifest where id is empty.
func (s *Server) note(x *exchange, st *stream, t *timeline.Timeline, id timeline.RenditionID) {
	if x.r.Method != http.MethodGet {
		return
	}
	var report cmcd.Report
	found, err := cmcd.Read(x.r.URL.RawQuery, x.r.Header, &report)
	switch {
	case !found:
	case err != nil: // a player's fault, and maybe thousands': it is counted
		s.reports.refused.Inc()
	default:
		s.reports.taken.Inc()
		st.viewers.note(&report, t, t.Rendition(id), s.now())
	}
}

func (v *viewers) note(report *cmcd.Report, t *timeline.Timeline, r *timeline.Rendition, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w := v.session(report, now); w != nil {
		w.note(report, r, now)
	}
	if r != nil {
		v.rung(t, r.ID).note(report)
	}
}

// session returns the report's session, which may be new; nil where it isn't kept, or not said.
func (v *viewers) session(report *cmcd.Report, now time.Time) *session {
	if report.Has&cmcd.Session == 0 {
		return nil
	}
	id := maphash.Bytes(sessionSeed, report.Session())
	if w := v.sessions[id]; w != nil {
		return w
	}
	if len(v.sessions) >= maxSessions && v.keeps(id) {
		v.makeRoom(now)
	}
	if !v.keeps(id) {
		return nil
	}
	if v.sessions == nil {
		v.sessions = map[uint64]*session{}
	}
	w := &session{}
	v.sessions[id] = w
	return w
}

// rung returns the reports of a rendition of t. What t no longer has makes room for what is new.
func (v *viewers) rung(t *timeline.Timeline, id timeline.RenditionID) *rungReports {
	reports := v.rungs[id]
	if reports == nil {
		v.forget(t)
		if v.rungs == nil {
			v.rungs = map[timeline.RenditionID]*rungReports{}
		}
		reports = newRungReports()
		v.rungs[id] = reports
	}
	return reports
}

// forget drops the reports of renditions that t doesn't have.
func (v *viewers) forget(t *timeline.Timeline) {
	for id := range v.rungs {
		if t.Rendition(id) == nil {
			delete(v.rungs, id)
		}
	}
}

// keeps reports whether the sessions of that hash are among those that are kept.
func (v *viewers) keeps(id uint64) bool { return sampled(id, v.level) }

func sampled(id uint64, level uint) bool { return id&(1<<level-1) == 0 }

// makeRoom drops the sessions that are gone, and halves the others while they are more
// than half of what may be.
func (v *viewers) makeRoom(now time.Time) {
	v.expire(now)
	for len(v.sessions) > maxSessions/2 {
		v.level++
		v.lowered = time.Time{}
		for id := range v.sessions {
			if !v.keeps(id) {
				delete(v.sessions, id)
			}
		}
	}
}

// expire drops the sessions that are gone, and keeps more where few are left.
func (v *viewers) expire(now time.Time) {
	for id, w := range v.sessions {
		if now.Sub(w.seen) > viewerAge {
			delete(v.sessions, id)
		}
	}
	if v.level > 0 && len(v.sessions) < maxSessions/8 && now.Sub(v.lowered) > viewerAge {
		v.level--
		v.lowered = now
	}
}

// note takes a report, and takes back what it says of a standstill that was a start.
func (w *session) note(report *cmcd.Report, r *timeline.Rendition, now time.Time) {
	w.seen = now
	if report.Has&cmcd.Format != 0 {
		w.format = report.Format
	}
	if r == nil {
		return // a playlist isn't what its player waits for
	}
	played := &w.played[0]
	if r.Track.Kind != media.Video {
		played = &w.played[1]
	}
	report.Starved = report.Starved && *played // dash.js says so of the start of each
	*played = *played || !report.Startup
	if report.Starved {
		w.starved = now
	}
	if r.Track.Kind == media.Video {
		w.picture = now
	} else if now.Sub(w.picture) < pictureAge {
		return
	}
	w.has |= report.Has
	w.rendition, w.startup = r.ID, report.Startup
	if report.Has&cmcd.Buffer != 0 {
		w.buffer = report.Buffer
	}
	if report.Has&cmcd.Bitrate != 0 {
		w.bitrate = report.Bitrate
	}
	if report.Has&cmcd.Throughput != 0 {
		w.throughput = report.Throughput
	}
}

// viewersStatus is what the API says of a stream's viewers. It is not changed once made.
type viewersStatus struct {
	Sessions   int              `json:"sessions"`
	Starved    float64          `json:"starved"`
	Starting   float64          `json:"starting"`
	BufferMS   *quantiles       `json:"buffer_ms"`
	Throughput *quantiles       `json:"throughput"`
	Bitrate    *quantiles       `json:"bitrate"`
	Formats    viewersFormats   `json:"formats"`
	Renditions []viewersOfARung `json:"renditions"`
}

type viewersFormats struct {
	HLS   int `json:"hls"`
	DASH  int `json:"dash"`
	Other int `json:"other"`
}

type viewersOfARung struct {
	ID       string `json:"id"`
	Sessions int    `json:"sessions"`
}

// quantiles are of the viewers who said something about it.
type quantiles struct {
	P10 uint64 `json:"p10"`
	P50 uint64 `json:"p50"`
	P90 uint64 `json:"p90"`
}

// quantilesOf returns those of values, which it sorts; nil where there are none.
func quantilesOf(values []uint64) *quantiles {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := func(percent int) uint64 { return values[(len(values)-1)*percent/100] }
	return &quantiles{P10: at(10), P50: at(50), P90: at(90)}
}

// status says what the viewers of the last half minute see; nil where none said anything.
// All who ask within a second hear the same.
func (v *viewers) status(now time.Time) *viewersStatus {
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := now.Sub(v.toldAt); age < 0 || age >= viewersTold {
		v.told, v.toldAt = v.sum(now), now
	}
	return v.told
}

func (v *viewers) sum(now time.Time) *viewersStatus {
	v.expire(now)
	level := v.level
	if now.Sub(v.lowered) <= viewerAge {
		level++ // as before
	}
	s := &viewersStatus{Renditions: []viewersOfARung{}}
	var buffers, throughputs, bitrates []uint64
	rungs := map[timeline.RenditionID]int{}
	n, starved, starting := 0, 0, 0
	for id, w := range v.sessions {
		if !sampled(id, level) {
			continue
		}
		n++
		if now.Sub(w.starved) <= viewerAge {
			starved++
		}
		if w.startup {
			starting++
		}
		if w.has&cmcd.Buffer != 0 {
			buffers = append(buffers, uint64(w.buffer.Milliseconds()))
		}
		if w.has&cmcd.Throughput != 0 {
			throughputs = append(throughputs, w.throughput)
		}
		if w.has&cmcd.Bitrate != 0 {
			bitrates = append(bitrates, w.bitrate)
		}
		if w.rendition != "" {
			rungs[w.rendition] += 1 << level
		}
		s.Formats.add(w.format, 1<<level)
	}
	if n == 0 {
		return nil
	}
	s.Sessions = n << level
	s.Starved, s.Starting = float64(starved)/float64(n), float64(starting)/float64(n)
	s.BufferMS, s.Throughput, s.Bitrate = quantilesOf(buffers), quantilesOf(throughputs), quantilesOf(bitrates)
	for id, n := range rungs {
		s.Renditions = append(s.Renditions, viewersOfARung{ID: string(id), Sessions: n})
	}
	slices.SortFunc(s.Renditions, func(a, b viewersOfARung) int { return strings.Compare(a.ID, b.ID) })
	return s
}

func (f *viewersFormats) add(format byte, n int) {
	switch format {
	case 'h':
		f.HLS += n
	case 'd':
		f.DASH += n
	default:
		f.Other += n
	}
}
