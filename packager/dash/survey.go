package dash

import (
	"iter"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// plan is what an MPD lists, known before its first byte is written.
type plan struct {
	periods   []period
	longest   time.Duration // no segment is longer
	published time.Time     // when the newest thing in it happened
}

// period is a Period: one epoch's media in the window.
type period struct {
	epoch    *timeline.Epoch
	start    time.Duration // since availabilityStartTime
	duration time.Duration // zero where it goes on
	origin   time.Duration // media time at start
	reps     []representation
}

// representation is what a Period lists of a rendition.
type representation struct {
	t           *timeline.Timeline
	r           *timeline.Rendition
	first, last *timeline.Segment
	gaps        bool
}

// end is where the last Period ends, where that is known.
func (p plan) end() time.Duration {
	last := p.periods[len(p.periods)-1]
	return last.start + last.duration
}

// survey decides what is listed. It reports false where that is nothing.
func survey(t *timeline.Timeline, f form) (plan, bool) {
	if !t.Ready() {
		return plan{}, false
	}
	p := plan{longest: t.Targets.Segment, published: t.Since}
	p.periods = make([]period, 0, len(t.Epochs))
	tracks := 0
	for _, e := range t.Epochs {
		tracks += len(e.Tracks)
	}
	room := make([]representation, 0, tracks)
	current := t.Current()
	for _, e := range t.Epochs {
		if e == current && !presentable(t, e) {
			break
		}
		from := len(room)
		for _, rt := range e.Tracks {
			if r := t.Rendition(rt.Rendition); r != nil {
				if rep, ok := p.look(t, e, r); ok {
					room = append(room, rep)
				}
			}
		}
		if reps := room[from:len(room):len(room)]; len(reps) > 0 {
			p.periods = append(p.periods, period{epoch: e, reps: reps, origin: timeline.Origin})
		}
	}
	if len(p.periods) == 0 {
		return plan{}, false
	}
	p.place(f)
	return p, true
}

// look finds what there is to list of r in epoch e.
func (p *plan) look(t *timeline.Timeline, e *timeline.Epoch, r *timeline.Rendition) (representation, bool) {
	rep := representation{t: t, r: r}
	for g, d := range segments(t, r, e.Number) {
		if rep.first == nil {
			rep.first = g
		}
		rep.last = g
		rep.gaps = rep.gaps || g.Gap()
		p.longest = max(p.longest, roundUp(d.Duration(g.Init.Track.Timescale)))
	}
	if rep.first == nil {
		return rep, false
	}
	if n := len(rep.last.Parts); n > 0 && rep.last.Parts[n-1].Arrived.After(p.published) {
		p.published = rep.last.Parts[n-1].Arrived
	}
	return rep, true
}

// segments yields what the MPD lists of r in the epoch, whole segments and the
// open one, each with the duration that it has there: up to the next one's
// start, so that there is neither hole nor overlap, whatever a track did.
// dash.js asks for nothing after a hole. What comes before the epoch's init
// segment can't be played and isn't listed.
func segments(t *timeline.Timeline, r *timeline.Rendition, epoch uint64) iter.Seq2[*timeline.Segment, media.Ticks] {
	return func(yield func(*timeline.Segment, media.Ticks) bool) {
		from := t.First
		if e := t.Epoch(epoch); e != nil {
			from = max(from, e.FirstMSN)
		}
		var held *timeline.Segment // until its successor is known
		for g := range r.Segments.From(from) {
			if g.Epoch != epoch {
				break
			}
			if g.Init == nil {
				continue
			}
			if held != nil && !yield(held, reach(held, g)) {
				return
			}
			held = g
		}
		if open := r.Open; open != nil && open.Epoch == epoch && open.MSN >= from {
			if held != nil && !yield(held, reach(held, open)) {
				return
			}
			held = open
		}
		if held != nil {
			yield(held, held.Duration)
		}
	}
}

// reach is the time from g's start to that of its successor.
func reach(g, next *timeline.Segment) media.Ticks {
	if d := next.Start - g.Start; d > 0 {
		return d
	}
	return g.Duration
}

// place gives each Period its start, and its duration where that is known.
func (p *plan) place(f form) {
	if f == vod {
		p.placeFromZero()
		return
	}
	for i := range p.periods {
		q := &p.periods[i]
		// To the millisecond, so that no player's arithmetic moves it.
		q.start = time.Duration(q.epoch.Start.UnixMilli()) * time.Millisecond
	}
	kept := p.periods[:0]
	for i, q := range p.periods {
		if i+1 < len(p.periods) {
			// A Period may not reach into the next, whose clock is the wall's.
			q.duration = min(q.length(), p.periods[i+1].start-q.start)
			if q.duration <= 0 {
				continue
			}
		} else if f == closed {
			q.duration = q.length()
		}
		kept = append(kept, q)
	}
	p.periods = kept
}

// placeFromZero puts the Periods back to back, from the first one's first segment on.
func (p *plan) placeFromZero() {
	var next time.Duration
	for i := range p.periods {
		q := &p.periods[i]
		lead := q.reps[0]
		q.start = next
		q.origin = lead.first.Start.Duration(lead.first.Init.Track.Timescale)
		q.duration = q.length()
		next = q.start + q.duration
	}
}

// length is how long the Period's leading rendition lasts, to its last segment's end.
func (q *period) length() time.Duration {
	lead := q.reps[0].last
	return roundUp((lead.Start + lead.Duration).Duration(lead.Init.Track.Timescale) - q.origin)
}

// offset is the Period's presentationTimeOffset in ticks of ts.
func (q *period) offset(ts media.Timescale) media.Ticks { return media.TicksOf(q.origin, ts) }

// roundUp rounds to whole milliseconds.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
