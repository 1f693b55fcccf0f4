package dash

import (
	"iter"
	"math"
	"slices"
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

// period is a Period: what the window holds of an epoch from an anchor on, up to
// the next.
type period struct {
	epoch    *timeline.Epoch
	anchor   timeline.Anchor
	until    uint64        // the next anchor's first segment, or none
	start    time.Duration // since availabilityStartTime
	duration time.Duration // zero where it goes on
	origin   time.Duration // media time at start
	reps     []representation
	events   []mpdEvent
	clock    string // Options.TimePath, of a live presentation
}

// representation is what a Period lists of a rendition.
type representation struct {
	t           *timeline.Timeline
	r           *timeline.Rendition
	first, last item
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
	p := plan{longest: max(t.Targets.Segment, roundUp(t.Longest)), published: t.Since}
	periods, tracks := 0, 0
	for _, e := range t.Epochs {
		periods += len(e.Anchors)
		tracks += len(e.Tracks) * len(e.Anchors)
	}
	p.periods = make([]period, 0, periods)
	room := make([]representation, 0, tracks)
	current := t.Current()
	for _, e := range t.Epochs {
		for i, a := range e.Anchors {
			q := period{epoch: e, anchor: a, until: math.MaxUint64, origin: a.Media}
			if i+1 < len(e.Anchors) {
				q.until = e.Anchors[i+1].MSN
			} else if e == current && !presentable(e) {
				break
			}
			from := len(room)
			for _, rt := range e.Tracks {
				if r := t.Rendition(rt.Rendition); r != nil && slices.Contains(a.Renditions, r.ID) {
					if rep, ok := p.look(t, &q, r); ok {
						room = append(room, rep)
					}
				}
			}
			q.reps = room[from:len(room):len(room)]
			if f == vod && len(q.reps) > 0 {
				q.reps = wholeOnes(q.reps)
			}
			if len(q.reps) > 0 {
				p.periods = append(p.periods, q)
			}
		}
	}
	if len(p.periods) == 0 {
		return plan{}, false
	}
	p.place(f)
	p.placeEvents(t, f)
	return p, true
}

// wholeOnes leaves out the rungs that left in the middle of a Period: who comes
// later is better off without them.
func wholeOnes(reps []representation) []representation {
	lead := reps[0].end()
	return slices.DeleteFunc(reps, func(rep representation) bool {
		return rep.r.Follows && rep.end() < lead-near
	})
}

// end is the media time at which what is listed ends.
func (rep *representation) end() time.Duration {
	return (rep.last.start + rep.last.duration).Duration(rep.last.Init.Track.Timescale)
}

// look finds what there is to list of r in Period q.
func (p *plan) look(t *timeline.Timeline, q *period, r *timeline.Rendition) (representation, bool) {
	rep := representation{t: t, r: r}
	for g := range listed(t, r, q) {
		if rep.first.Segment == nil {
			rep.first = g
		}
		rep.last = g
		_, _, torn := g.missing()
		rep.gaps = rep.gaps || torn
		p.longest = max(p.longest, roundUp(g.duration.Duration(g.Init.Track.Timescale)))
	}
	if rep.first.Segment == nil {
		return rep, false
	}
	if n := len(rep.last.Parts); n > 0 && rep.last.Parts[n-1].Arrived.After(p.published) {
		p.published = rep.last.Parts[n-1].Arrived
	}
	return rep, true
}

// item is a segment as the MPD lists it.
type item struct {
	*timeline.Segment
	start, duration media.Ticks
}

// near is more than what sound is cut next to the picture's edge.
const near = 100 * time.Millisecond

// missing is the end of the segment that holds no media: all of it in a gap, some
// in one that a rung's process left behind when it died or hung. It's false where
// there is none, or it may still come.
func (g item) missing() (from, duration media.Ticks, ok bool) {
	if !g.Closed {
		return 0, 0, false
	}
	if g.Gap() {
		return g.start, g.duration, true
	}
	from = g.MediaEnd()
	duration = g.start + g.duration - from
	return from, duration, duration.Duration(g.Init.Track.Timescale) >= near
}

// listed yields what the MPD lists of r in Period q, whole segments and the open
// one. Each lasts until the next one starts, and a gap starts where what is
// before it ends, so that there is neither hole nor overlap, whatever a track
// did: dash.js asks for nothing after a hole. What comes before the epoch's init
// segment can't be played and isn't listed.
//
// A Period that isn't the last one never gets more (§5.4.1). A rung that is behind
// there, but still comes, is listed to its end as the leading rendition is.
func listed(t *timeline.Timeline, r *timeline.Rendition, q *period) iter.Seq[item] {
	return func(yield func(item) bool) {
		var held item // until its successor is known
		// put takes the next segment, and hands on the one before it.
		put := func(g *timeline.Segment) bool {
			next := item{g, g.Start, g.Duration}
			if held.Segment == nil {
				held = next
				return true
			}
			end := held.start + held.duration
			if g.Gap() {
				next.start = end
				next.duration = max(g.Start+g.Duration-end, 1)
			} else if g.Start > held.start {
				held.duration = g.Start - held.start
			} else if held.Gap() {
				held.duration = 1 // nothing was missing after all; its number stays
			}
			done := held
			held = next
			return yield(done)
		}
		from := max(t.First, q.anchor.MSN)
		for g := range r.Segments.From(from) {
			if g.Epoch != q.epoch.Number || g.MSN >= q.until {
				break
			}
			if g.Init != nil && !put(g) {
				return
			}
		}
		if g := r.Open; g != nil && g.Epoch == q.epoch.Number && g.MSN >= from && g.MSN < q.until && !put(g) {
			return
		}
		if held.Segment != nil && q.trails(t, r, held.MSN) {
			for g := range q.led(t, held.Segment) {
				switch {
				case g.MSN > held.MSN:
					if !put(g) {
						return
					}
				case !held.Closed:
					held.duration = max(held.duration, g.Start+g.Duration-held.start)
				}
			}
		}
		if held.Segment != nil {
			yield(held)
		}
	}
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
		q.start = time.Duration(q.anchor.Time.UnixMilli()) * time.Millisecond
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
		q.origin = lead.first.start.Duration(lead.first.Init.Track.Timescale)
		q.duration = q.length()
		next = q.start + q.duration
	}
}

