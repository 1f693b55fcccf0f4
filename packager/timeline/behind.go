package timeline

import (
	"time"

	"sluice/media"
)

// judge looks at how far the renditions that follow are behind, after rendition
// id got a part or closed a segment. Players that play at the edge of one that
// got nothing for so long as they hold back run dry: hls.js waits for seconds
// then, and is late for good. Told so in time, they go on with another rendition
// without a pause; hence Rendition.Behind, which comes long before whoever makes
// the rendition knows that it hangs.
func (t *Timeline) judge(id RenditionID, part bool) {
	e := t.Current()
	if e == nil || !t.Ready() {
		return
	}
	if e.Tracks[0].Rendition != id {
		if r := t.Rendition(id); part && r.Behind && t.lateBy(e, r) <= t.Patience() {
			caught := t.replace(id)
			caught.Behind, caught.Back = false, t.Next.MSN-1
		}
		return
	}
	for _, r := range t.Renditions {
		if !r.Follows || r.Left || r.Behind || r.Track.Kind != media.Video {
			continue
		}
		// A part later its players have nothing left.
		limit := max(t.Targets.PartHoldBack-t.Targets.Part, t.Patience())
		switch {
		case r.Epoch != e.Number: // its encoder starts with the epoch
			limit = t.Targets.Lag + awaitRungs
		case r.reached(e) == 0:
			continue
		}
		if t.lateBy(e, r) > limit {
			t.replace(r.ID).Behind = true
		}
	}
}

// lateBy is how long the leading rendition has had the oldest part whose media
// the other doesn't have yet. It goes by when the media arrived, not by how much
// it is: what a publisher sends in one burst, after its line was stuck, makes
// nobody late.
func (t *Timeline) lateBy(e *Epoch, r *Rendition) time.Duration {
	const near = 20 * time.Millisecond // less than a frame isn't missing
	leader, has := t.Rendition(e.Tracks[0].Rendition), r.reached(e)+near
	var newest, oldest time.Time
	look := func(g *Segment) bool {
		if g == nil || g.Epoch != e.Number {
			return false
		}
		ts := g.Timescale(leader)
		for i := len(g.Parts) - 1; i >= 0; i-- {
			p := &g.Parts[i]
			if newest.IsZero() {
				newest = p.arrival(ts)
				oldest = newest
			}
			if (p.Start + p.Duration).Duration(ts) <= has {
				return false
			}
			oldest = p.arrival(ts)
		}
		return true
	}
	more := leader.Open == nil || look(leader.Open)
	for n := leader.Segments.Last(); more && n != nil; n = leader.Segments.ByMSN(n.MSN - 1) {
		if more = look(n); newest.Sub(oldest) > maxLate {
			break
		}
	}
	return newest.Sub(oldest)
}

// maxLate is as late as lateBy tells.
const maxLate = 10 * time.Second

// arrival is when the part's last sample was read; where nobody noted that, when
// it was on the server's clock.
func (p *Part) arrival(ts media.Timescale) time.Time {
	if p.Arrived.IsZero() {
		return p.Time.Add(p.Duration.Duration(ts))
	}
	return p.Arrived
}

// Absent reports whether players of the rendition are to go on with another: it
// has left, or is so far behind that they would wait.
func (r *Rendition) Absent() bool { return r.Left || r.Behind }
