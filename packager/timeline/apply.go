package timeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/media"
)

// ErrOrder is wrapped by what Apply returns for an entry that can't follow
// those before it.
var ErrOrder = errors.New("entry out of order")

// However short its window, a playlist keeps six whole segments (Apple's HLS
// authoring specification 8.11) and three target durations (RFC 8216bis
// §6.2.2); one more of each, because the other renditions close their newest
// segment after the leading one.
const (
	minListed  = 6 + 1
	minTargets = 3 + 1
)

// Apply returns the timeline after e. It changes nothing that t refers to. An
// entry that breaks the order gives an error that wraps ErrOrder, and no
// timeline.
func Apply(t *Timeline, e Entry) (*Timeline, error) {
	next := *t
	next.Version++
	var err error
	switch e := e.(type) {
	case EpochStarted:
		err = next.startEpoch(e)
	case InitWritten:
		err = next.writeInit(e)
	case RenditionJoined:
		err = next.join(e)
	case RenditionLeft:
		err = next.leave(e)
	case EpochDated:
		err = next.dateEpoch(e)
	case CaptionsFound:
		err = next.findCaptions(e)
	case TargetsFixed:
		err = next.fixTargets(e)
	case PartWritten:
		err = next.writePart(e)
	case SegmentClosed:
		err = next.closeSegment(e)
	case SpliceMarked:
		err = next.markSplice(e)
	case SpliceEnded:
		err = next.endSplice(e)
	case SpliceCancelled:
		err = next.cancelSplice(e)
	case SegmentStored:
		err = next.storeSegment(e)
	case SegmentLost:
		err = next.loseSegment(e)
	case WindowCut:
		err = next.cutWindow(e)
	case EpochEnded:
		err = next.endEpoch(e)
	case StreamEnded:
		err = next.endStream(e)
	case Cleared:
		err = next.clear()
	default:
		err = fmt.Errorf("%w: unknown entry %T", ErrOrder, e)
	}
	if err != nil {
		return nil, err
	}
	switch e.(type) {
	case PartWritten:
	case SegmentStored: // nothing is told of that
		return &next, nil
	default:
		next.Whole = next.Version
	}
	next.settle()
	return &next, nil
}

func (t *Timeline) startEpoch(e EpochStarted) error {
	switch {
	case t.Current() != nil:
		return fmt.Errorf("%w: epoch %d starts inside epoch %d", ErrOrder, e.Epoch, t.Current().Number)
	case e.Epoch < t.Next.Epoch:
		return fmt.Errorf("%w: epoch %d after %d", ErrOrder, e.Epoch, t.Next.Epoch-1)
	case len(e.Tracks) == 0:
		return fmt.Errorf("%w: epoch %d has no tracks", ErrOrder, e.Epoch)
	}
	for _, rt := range e.Tracks {
		if r := t.Rendition(rt.Rendition); r != nil && r.Open != nil {
			return fmt.Errorf("%w: epoch %d starts with segment %d of %s open", ErrOrder, e.Epoch, r.Open.MSN, r.ID)
		}
	}
	if t.State == Offline || t.State == Ended {
		t.beginBroadcast(e.Epoch)
	}
	t.State, t.Since, t.Window = Live, e.At, e.Window
	t.Next.Epoch = e.Epoch + 1
	t.Epochs = append(clone(t.Epochs, 1), &Epoch{
		Number: e.Epoch, Start: e.At, Delay: e.Delay, FirstMSN: t.Next.MSN,
		Tracks: e.Tracks, Led: len(e.Tracks), Expected: e.Expected,
		Anchors: []Anchor{{MSN: t.Next.MSN, Media: Origin, Time: e.At, Renditions: firstSet(e), Captions: t.Captions}},
	})
	t.Renditions = clone(t.Renditions, len(e.Tracks))
	for _, rt := range e.Tracks {
		if i := t.index(rt.Rendition); i >= 0 {
			r := *t.Renditions[i]
			r.Track, r.Epoch, r.Version = rt.Track, e.Epoch, t.Version
			r.Follows, r.Left, r.Behind = false, false, false
			if last := r.Segments.Last(); last != nil && last.MSN >= t.First && last.MSN+1 < t.Next.MSN {
				r.From = t.Next.MSN // it had left
			}
			t.Renditions[i] = &r
			continue
		}
		t.Renditions = append(t.Renditions, &Rendition{
			ID: rt.Rendition, Track: rt.Track, Epoch: e.Epoch, Version: t.Version,
		})
	}
	return nil
}

