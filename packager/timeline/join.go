package timeline

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
)

// How long the manifests of a broadcast that begins wait for renditions that are
// expected: a player reads the list of variants once. What shows a picture
// already isn't held up longer than that; sound is missed more.
const (
	awaitRungs = time.Second // past the end of the leading rendition's first segment
	awaitSound = 2           // whole segments of it
)

func (t *Timeline) join(e RenditionJoined) error {
	epoch := t.Current()
	switch {
	case epoch == nil || epoch.Number != e.Epoch:
		return fmt.Errorf("%w: %s joins epoch %d, which isn't open", ErrOrder, e.Rendition, e.Epoch)
	case epoch.Has(e.Rendition):
		if r := t.Rendition(e.Rendition); r == nil || !r.Left {
			return fmt.Errorf("%w: %s joins epoch %d again", ErrOrder, e.Rendition, e.Epoch)
		}
	case e.MSN < epoch.FirstMSN || e.MSN > t.Next.MSN:
		return fmt.Errorf("%w: %s joins epoch %d at segment %d", ErrOrder, e.Rendition, e.Epoch, e.MSN)
	}
	r := t.replace(e.Rendition)
	if r == nil {
		r = &Rendition{ID: e.Rendition, Version: t.Version}
		t.Renditions = slices.Insert(clone(t.Renditions, 1), t.place(epoch, e.Rendition), r)
	}
	last := r.Segments.Last()
	switch {
	case r.Open != nil:
		return fmt.Errorf("%w: %s joins with segment %d open", ErrOrder, e.Rendition, r.Open.MSN)
	case last != nil && last.MSN >= e.MSN:
		return fmt.Errorf("%w: %s joins at segment %d after %d", ErrOrder, e.Rendition, e.MSN, last.MSN)
	case last == nil || last.MSN+1 != e.MSN:
		r.From = e.MSN
	}
	r.Track, r.Epoch, r.Follows, r.Left, r.Behind = e.Track, e.Epoch, true, false, false
	if epoch.Has(e.Rendition) {
		r.Back = t.Next.MSN - 1
		return nil
	}
	joined := *epoch
	rank, at := epoch.rank(e.Rendition), len(epoch.Tracks)
	for at > epoch.Led && epoch.rank(epoch.Tracks[at-1].Rendition) > rank {
		at--
	}
	joined.Tracks = slices.Insert(clone(epoch.Tracks, 1), at, e.RenditionTrack)
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[len(t.Epochs)-1] = &joined
	return nil
}

// rank is the place of a rendition among those that are expected.
func (e *Epoch) rank(id RenditionID) int {
	i := slices.IndexFunc(e.Expected, func(x ExpectedRendition) bool { return x.Rendition == id })
	if i < 0 {
		return len(e.Expected)
	}
	return i
}

// place is where a rendition that joins comes to stand in Renditions: before the
// first of those that are expected after it.
func (t *Timeline) place(e *Epoch, id RenditionID) int {
	rank := e.rank(id)
	for i, r := range t.Renditions {
		if r.Follows && e.rank(r.ID) > rank {
			return i
		}
	}
	return len(t.Renditions)
}

func (t *Timeline) leave(e RenditionLeft) error {
	r := t.Rendition(e.Rendition)
	switch {
	case r == nil || !r.Follows || r.Left:
		return fmt.Errorf("%w: %s leaves, but hasn't joined", ErrOrder, e.Rendition)
	case r.Open != nil:
		return fmt.Errorf("%w: %s leaves with segment %d open", ErrOrder, e.Rendition, r.Open.MSN)
	}
	left := t.replace(e.Rendition)
	left.Left, left.Behind = true, false
	if t.cutShort(left) {
		left.From = left.Segments.Last().MSN + 1
	}
	return nil
}

// cutShort reports whether the rendition's newest segment ends before that of the
// leading one: what comes when it is back doesn't follow.
func (t *Timeline) cutShort(r *Rendition) bool {
	const slack = 50 * time.Millisecond // half a frame, of sound too
	last := r.Segments.Last()
	if last == nil {
		return false
	}
	e := t.Epoch(last.Epoch)
	if e == nil {
		return false
	}
	leader := t.Rendition(e.Tracks[0].Rendition)
	if leader == nil {
		return false
	}
	led := leader.Segments.ByMSN(last.MSN)
	return led == nil || led.Duration.Duration(led.Timescale(leader))-last.Duration.Duration(last.Timescale(r)) > slack
}

// trails reports whether the rendition follows and has joined that epoch, which
// may have ended since.
func (t *Timeline) trails(r *Rendition, epoch uint64) bool {
	return r.Follows && !r.Left && r.Epoch == epoch && (t.State == Live || t.State == Away)
}

// Expecting reports whether manifests should wait for renditions that are about
// to join the broadcast's first epoch. Once it's false it stays so for the
// broadcast: what has been served isn't taken back.
func (t *Timeline) Expecting() bool {
	e := t.Current()
	if e == nil || e.Number != t.Broadcast || len(e.Expected) == 0 || t.waited {
		return false
	}
	leader := t.Rendition(e.Tracks[0].Rendition)
	whole, past := 0, time.Duration(0)
	for g := range leader.Listed(t) {
		if whole == 0 { // by when it arrived: a burst gives rungs no time
			past = leader.since(g.MSN + 1)
		}
		if whole++; whole >= awaitSound {
			break
		}
	}
	for _, x := range e.Expected {
		if r := t.Rendition(x.Rendition); x.Maybe || r != nil && (r.Left || r.hasWhole(t)) {
			continue
		}
		if whole == 0 || x.Kind == media.Audio && whole < awaitSound || past < awaitRungs {
			return true
		}
	}
	return false
}

// hasWhole reports whether a whole segment of the rendition is listed.
func (r *Rendition) hasWhole(t *Timeline) bool {
	last := r.Segments.Last()
	return last != nil && last.MSN >= max(t.First, r.From)
}
