package packager

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
)

// Health is what a broadcaster should know of a stream, as of its newest
// keyframe or change.
type Health struct {
	Publishing bool          // a session has begun
	Live       bool          // and its media is being published
	Keyframes  time.Duration // between the newest two, or since the newest where that is longer
	Segment    time.Duration // the target
	Advice     []string      // what to change, in plain words; none if all is well
}

// Health returns that of the stream of that name; nothing is known of one that
// nobody has published.
func (p *Packager) Health(name string) Health {
	p.mu.Lock()
	s := p.streams[name]
	p.mu.Unlock()
	if s == nil {
		return Health{}
	}
	return s.Health()
}

// Health returns the stream's.
func (s *Stream) Health() Health { return *s.health.Load() }

// report renews the health, and logs the start and the end of a run of segments
// that are longer than the manifests promised.
func (s *Stream) report(now time.Time) {
	h := Health{Publishing: s.session != nil, Live: s.epoch != nil, Segment: s.settings.Load().Segment}
	if s.session != nil {
		h.Segment = s.session.settings.Segment
		h.Advice = s.silences(now)
		made := slices.ContainsFunc(s.session.expected.Rungs, func(x media.ExpectedRung) bool { return x.Kind == media.Audio })
		for _, in := range s.session.inputs {
			if made && in.Kind == media.Audio {
				continue // what players lack is made
			}
			if a := media.Advice(in.Codec); a != "" {
				h.Advice = append(h.Advice, a)
			}
		}
	}
	long := false
	if e := s.epoch; e != nil && e.lanes[0].Kind == media.Video {
		h.Keyframes = e.keyframes()
		if h.Keyframes > h.Segment+segmentSlack {
			h.Advice = append(h.Advice, fmt.Sprintf("keyframe interval is %.1f s: set %g s in OBS, Settings, Output",
				h.Keyframes.Seconds(), h.Segment.Seconds()))
		}
		long = e.isLong()
		if long && !s.long {
			s.log.Warn("keyframes are too far apart: segments are longer than promised",
				"epoch", e.number, "dur", h.Keyframes.Round(time.Millisecond))
		}
	}
	s.long = long
	s.health.Store(&h)
}

// keyframes is the longest distance between keyframes lately.
func (e *epoch) keyframes() time.Duration {
	c, l := &e.cutter, e.lanes[0]
	return max(c.longest(), l.end-c.sync-l.frame).Duration(l.Timescale)
}

// silences says which tracks give nothing.
func (s *Stream) silences(now time.Time) []string {
	var advice []string
	if s.session.began.IsZero() || now.IsZero() {
		return nil
	}
	for _, in := range s.session.inputs {
		if !s.session.silent(in, now) {
			continue
		}
		what := "sound"
		if in.Kind == media.Video {
			what = "picture"
		}
		advice = append(advice, fmt.Sprintf("no %s comes: look at the encoder's %s source", what, in.Kind))
	}
	return advice
}