// firstSet is what the epoch's first Period is to list.
func firstSet(e EpochStarted) []RenditionID {
	set := make([]RenditionID, 0, len(e.Tracks)+len(e.Expected))
	for _, rt := range e.Tracks {
		set = append(set, rt.Rendition)
	}
	for _, x := range e.Expected {
		if !x.Maybe {
			set = append(set, x.Rendition)
		}
	}
	return set
}

// beginBroadcast lists none of the old media; what is left of it can still be fetched.
func (t *Timeline) beginBroadcast(epoch uint64) {
	t.Broadcast = epoch
	t.First = t.Next.MSN
	t.unlisted, t.listed = t.unlisted+t.listed, 0
	t.Targets, t.Splices, t.waited, t.Captions = Targets{}, nil, false, media.Captions{}
	t.Longest = 0
	renditions := make([]*Rendition, len(t.Renditions))
	for i, r := range t.Renditions {
		fresh := *r
		fresh.PeakBandwidth, fresh.Bytes, fresh.Span, fresh.FrameRate = 0, 0, 0, 0
		fresh.PeakKeys, fresh.KeyBytes = 0, 0
		fresh.From, fresh.Left, fresh.Behind, fresh.Newest = 0, false, false, Position{}
		renditions[i] = &fresh
	}
	t.Renditions = renditions
}

func (t *Timeline) writeInit(e InitWritten) error {
	r, err := t.change(e.Rendition, e.Epoch)
	if err != nil {
		return err
	}
	if r.Open != nil || r.Init != nil && r.Init.Epoch == e.InitEpoch && e.InitEpoch == e.Epoch {
		return fmt.Errorf("%w: second init segment of %s in epoch %d", ErrOrder, e.Rendition, e.Epoch)
	}
	if r.Init == nil || r.Init.Epoch != e.InitEpoch {
		r.Init = &Init{Epoch: e.InitEpoch, Data: e.Data, Track: r.Track}
	}
	return nil
}

func (t *Timeline) fixTargets(e TargetsFixed) error {
	if t.Ready() {
		return fmt.Errorf("%w: targets are fixed already", ErrOrder)
	}
	if e.Targets.Segment <= 0 || e.Targets.Segment%time.Second != 0 || e.Targets.Part <= 0 {
		return fmt.Errorf("%w: targets of %v and %v", ErrOrder, e.Targets.Segment, e.Targets.Part)
	}
	t.Targets = e.Targets
	return nil
}

func (t *Timeline) writePart(e PartWritten) error {
	r, err := t.change(e.Rendition, e.Epoch)
	if err != nil {
		return err
	}
	next := r.NextPosition(t)
	if next.MSN != e.MSN || next.Part != e.Index {
		return fmt.Errorf("%w: part %d.%d of %s where %d.%d is next",
			ErrOrder, e.MSN, e.Index, e.Rendition, next.MSN, next.Part)
	}
	if r.Init == nil {
		return fmt.Errorf("%w: part of %s before its init segment", ErrOrder, e.Rendition)
	}
	g := &Segment{MSN: e.MSN, Epoch: e.Epoch, Init: r.Init, Start: e.Part.Start, Time: e.Part.Time}
	if r.Open != nil {
		*g = *r.Open
	} else if last := r.Segments.Last(); last != nil && last.Epoch == e.Epoch && last.MSN+1 == e.MSN {
		t.Longest = max(t.Longest, (g.Start - last.Start).Duration(r.Track.Timescale))
	}
	g.Parts = append(clone(g.Parts, 1), e.Part)
	g.Size += len(e.Part.Data)
	g.Duration = e.Part.Start + e.Part.Duration - g.Start
	r.Open, r.Newest = g, next
	t.Next.MSN = max(t.Next.MSN, e.MSN+1)
	t.judge(e.Rendition, true)
	return nil
}

