package timeline

import (
	"fmt"
	"slices"
	"time"
)

// MaxSplices is how many splices a timeline holds. Every playlist lists all of them.
const MaxSplices = 64

// SpliceKind is what a splice is.
type SpliceKind uint8

// The kinds of splices.
const (
	SpliceCommand SpliceKind = iota // of the programme: chapters, private matters
	SpliceOut                       // a break begins, and ends with SpliceEnded or by itself
	SpliceIn                        // a break ends of which no beginning is known
)

func (k SpliceKind) String() string { return [...]string{"command", "out", "in"}[k] }

// Splice is a point of the programme that a splice_info_section (SCTE 35) tells of;
// with a break's end it's a span. What has been told of it never changes.
type Splice struct {
	// Number is given by Apply: it rises for the life of a timeline.
	Number uint32
	// ID is unique among those that a stream lists.
	ID   string
	Kind SpliceKind
	// EventID and Type are the section's own, by which a break's ends find each other.
	EventID uint32
	Type    uint8
	// Epoch and Media are where it is: a time on that epoch's clock, which the epoch
	// may never reach.
	Epoch uint64
	Media time.Duration
	// Time is the same on the server's clock, in whole milliseconds.
	Time time.Time
	// Planned is how long it is meant to last, in whole milliseconds; 0: nobody knows.
	Planned time.Duration
	// Section is the splice_info_section, never written again.
	Section []byte
	// End is that of a break that is over; nil before.
	End *SpliceEnd
}

// SpliceEnd is where a break ended.
type SpliceEnd struct {
	Epoch   uint64
	Media   time.Duration
	Time    time.Time // never before the splice's
	Section []byte
}

// Duration is how long a break lasted that is over.
func (s *Splice) Duration() time.Duration {
	if s.End == nil {
		return 0
	}
	return s.End.Time.Sub(s.Time)
}

// Over is when it is over, as far as anybody knows: false of a break that may go on
// for ever.
func (s *Splice) Over() (time.Time, bool) {
	switch {
	case s.End != nil:
		return s.End.Time, true
	case s.Kind == SpliceOut && s.Planned == 0:
		return time.Time{}, false
	}
	return s.Time.Add(s.Planned), true
}

// Splice returns the splice of that ID, or nil.
func (t *Timeline) Splice(id string) *Splice {
	for _, s := range t.Splices {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (t *Timeline) markSplice(e SpliceMarked) error {
	s := e.Splice
	switch {
	case t.Epoch(s.Epoch) == nil || t.State != Live && t.State != Away:
		return fmt.Errorf("%w: splice in epoch %d", ErrOrder, s.Epoch)
	case !t.FitsSplices(1):
		return fmt.Errorf("%w: more than %d splices", ErrOrder, MaxSplices)
	case s.ID == "" || t.Splice(s.ID) != nil:
		return fmt.Errorf("%w: second splice %q", ErrOrder, s.ID)
	case s.End != nil || len(s.Section) == 0 || s.Planned < 0:
		return fmt.Errorf("%w: splice %q without a section, or over already", ErrOrder, s.ID)
	}
	t.spliceNumber++
	s.Number = t.spliceNumber
	if len(t.Splices) >= MaxSplices {
		i := slices.IndexFunc(t.Splices, t.mayGo)
		t.Splices = slices.Delete(clone(t.Splices, 0), i, i+1)
	}
	at := len(t.Splices)
	for at > 0 && t.Splices[at-1].Time.After(s.Time) {
		at--
	}
	t.Splices = slices.Insert(clone(t.Splices, 1), at, &s)
	t.touch()
	return nil
}

// FitsSplices reports whether there is room for n more. Where MaxSplices are there, the
// oldest make it of those that may go.
func (t *Timeline) FitsSplices(n int) bool {
	room := MaxSplices - len(t.Splices)
	if room < n {
		for _, s := range t.Splices {
			if t.mayGo(s) {
				room++
			}
		}
	}
	return room >= n
}

// oldSplice is how long ago a splice was over that makes room for a new one.
const oldSplice = 10 * time.Minute

// mayGo reports whether a splice may make room: a break that began before what playlists
// list, and of which nobody knows when it ends (it may never, and such would pile up), or
// what was over long before the newest segment. Windows of hours have more than there is
// room for, and who plays at the live edge needs the new ones.
func (t *Timeline) mayGo(s *Splice) bool {
	over, known := s.Over()
	if !known {
		return s.Time.Before(t.dateOf(t.First))
	}
	return over.Before(t.dateOf(t.Next.MSN - 1).Add(-oldSplice))
}

func (t *Timeline) endSplice(e SpliceEnded) error {
	i := slices.IndexFunc(t.Splices, func(s *Splice) bool { return s.ID == e.ID })
	if i < 0 || t.Splices[i].End != nil || t.Splices[i].Kind != SpliceOut {
		return fmt.Errorf("%w: end of splice %q", ErrOrder, e.ID)
	}
	if e.End.Time.Before(t.Splices[i].Time) || len(e.End.Section) == 0 {
		return fmt.Errorf("%w: splice %q ends before it begins, or without a section", ErrOrder, e.ID)
	}
	ended := *t.Splices[i]
	ended.End = &e.End
	t.Splices = clone(t.Splices, 0)
	t.Splices[i] = &ended
	t.touch()
	return nil
}

func (t *Timeline) cancelSplice(e SpliceCancelled) error {
	i := slices.IndexFunc(t.Splices, func(s *Splice) bool { return s.ID == e.ID })
	if i < 0 {
		return fmt.Errorf("%w: splice %q is cancelled", ErrOrder, e.ID)
	}
	t.Splices = slices.Delete(clone(t.Splices, 0), i, i+1)
	t.touch()
	return nil
}

// dropSplices lets go of those that were over before the first segment that
// playlists list begins, by the milliseconds that they tell.
func (t *Timeline) dropSplices() {
	if len(t.Splices) == 0 {
		return
	}
	first := t.dateOf(t.First)
	if first.IsZero() {
		return
	}
	first = first.Truncate(time.Millisecond)
	gone := func(s *Splice) bool {
		over, known := s.Over()
		return known && over.Before(first)
	}
	if slices.ContainsFunc(t.Splices, gone) {
		t.Splices = slices.DeleteFunc(clone(t.Splices, 0), gone)
	}
}

// dateOf is when segment msn begins in the leading rendition of its epoch; zero where
// there is none.
func (t *Timeline) dateOf(msn uint64) time.Time {
	for _, r := range t.Renditions {
		if g := r.Segment(msn); g != nil && !r.Follows {
			return g.Time
		}
	}
	return time.Time{}
}
