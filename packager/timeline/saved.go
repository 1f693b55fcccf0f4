package timeline

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"sluice/media"
)

// ErrSaved is wrapped by what Restore returns of what no timeline can have saved.
var ErrSaved = errors.New("no timeline looks like that")

// Saved is what a timeline holds beside its segments and the bytes of its init segments:
// what has to be written down to go on with it in another process.
type Saved struct {
	State             State
	Since             time.Time
	Next              Numbers
	Window            time.Duration
	Targets           Targets
	First, Kept       uint64
	Gone, Broadcast   uint64
	Captions          media.Captions
	Longest           time.Duration
	Epochs            []Epoch
	Renditions        []SavedRendition
	Splices           []Splice `json:",omitempty"`
	SpliceNumber      uint32
	WaitedForEveryone bool // manifests of the broadcast don't wait for its rungs
}

// SavedRendition is what a Rendition holds likewise. InitEpochs are those of its init
// segments, the newest last.
type SavedRendition struct {
	ID            RenditionID
	Track         media.Track
	Newest        Position
	PeakBandwidth uint64
	Bytes         uint64
	Span          time.Duration
	PeakKeys      uint64 `json:",omitempty"`
	KeyBytes      uint64 `json:",omitempty"`
	FrameRate     uint32
	Epoch         uint64
	Follows, Left bool
	From, Back    uint64
}

// Save returns what is to be written down of t.
func (t *Timeline) Save() Saved {
	s := Saved{
		State: t.State, Since: t.Since, Next: t.Next, Window: t.Window, Targets: t.Targets,
		First: t.First, Kept: t.Kept, Gone: t.Gone, Broadcast: t.Broadcast, Captions: t.Captions, Longest: t.Longest,
		SpliceNumber: t.spliceNumber, WaitedForEveryone: t.waited,
	}
	for _, e := range t.Epochs {
		s.Epochs = append(s.Epochs, *e)
	}
	for _, r := range t.Renditions {
		s.Renditions = append(s.Renditions, SavedRendition{
			ID: r.ID, Track: r.Track, Newest: r.Newest, PeakBandwidth: r.PeakBandwidth, Bytes: r.Bytes, Span: r.Span,
			PeakKeys: r.PeakKeys, KeyBytes: r.KeyBytes, FrameRate: r.FrameRate,
			Epoch: r.Epoch, Follows: r.Follows, Left: r.Left, From: r.From, Back: r.Back,
		})
	}
	for _, p := range t.Splices {
		s.Splices = append(s.Splices, *p)
	}
	return s
}

// Restoration is how Restore goes about it.
type Restoration struct {
	// Segments are those of a rendition that are in storage, oldest first, with Stored or as
	// gaps. What isn't of the window any more may be among them.
	Segments func(RenditionID) iter.Seq[*Segment]
	// Unsaved is how many segments may have been told of that Segments doesn't have, since
	// the process was killed. Their numbers are never used again.
	Unsaved uint64
	// At is the time of the restart, from which on a publisher is waited for.
	At time.Time
}

