package packager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/timeline"
)

// What Cue answers with.
var (
	// ErrNotLive says that there is nothing that could be spliced now.
	ErrNotLive = errors.New("the stream isn't live")
	// ErrCue is wrapped by what is wrong with a cue.
	ErrCue = errors.New("bad cue")
)

// CueKind is what a cue asks for.
type CueKind uint8

// The kinds of cues.
const (
	CueSection     CueKind = iota // Section says it
	CueOut                        // splice_insert: a break begins
	CueOpportunity                // time_signal: a placement opportunity of the provider begins
	CueIn                         // what began ends: the break of ID, else the newest
	CueCancel                     // the splice of ID, which is still to come, won't be
)

// Cue is a splice that somebody wants who isn't the publisher.
type Cue struct {
	Kind    CueKind
	Section []byte // a splice_info_section
	ID      string // as manifests say it; made up where empty
	// Duration is how long it is meant to last, 0 where nobody knows. Returns says that
	// it ends then by itself.
	Duration time.Duration
	Returns  bool
	// At is when, on the server's clock. Where it is zero, Ahead is how far after the
	// newest picture.
	At    time.Time
	Ahead time.Duration
}

// Cue marks a splice in a stream that is live, and returns the IDs of what it is
// about: none where all of it was known. The error wraps ErrNotLive, ErrCue or
// ErrClosed, or is the journal's.
func (p *Packager) Cue(ctx context.Context, name string, c Cue) ([]string, error) {
	p.mu.Lock()
	s := p.streams[name]
	p.mu.Unlock()
	if s == nil {
		return nil, ErrNotLive
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.epoch == nil || !s.epoch.clock.settled:
		return nil, ErrNotLive
	}
	ids, err := s.cue(ctx, c)
	if errors.Is(err, errSplice) {
		err = fmt.Errorf("%w: %w", ErrCue, err)
	}
	if err == nil && len(ids) > 0 {
		s.log.Info("cue", "epoch", s.epoch.number, "splice", ids)
	}
	return ids, err
}

func (s *Stream) cue(ctx context.Context, c Cue) ([]string, error) {
	if !validSpliceID(c.ID) {
		return nil, fmt.Errorf("%w: an id has up to %d letters, digits, spaces and -._:/@", ErrCue, maxSpliceID)
	}
	at := s.cueTime(c)
	section, err := s.cueSection(c, at)
	if err != nil {
		return nil, err
	}
	raw := c.Section
	if c.Kind != CueSection {
		if raw, err = section.AppendTo(nil); err != nil {
			return nil, err
		}
	}
	return s.mark(ctx, section, slices.Clone(raw), spliceAt{at, c.ID, c.Duration})
}

// cueTime is when a cue is, on the epoch's clock.
func (s *Stream) cueTime(c Cue) time.Duration {
	e := s.epoch
	newest := e.lanes[0].end.Duration(e.lanes[0].Timescale)
	if c.At.IsZero() {
		return newest + c.Ahead
	}
	return newest + c.At.Sub(e.exactDate(newest))
}

// cueSection returns the section of a cue at that time.
func (s *Stream) cueSection(c Cue, at time.Duration) (*scte35.Section, error) {
	pts := uint64(media.TicksOf(at, scte35.ClockRate))
	known := s.record.now().Splice(c.ID)
	switch c.Kind {
	case CueSection:
		section, err := scte35.Parse(c.Section)
		if err == nil && len(c.Section) > MaxSection {
			err = fmt.Errorf("%d bytes are more than %d", len(c.Section), MaxSection)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCue, err)
		}
		return section, nil
	case CueOut, CueOpportunity:
		if known != nil {
			return nil, fmt.Errorf("%w: there is a splice %q already", ErrCue, c.ID)
		}
		event := s.nextSpliceEvent()
		if c.Kind == CueOpportunity {
			return scte35.Opportunity(event, &pts, c.Duration, false), nil
		}
		return scte35.Out(event, &pts, c.Duration, c.Returns), nil
	case CueCancel:
		if known == nil || s.ahead(known.EventID) == nil {
			return nil, fmt.Errorf("%w: no splice %q is still to come", ErrCue, c.ID)
		}
		return scte35.Cancel(known.EventID), nil
	}
	open := s.openBreak(c.ID)
	if open == nil {
		return nil, fmt.Errorf("%w: no such break has begun that isn't over", ErrCue)
	}
	if open.Type != 0 {
		return scte35.Opportunity(open.EventID, &pts, 0, true), nil
	}
	return scte35.In(open.EventID, &pts), nil
}

// openBreak returns the break of that ID, or the newest, if it isn't over; else nil.
func (s *Stream) openBreak(id string) *timeline.Splice {
	splices := s.record.now().Splices
	for i := len(splices) - 1; i >= 0; i-- {
		o := splices[i]
		if o.Kind == timeline.SpliceOut && o.End == nil && (id == "" || o.ID == id) {
			return o
		}
	}
	return nil
}

// nextSpliceEvent returns an event id that no splice of the stream has had. It starts
// at the time, so that it goes on after a restart.
func (s *Stream) nextSpliceEvent() uint32 {
	s.spliceID = max(s.spliceID+1, uint32(time.Now().Unix()))
	return s.spliceID
}
