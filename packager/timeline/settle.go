package timeline

import (
	"slices"
	"time"
)

// settle fixes what the open epoch's newest anchor lists, once every rendition
// of it has begun. What started with the epoch is waited for until the leading
// rendition has two whole segments; what follows until it is behind (judge),
// and where nothing of it has come at all, until its encoder had time to start.
// Before, manifests tell nothing of it; and afterwards nothing joins it. One that
// is a little late must not be left out, or it would come and go with every
// segment.
func (t *Timeline) settle() {
	n := len(t.Epochs) - 1
	if t.Current() == nil || !t.Ready() {
		return
	}
	t.waited = t.waited || !t.Expecting()
	e := t.Epochs[n]
	if a := e.Anchors[len(e.Anchors)-1]; !a.Fixed && t.complete(e, a) && !t.Expecting() {
		t.fix(n)
	}
}

// fix makes the newest anchor of epoch n list what has begun by now, less what is
// behind already: that would end in its Period long before the others.
func (t *Timeline) fix(n int) {
	e := *t.Epochs[n]
	last := len(e.Anchors) - 1
	e.Anchors = clone(e.Anchors, 0)
	a := &e.Anchors[last]
	a.Fixed = true
	a.Renditions = slices.DeleteFunc(clone(a.Renditions, 0), func(id RenditionID) bool {
		r := t.Rendition(id)
		return r == nil || r.Absent() || r.Follows && !r.began(&e, a.MSN)
	})
	a.FrameRates = make([]uint32, len(a.Renditions))
	for i, id := range a.Renditions {
		if r := t.Rendition(id); r != nil {
			a.FrameRates[i] = r.FrameRate
		}
	}
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[n] = &e
}

// complete reports whether the anchor waits for nothing any more.
func (t *Timeline) complete(e *Epoch, a Anchor) bool {
	leader := t.Rendition(e.Tracks[0].Rendition)
	if last := leader.Segments.Last(); last != nil && last.Epoch == e.Number && last.MSN > a.MSN {
		return true
	}
	waited := leader.since(a.MSN) >= awaitRungs
	for _, id := range a.Renditions {
		r := t.Rendition(id)
		led := slices.ContainsFunc(e.Tracks[:e.Led], func(rt RenditionTrack) bool { return rt.Rendition == id })
		switch {
		case r.began(e, a.MSN):
		case led:
			return false
		case r == nil || r.reached(e) == 0:
			if !waited {
				return false
			}
		case !r.Absent():
			return false
		}
	}
	return true
}

// since is how long after the first part of a segment the rendition's newest part
// arrived.
func (r *Rendition) since(msn uint64) time.Duration {
	first, newest := r.Segment(msn), r.Open
	if newest == nil {
		newest = r.Segments.Last()
	}
	if first == nil || len(first.Parts) == 0 || len(newest.Parts) == 0 {
		return 0
	}
	last := &newest.Parts[len(newest.Parts)-1]
	return last.arrival(newest.Timescale(r)).Sub(first.Parts[0].arrival(first.Timescale(r))) +
		first.Parts[0].Duration.Duration(first.Timescale(r))
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