// trails reports whether r, of which segment msn is the newest, is to get more in
// this Period, though another follows.
func (q *period) trails(t *timeline.Timeline, r *timeline.Rendition, msn uint64) bool {
	closed := q.until != math.MaxUint64 || q.epoch.Number != t.Epochs[len(t.Epochs)-1].Number
	return closed && r.Follows && !r.Left && r.Epoch == q.epoch.Number && r.From <= msn && r.NextPosition(t).MSN <= msn+1
}

// led yields the Period's segments from that of g on, of which a rung may have less,
// as the leading rendition has them, in g's timescale.
func (q *period) led(t *timeline.Timeline, g *timeline.Segment) iter.Seq[*timeline.Segment] {
	return func(yield func(*timeline.Segment) bool) {
		leader, to := t.Rendition(q.epoch.Tracks[0].Rendition), g.Init.Track.Timescale
		for l := range leader.Segments.From(g.MSN) {
			if l.Epoch != q.epoch.Number || l.MSN >= q.until {
				return
			}
			ts := l.Timescale(leader)
			start, end := l.Start.Rescale(ts, to), (l.Start+l.Duration).Rescale(ts, to)
			if !yield(&timeline.Segment{MSN: l.MSN, Epoch: l.Epoch, Init: g.Init, Start: start, Duration: end - start}) {
				return
			}
		}
	}
}

// length is how long the Period's leading rendition lasts, to its last segment's end.
func (q *period) length() time.Duration {
	return roundUp(q.reps[0].end() - q.origin)
}

// offset is the Period's presentationTimeOffset in ticks of ts.
func (q *period) offset(ts media.Timescale) media.Ticks { return media.TicksOf(q.origin, ts) }

// roundUp rounds to whole milliseconds.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