func (t *Timeline) closeSegment(e SegmentClosed) error {
	epoch := t.Current()
	was := t.Rendition(e.Rendition)
	open := epoch != nil && epoch.Number == e.Epoch
	if was == nil || !open && !t.trails(was, e.Epoch) {
		return fmt.Errorf("%w: segment %d of %s in epoch %d closed", ErrOrder, e.MSN, e.Rendition, e.Epoch)
	}
	if was.Open != nil && was.Open.Epoch != e.Epoch {
		return fmt.Errorf("%w: segment %d of %s in epoch %d is closed in epoch %d",
			ErrOrder, e.MSN, e.Rendition, was.Open.Epoch, e.Epoch)
	}
	r := t.replace(e.Rendition)
	leads := open && epoch.Tracks[0].Rendition == e.Rendition
	if next := r.NextPosition(t); next.MSN != e.MSN || e.Duration <= 0 {
		return fmt.Errorf("%w: segment %d of %s with duration %d closed where %d is next",
			ErrOrder, e.MSN, e.Rendition, e.Duration, next.MSN)
	}
	if r.Open == nil { // a gap: nothing came for this rendition
		r.Segments = r.Segments.append(&Segment{
			MSN: e.MSN, Epoch: e.Epoch, Init: r.Init, Start: e.Start, Duration: e.Duration, Time: e.Time, Closed: true,
		})
	} else {
		g := *r.Open
		g.Duration, g.Closed = e.Duration, true
		r.Segments, r.Open = r.Segments.append(&g), nil
		r.measure(&g, t.First, t.Targets.Segment)
		if n := slices.IndexFunc(t.Epochs, func(o *Epoch) bool { return o.Number == e.Epoch }); n >= 0 {
			t.rate(n, r)
		}
		if leads {
			t.anchor(r, &g)
		}
	}
	t.Next.MSN = max(t.Next.MSN, e.MSN+1)
	t.Longest = max(t.Longest, e.Duration.Duration(r.Track.Timescale))
	if leads {
		t.listed += e.Duration.Duration(r.Track.Timescale)
		t.trim()
	}
	t.judge(e.Rendition, false)
	return nil
}

func (t *Timeline) endEpoch(e EpochEnded) error {
	epoch := t.Current()
	if epoch == nil || epoch.Number != e.Epoch {
		return fmt.Errorf("%w: end of epoch %d", ErrOrder, e.Epoch)
	}
	for _, r := range t.Renditions {
		if r.Open != nil && !r.Follows {
			return fmt.Errorf("%w: epoch %d ends with segment %d of %s open", ErrOrder, e.Epoch, r.Open.MSN, r.ID)
		}
	}
	if n := len(t.Epochs) - 1; !epoch.Anchors[len(epoch.Anchors)-1].Fixed {
		t.fix(n)
		epoch = t.Epochs[n]
	}
	ended := *epoch
	ended.Ended, ended.Shown = e.At, e.Shown
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[len(t.Epochs)-1] = &ended
	t.State, t.Since = Away, e.At
	t.touch()
	return nil
}

func (t *Timeline) endStream(e StreamEnded) error {
	if t.State != Away {
		return fmt.Errorf("%w: stream ends while %s", ErrOrder, t.State)
	}
	for _, r := range t.Renditions {
		if r.Open != nil {
			return fmt.Errorf("%w: stream ends with segment %d of %s open", ErrOrder, r.Open.MSN, r.ID)
		}
	}
	t.State, t.Since = Ended, e.At
	t.touch()
	for _, r := range t.Renditions { // nothing is ahead of it any more
		r.Behind = false
	}
	return nil
}

func (t *Timeline) clear() error {
	if t.State != Ended {
		return fmt.Errorf("%w: cleared while %s", ErrOrder, t.State)
	}
	t.State, t.Targets, t.Splices = Offline, Targets{}, nil
	t.Epochs, t.Renditions, t.listed, t.unlisted = nil, nil, 0, 0
	t.First, t.Kept, t.Gone = t.Next.MSN, t.Next.MSN, t.Next.Epoch-1
	return nil
}

// touch marks every rendition as changed: all their playlists say something new.
func (t *Timeline) touch() {
	t.Renditions = clone(t.Renditions, 0)
	for i, r := range t.Renditions {
		touched := *r
		touched.Version = t.Version
		t.Renditions[i] = &touched
	}
}

// change returns a copy of the rendition, already in its place, that the
// caller may write to; the rendition must be one of the open epoch's, or trail.
func (t *Timeline) change(id RenditionID, epoch uint64) (*Rendition, error) {
	r, current := t.Rendition(id), t.Current()
	switch {
	case r == nil || r.Left:
	case current != nil && current.Number == epoch && current.Has(id), t.trails(r, epoch):
		return t.replace(id), nil
	}
	return nil, fmt.Errorf("%w: %s is no rendition of an open epoch %d", ErrOrder, id, epoch)
}

func (t *Timeline) replace(id RenditionID) *Rendition {
	i := t.index(id)
	if i < 0 {
		return nil
	}
	r := *t.Renditions[i]
	r.Version = t.Version
	t.Renditions = clone(t.Renditions, 0)
	t.Renditions[i] = &r
	return &r
}

func (t *Timeline) index(id RenditionID) int {
	for i, r := range t.Renditions {
		if r.ID == id {
			return i
		}
	}
	return -1
}