// Restore returns the timeline that goes on with what was saved. An epoch that was open
// has ended, and of the newest segments those that nobody has are lost. The error wraps
// ErrSaved.
func Restore(s Saved, o Restoration) (*Timeline, error) {
	t := &Timeline{
		Version: 1, Whole: 1, State: s.State, Since: s.Since, Next: s.Next, Window: s.Window, Targets: s.Targets,
		First: s.First, Kept: s.Kept, Gone: s.Gone, Broadcast: s.Broadcast, Captions: s.Captions, Longest: s.Longest,
		waited: s.WaitedForEveryone, spliceNumber: s.SpliceNumber,
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	for i := range s.Epochs {
		t.Epochs = append(t.Epochs, &s.Epochs[i])
	}
	for i := range s.Splices {
		t.Splices = append(t.Splices, &s.Splices[i])
	}
	for _, r := range s.Renditions {
		restored, err := t.restore(r, o)
		if err != nil {
			return nil, err
		}
		t.Renditions = append(t.Renditions, restored)
	}
	if err := t.resume(o); err != nil {
		return nil, err
	}
	t.drop()
	for msn := t.Kept; msn < t.Next.MSN; msn++ {
		if d := t.durationOf(msn); msn < t.First {
			t.unlisted += d
		} else {
			t.listed += d
		}
	}
	return t, nil
}

// check refuses what would break what others rely on.
func (s *Saved) check() error {
	last := s.Gone
	for i := range s.Epochs {
		e := &s.Epochs[i]
		open := e.Ended.IsZero()
		if e.Number <= last || e.Number >= s.Next.Epoch || e.Led <= 0 || e.Led > len(e.Tracks) || len(e.Anchors) == 0 ||
			open && (i < len(s.Epochs)-1 || s.State != Live) {
			return fmt.Errorf("%w: epoch %d", ErrSaved, e.Number)
		}
		last = e.Number
	}
	if s.State > Ended || s.State == Live && (len(s.Epochs) == 0 || !s.Epochs[len(s.Epochs)-1].Ended.IsZero()) {
		return fmt.Errorf("%w: it is %d without an open epoch", ErrSaved, s.State)
	}
	if (s.State == Live || s.State == Away) && s.Targets.Segment <= 0 {
		return fmt.Errorf("%w: no targets", ErrSaved)
	}
	if s.Kept == 0 || s.Kept > s.First || s.First > s.Next.MSN || s.Next.Epoch == 0 || len(s.Splices) > MaxSplices {
		return fmt.Errorf("%w: numbers %+v", ErrSaved, s.Next)
	}
	for i := range s.Renditions {
		if r := &s.Renditions[i]; r.Track.Timescale <= 0 || slices.ContainsFunc(s.Renditions[:i], func(o SavedRendition) bool { return o.ID == r.ID }) {
			return fmt.Errorf("%w: rendition %s", ErrSaved, r.ID)
		}
	}
	for i := range s.Epochs {
		lead := s.Epochs[i].Tracks[0].Rendition
		if !slices.ContainsFunc(s.Renditions, func(r SavedRendition) bool { return r.ID == lead }) {
			return fmt.Errorf("%w: epoch %d is led by %s", ErrSaved, s.Epochs[i].Number, lead)
		}
	}
	return nil
}

func (t *Timeline) restore(s SavedRendition, o Restoration) (*Rendition, error) {
	r := &Rendition{
		ID: s.ID, Track: s.Track, Newest: s.Newest, PeakBandwidth: s.PeakBandwidth, Bytes: s.Bytes, Span: s.Span,
		PeakKeys: s.PeakKeys, KeyBytes: s.KeyBytes, FrameRate: s.FrameRate,
		Epoch: s.Epoch, Follows: s.Follows, Left: s.Left, From: s.From, Back: s.Back, Version: t.Version,
	}
	var last uint64
	for g := range o.Segments(s.ID) {
		if g.MSN < t.Kept || g.MSN >= t.Next.MSN {
			continue
		}
		if g.MSN <= last || !g.Closed || g.Duration <= 0 || t.Epoch(g.Epoch) == nil || !g.Gap() && (g.Stored == nil || g.Init == nil) {
			return nil, fmt.Errorf("%w: segment %d of %s", ErrSaved, g.MSN, s.ID)
		}
		if before := r.Segments.Last(); before != nil && g.MSN != last+1 && last >= t.First {
			return nil, fmt.Errorf("%w: %s has nothing between segments %d and %d", ErrSaved, s.ID, last, g.MSN)
		}
		last = g.MSN
		r.Segments = r.Segments.append(g)
		r.Init = g.Init
	}
	if n := r.Segments.Last(); n != nil && r.Newest.MSN > n.MSN {
		r.Newest = Position{MSN: n.MSN, Part: max(n.NumParts()-1, 0)}
	}
	return r, nil
}

// maxUnsaved is how many segments may be missing at a window's end.
const maxUnsaved = 10_000

// resume ends what was going on, and closes the window with what is lost.
func (t *Timeline) resume(o Restoration) error {
	whole, oldest := t.Kept, t.Next.MSN
	for _, r := range t.Renditions {
		if last := r.Segments.Last(); last != nil {
			whole, oldest = max(whole, last.MSN+1), min(oldest, r.Segments.First().MSN)
		}
	}
	if t.Next.MSN > whole+maxUnsaved || o.Unsaved > maxUnsaved {
		return fmt.Errorf("%w: segment %d is next after %d", ErrSaved, t.Next.MSN, whole-1)
	}
	t.Kept = max(t.Kept, oldest)
	t.First = max(t.First, t.Kept)
	t.Next.MSN = max(whole, t.Next.MSN) + o.Unsaved
	if o.Unsaved > 0 {
		t.Next.Epoch++ // nor did it tell of all epochs
	}
	if t.State != Live && t.State != Away {
		return nil
	}
	if n := len(t.Epochs) - 1; t.State == Live {
		if !t.Epochs[n].Anchors[len(t.Epochs[n].Anchors)-1].Fixed {
			t.fix(n)
		}
		ended := *t.Epochs[n]
		ended.Ended = o.At
		t.Epochs = clone(t.Epochs, 0)
		t.Epochs[n] = &ended
	}
	t.State, t.Since = Away, o.At
	for _, r := range t.Renditions {
		if !r.Left {
			t.lose(r)
		}
	}
	return nil
}

// lose adds what is missing of a rendition's newest segments: as what leads has it, or
// each as long as the target.
func (t *Timeline) lose(r *Rendition) {
	last := r.Segments.Last()
	if last == nil {
		return
	}
	ts := last.Timescale(r)
	for msn := last.MSN + 1; msn < t.Next.MSN; msn++ {
		g := &Segment{
			MSN: msn, Epoch: last.Epoch, Init: last.Init, Start: last.Start + last.Duration,
			Duration: max(media.TicksOf(t.Targets.Segment, ts), 1),
			Time:     last.Time.Add(last.Duration.Duration(ts)), Closed: true, Lost: true,
		}
		if lead, led := t.leading(msn); led != nil && lead.ID != r.ID {
			was := led.Timescale(lead)
			g.Epoch, g.Time = led.Epoch, led.Time
			g.Start, g.Duration = led.Start.Rescale(was, ts), max(led.Duration.Rescale(was, ts), 1)
		}
		r.Segments, last = r.Segments.append(g), g
	}
}

// leading returns the whole segment of that MSN of the rendition that leads its epoch.
func (t *Timeline) leading(msn uint64) (*Rendition, *Segment) {
	for _, e := range slices.Backward(t.Epochs) {
		if e.FirstMSN > msn {
			continue
		}
		lead := t.Rendition(e.Tracks[0].Rendition)
		return lead, lead.Segments.ByMSN(msn)
	}
	return nil, nil
}
