package timeline

import (
	"slices"
	"time"

	"sluice/media"
)

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
	// Renditions are those that are there from its first segment on, as soon as
	// Fixed says so; until then those that are waited for. Where they change, an
	// epoch is anchored anew too.
	Renditions []RenditionID
	// FrameRates are Rendition.FrameRate of each of Renditions as of when they were fixed,
	// or when it was first known: a Period's doesn't change.
	FrameRates []uint32
	// Captions are those that were known when manifests first told of it. Where more
	// are found, an epoch is anchored anew likewise.
	Captions media.Captions
	// Fixed says that manifests tell of it: Renditions doesn't change any more.
	Fixed bool
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
	steady := held.Time.Add(end - held.Media)
	set := t.set(t.Epochs[n], held)
	if at.Sub(steady).Abs() < anchorStep {
		if !held.Fixed || sameSet(set, held.Renditions) && held.Captions.Promised() == t.Captions.Promised() {
			return
		}
		at = steady
	}
	e := *t.Epochs[n]
	e.Anchors = append(clone(e.Anchors, 1), Anchor{MSN: g.MSN + 1, Media: end, Time: at, Renditions: set, Captions: t.Captions})
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[n] = &e
}

// FrameRate is that of a rendition which is listed from the anchor on; 0 where it isn't
// known yet.
func (a Anchor) FrameRate(id RenditionID) uint32 {
	if i := slices.Index(a.Renditions, id); 0 <= i && i < len(a.FrameRates) {
		return a.FrameRates[i]
	}
	return 0
}

// rate tells the newest anchor of epoch n of a rendition's frame rate, unless it knows one.
func (t *Timeline) rate(n int, r *Rendition) {
	last := len(t.Epochs[n].Anchors) - 1
	a := t.Epochs[n].Anchors[last]
	i := slices.Index(a.Renditions, r.ID)
	if !a.Fixed || i < 0 || a.FrameRates[i] > 0 || r.FrameRate == 0 {
		return
	}
	e := *t.Epochs[n]
	e.Anchors = clone(e.Anchors, 0)
	e.Anchors[last].FrameRates = clone(a.FrameRates, 0)
	e.Anchors[last].FrameRates[i] = r.FrameRate
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[n] = &e
}

// sameSet compares lists that hold nothing twice, whatever their order.
func sameSet(a, b []RenditionID) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id RenditionID) bool { return !slices.Contains(b, id) })
}

// set are the renditions that a Period which starts now would have: those that
// lead and their companions, and of the others those that have a whole segment
// or were there all along.
func (t *Timeline) set(e *Epoch, held Anchor) []RenditionID {
	var set []RenditionID
	for i, rt := range e.Tracks {
		r := t.Rendition(rt.Rendition)
		if i >= e.Led && (r == nil || r.Absent() || r.Epoch != e.Number || !r.stays(held) && !r.wholeIn(t, e)) {
			continue
		}
		set = append(set, rt.Rendition)
	}
	return set
}

// stays reports whether the rendition was there from the anchor's first segment on.
func (r *Rendition) stays(a Anchor) bool {
	return slices.Contains(a.Renditions, r.ID) && r.From <= a.MSN
}

// wholeIn reports whether it has a whole segment of the epoch that is listed.
func (r *Rendition) wholeIn(t *Timeline, e *Epoch) bool {
	return r.hasWhole(t) && r.Segments.Last().Epoch == e.Number
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
