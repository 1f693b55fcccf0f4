package timeline

import (
	"slices"
	"time"
)

// settle fixes what the open epoch's newest anchor lists, once every rendition
// of it has begun, or those that haven't were waited for: for what started with
// the epoch until the leading rendition has two whole segments, for what
// follows as long as patience says. Before, manifests tell nothing of it; and
// afterwards nothing joins it.
func (t *Timeline) settle() {
	n := len(t.Epochs) - 1
	if t.Current() == nil || !t.Ready() {
		return
	}
	e := t.Epochs[n]
	if a := e.Anchors[len(e.Anchors)-1]; !a.Fixed && t.complete(e, a) && !t.Expecting() {
		t.fix(n)
	}
}

// fix makes the newest anchor of epoch n list what has begun by now.
func (t *Timeline) fix(n int) {
	e := *t.Epochs[n]
	last := len(e.Anchors) - 1
	e.Anchors = clone(e.Anchors, 0)
	a := &e.Anchors[last]
	a.Fixed = true
	a.Renditions = slices.DeleteFunc(clone(a.Renditions, 0), func(id RenditionID) bool {
		r := t.Rendition(id)
		return r == nil || r.Left || r.Follows && !r.began(&e, a.MSN)
	})
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[n] = &e
}

// complete reports whether the anchor waits for nothing any more.
func (t *Timeline) complete(e *Epoch, a Anchor) bool {
	leader := t.Rendition(e.Tracks[0].Rendition)
	if last := leader.Segments.Last(); last != nil && last.Epoch == e.Number && last.MSN > a.MSN {
		return true
	}
	waited := leader.reached(e) >= a.Media+t.patience(e, a)
	for _, id := range a.Renditions {
		r := t.Rendition(id)
		led := slices.ContainsFunc(e.Tracks[:e.Led], func(rt RenditionTrack) bool { return rt.Rendition == id })
		switch {
		case led && !r.began(e, a.MSN):
			return false
		case !led && !waited && (r == nil || !r.Absent() && !r.began(e, a.MSN)):
			return false
		}
	}
	return true
}

// patience is how far an anchor's leading rendition may get before those that
// follow are there. Where an epoch begins, their encoder has to start; later,
// whoever is late holds everybody up.
func (t *Timeline) patience(e *Epoch, a Anchor) time.Duration {
	if a.MSN == e.FirstMSN {
		return awaitRungs
	}
	return t.Patience()
}

// Patience is how far the leading rendition may get into a segment before
// manifests that tell of all renditions don't wait for those that follow.
func (t *Timeline) Patience() time.Duration { return t.Targets.Lag + t.Targets.Part }

// began reports whether the rendition has that segment of the epoch, open or
// whole, or a later one.
func (r *Rendition) began(e *Epoch, msn uint64) bool {
	if r == nil {
		return false
	}
	if r.Open != nil {
		return r.Open.Epoch == e.Number && r.Open.MSN >= msn && r.From <= msn
	}
	last := r.Segments.Last()
	return last != nil && last.Epoch == e.Number && last.MSN >= msn && r.From <= msn
}

// reached is the epoch's media time at which the rendition's newest segment ends
// so far; zero where it has none.
func (r *Rendition) reached(e *Epoch) time.Duration {
	g := r.Open
	if g == nil {
		g = r.Segments.Last()
	}
	if g == nil || g.Epoch != e.Number {
		return 0
	}
	return (g.Start + g.Duration).Duration(g.Timescale(r))
}
