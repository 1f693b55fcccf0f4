package timeline

import "time"

// anchorStep is how far the server's clock and an epoch's media clock may part
// before the epoch is anchored anew: well below what players hold back, and at
// the drift of a usual crystal (50 ppm) an hour and a half's worth.
const anchorStep = 250 * time.Millisecond

// Anchor ties an epoch's media clock to the server's, from a segment on. An
// epoch has one at its first segment, and more where the drift-corrected times
// of its parts say that an encoder's clock runs faster or slower. In DASH each
// begins a Period; what has been told once never changes.
type Anchor struct {
	MSN   uint64        // the first segment that it holds for, in every rendition
	Media time.Duration // media time of that segment's start in the leading rendition
	Time  time.Time     // the same on the server's clock
}

// anchor looks at the leading rendition's segment g, just closed, and anchors
// the next one anew where that is due.
func (t *Timeline) anchor(r *Rendition, g *Segment) {
	n := len(t.Epochs) - 1
	if len(g.Parts) == 0 {
		return
	}
	last := g.Parts[len(g.Parts)-1]
	if last.Time.IsZero() {
		return
	}
	ts := r.Track.Timescale
	end := (g.Start + g.Duration).Duration(ts)
	at := last.Time.Add(end - last.Start.Duration(ts))
	held := t.Epochs[n].Anchors[len(t.Epochs[n].Anchors)-1]
	if at.Sub(held.Time.Add(end-held.Media)).Abs() < anchorStep {
		return
	}
	e := *t.Epochs[n]
	e.Anchors = append(clone(e.Anchors, 1), Anchor{MSN: g.MSN + 1, Media: end, Time: at})
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[n] = &e
}

// dropAnchors lets go of the anchors of segments that are gone.
func (t *Timeline) dropAnchors() {
	cloned := false
	for i, e := range t.Epochs {
		n := 0
		for n+1 < len(e.Anchors) && e.Anchors[n+1].MSN <= t.Kept {
			n++
		}
		if n == 0 {
			continue
		}
		if !cloned {
			t.Epochs, cloned = clone(t.Epochs, 0), true
		}
		trimmed := *e
		trimmed.Anchors = e.Anchors[n:]
		t.Epochs[i] = &trimmed
	}
}
