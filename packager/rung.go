package packager

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// Expect implements media.Base.
func (s *Stream) Expect(x media.Expectation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expects = x
}

// Placed implements media.Base.
func (s *Stream) Placed() (media.Place, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.placed, s.isPlaced
}

// Open implements media.Base.
func (s *Stream) Open(t media.Track) media.Rung {
	return &rung{stream: s, track: t, id: timeline.RenditionID(t.Name)}
}

// rung is the way in for one rung's samples. Its lanes belong to the epochs.
type rung struct {
	stream *Stream
	track  media.Track
	id     timeline.RenditionID
	init   []byte // of the track
}

// WriteSample implements media.Rung.
func (r *rung) WriteSample(ctx context.Context, epoch uint64, sample media.Sample, arrived time.Time) error {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(sample.Data) == 0 || sample.DTS < 0 || sample.DTS > maxTime {
		s.drop(dropMalformed, 1)
		return nil
	}
	for _, e := range s.trails {
		if e.number < epoch {
			if err := s.finish(ctx, e, r.id); err != nil {
				return fmt.Errorf("package %s of %s: %w", r.id, s.name, err)
			}
		}
	}
	taken, err := r.write(ctx, s.open(epoch), sample, arrived)
	if err != nil {
		return fmt.Errorf("package %s of %s: %w", r.id, s.name, err)
	}
	if !taken {
		s.drop(dropLate, 1)
	}
	return nil
}

func (r *rung) write(ctx context.Context, e *epoch, sample media.Sample, arrived time.Time) (bool, error) {
	if e == nil {
		return false, nil
	}
	l := e.rung(r.id)
	if l == nil {
		var err error
		if l, err = r.join(ctx, e, sample); l == nil || err != nil {
			return false, err
		}
	}
	if !l.Track.Equal(r.track) {
		return false, nil // one epoch has one init segment
	}
	if sample.Duration <= 0 {
		sample.Duration = l.frame
	}
	l.frame = sample.Duration
	if l.Kind == media.Audio {
		return e.follow(ctx, l, sample, arrived)
	}
	return e.followRung(ctx, l, sample, arrived)
}

// End implements media.Rung.
func (r *rung) End(ctx context.Context, epoch uint64) error {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slices.Clone(s.trails) {
		if e.number <= epoch {
			if err := s.finish(ctx, e, r.id); err != nil {
				return fmt.Errorf("end %s of %s: %w", r.id, s.name, err)
			}
		}
	}
	return nil
}

// Leave implements media.Rung.
func (r *rung) Leave(ctx context.Context) error {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.record == nil {
		return nil
	}
	if err := s.leave(ctx, r.id); err != nil {
		return fmt.Errorf("%s leaves %s: %w", r.id, s.name, err)
	}
	return nil
}

// join makes the rung a lane of the epoch, if the sample starts a segment there
// that the rung doesn't have yet.
func (r *rung) join(ctx context.Context, e *epoch, sample media.Sample) (*lane, error) {
	x := slices.IndexFunc(e.expected.Rungs, func(x media.ExpectedRung) bool { return x.Name == r.track.Name })
	if x < 0 || e.stop > 0 || !sample.Sync {
		return nil, nil
	}
	if r.init == nil {
		init, err := cmaf.Init(r.track)
		if err != nil {
			return nil, err
		}
		r.init = init
	}
	in := &input{
		Track: r.track, intake: newIntake(r.track), rendition: r.id, init: r.init,
		metrics: r.stream.packager.metrics.ofRung(r.track.Kind.String(), r.track.Name),
	}
	in.frame = max(sample.Duration, 1)
	l := &lane{input: in, epoch: e}
	b, ok := e.boundAt(l, sample)
	if !ok {
		return nil, nil
	}
	t := e.record.now()
	if was := t.Rendition(r.id); was != nil {
		last := was.Segments.Last()
		switch {
		case was.Open != nil || last != nil && last.MSN >= b.msn:
			return nil, nil
		case was.Epoch == e.number && was.Init != nil && !was.Track.Equal(r.track):
			return nil, nil // one epoch has one init segment
		}
		if err := e.fillBefore(ctx, was, b.msn); err != nil {
			return nil, err
		}
	}
	first := t.Rendition(r.id) == nil || t.Rendition(r.id).Epoch != e.number
	err := e.record.append(ctx, timeline.RenditionJoined{
		Epoch: e.number, RenditionTrack: timeline.RenditionTrack{Rendition: r.id, Track: r.track}, MSN: b.msn,
	})
	if err == nil && first {
		err = e.writeInit(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	l.msn, l.limit = b.msn, e.lanes[0].limit.Rescale(e.lanes[0].Timescale, l.Timescale)
	if part := t.Targets.Part; part > 0 {
		l.setLimit(part)
	}
	e.rungs = append(e.rungs, l)
	r.stream.log.Info("rung joins", "rung", r.id, "epoch", e.number, "seg", b.msn)
	return l, nil
}

// boundAt returns the segment that a sample starts. Sound may start anywhere in one.
func (e *epoch) boundAt(l *lane, s media.Sample) (bound, bool) {
	for _, b := range slices.Backward(e.bounds) {
		at := b.at.Rescale(e.lanes[0].Timescale, l.Timescale)
		half := e.halfFrame()
		if l.Kind == media.Audio {
			half = s.Duration / 2
		}
		if s.DTS >= at-half {
			return b, l.Kind == media.Audio || s.DTS <= at+half
		}
	}
	return bound{}, false
}

// fillBefore records gaps for what a rung that is still listed has missed.
func (e *epoch) fillBefore(ctx context.Context, r *timeline.Rendition, msn uint64) error {
	t := e.record.now()
	next := r.NextPosition(t).MSN
	if !r.IsListed(t) || !hasMedia(t, r) || next+maxJoinGap < msn {
		return nil
	}
	for ; next < msn; next++ {
		if err := e.record.gap(ctx, e.number, r.ID, gapAt(r, e.clock.at(0), e.settings.Segment)); err != nil {
			return err
		}
	}
	return nil
}

// rung returns the lane of that rung, or nil.
func (e *epoch) rung(id timeline.RenditionID) *lane {
	for _, l := range e.rungs {
		if l.rendition == id {
			return l
		}
	}
	return nil
}

// followRung takes a picture of a rung. Its segments start at the leading
// rendition's bounds, with a sync sample, or not at all.
func (e *epoch) followRung(ctx context.Context, l *lane, s media.Sample, arrived time.Time) (bool, error) {
	if l.begun && s.DTS <= l.newest || e.stop > 0 && l.msn >= e.stop {
		return false, nil
	}
	half := e.halfFrame()
	for s.DTS >= e.boundary(l, l.msn+1)-half {
		if err := l.closeRung(ctx); err != nil {
			return true, err
		}
	}
	if at := e.boundary(l, l.msn); l.parts == 0 && len(l.pending) == 0 &&
		(!s.Sync || s.DTS < at-half || s.DTS > at+half) {
		return false, nil
	}
	next := e.boundary(l, l.msn+1)
	s.Duration = max(min(s.Duration, next-s.DTS), 1)
	l.push(s, arrived)
	if l.end >= next-half {
		return true, l.closeRung(ctx)
	}
	return true, l.publishPending(ctx)
}

// halfFrame is how far a rung's picture may be from the leading rendition's and
// be the same.
func (e *epoch) halfFrame() media.Ticks { return e.lanes[0].frame / 2 }

// closeRung ends the rung's segment, which the leading rendition has ended: it
// is as long as there, but for an epoch's last, of which the publisher may have
// left out pictures that come after those in decode order.
func (l *lane) closeRung(ctx context.Context) error {
	if err := l.flush(ctx, len(l.pending)); err != nil {
		return err
	}
	leader := l.epoch.lanes[0]
	duration := l.covered - l.start
	if r := l.epoch.record.now().Rendition(leader.rendition); r != nil && l.Kind == media.Video {
		if g := r.Segments.ByMSN(l.msn); g != nil {
			whole := g.Duration.Rescale(g.Timescale(r), l.Timescale)
			if l.epoch.boundary(l, l.msn+1) == maxTime {
				whole = max(whole, duration)
			}
			duration = whole
		}
	}
	return l.closed(ctx, max(duration, 1))
}

// cutRungs is told that the leading rendition has ended a segment.
func (e *epoch) cutRungs(ctx context.Context) error {
	msn := e.lanes[0].msn
	for _, l := range e.rungs {
		// Nobody may fall further behind than one segment: the window moves on.
		for l.msn+1 < msn {
			if err := l.closeRung(ctx); err != nil {
				return err
			}
		}
		var err error
		switch {
		case l.Kind == media.Audio:
			err = l.advance(ctx)
		case l.begun && l.end >= e.boundary(l, l.msn+1)-e.halfFrame():
			err = l.closeRung(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// place notes where the leading track's samples go.
func (s *Stream) place(l *lane) {
	s.placed, s.isPlaced = media.Place{Epoch: l.epoch.number, Shift: l.shift + l.offsetShift}, true
}

// open returns the epoch of that number, if rungs can write to it.
func (s *Stream) open(number uint64) *epoch {
	if s.epoch != nil && s.epoch.number == number {
		return s.epoch
	}
	for _, e := range s.trails {
		if e.number == number {
			return e
		}
	}
	return nil
}

// trail keeps an epoch that has ended for its rungs.
func (s *Stream) trail(ctx context.Context, e *epoch) error {
	e.stop = s.record.now().Next.MSN
	if len(e.rungs) == 0 {
		return nil
	}
	err := s.finishTrails(ctx) // of those before
	s.trails = append(s.trails, e)
	return err
}

// finishTrails ends all that is left of epochs that have ended.
func (s *Stream) finishTrails(ctx context.Context) error {
	for len(s.trails) > 0 {
		e := s.trails[0]
		if err := s.finish(ctx, e, e.rungs[0].rendition); err != nil {
			s.trails = nil
			return err
		}
	}
	return nil
}

// finish publishes what a rung has left of an epoch that has ended, and brings it
// to the epoch's last segment.
func (s *Stream) finish(ctx context.Context, e *epoch, id timeline.RenditionID) error {
	l := e.rung(id)
	if l == nil {
		return nil
	}
	e.rungs = slices.DeleteFunc(slices.Clone(e.rungs), func(o *lane) bool { return o == l })
	if len(e.rungs) == 0 {
		s.trails = slices.DeleteFunc(slices.Clone(s.trails), func(o *epoch) bool { return o == e })
		s.schedule()
	}
	for l.msn < e.stop {
		if err := l.closeRung(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leave takes a rung out.
func (s *Stream) leave(ctx context.Context, id timeline.RenditionID) error {
	for _, e := range slices.Clone(s.trails) {
		if err := s.finish(ctx, e, id); err != nil {
			return err
		}
	}
	if e := s.epoch; e != nil {
		if l := e.rung(id); l != nil {
			if len(l.pending) > 0 || l.parts > 0 {
				if err := l.closeRung(ctx); err != nil {
					return err
				}
			}
			e.rungs = slices.DeleteFunc(slices.Clone(e.rungs), func(o *lane) bool { return o == l })
		}
	}
	r := s.record.now().Rendition(id)
	if r == nil || !r.Follows || r.Left {
		return nil
	}
	s.log.Info("rung leaves", "rung", id)
	return s.record.append(ctx, timeline.RenditionLeft{Rendition: id, At: time.Now()})
}

// leaveUnexpected takes the rungs out that a new epoch won't have.
func (s *Stream) leaveUnexpected(ctx context.Context, e *epoch) error {
	for _, r := range s.record.now().Renditions {
		expected := slices.ContainsFunc(e.expected.Rungs, func(x media.ExpectedRung) bool {
			return timeline.RenditionID(x.Name) == r.ID
		})
		if !r.Follows || r.Left || expected {
			continue
		}
		if err := s.leave(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

func expectedRenditions(x media.Expectation) []timeline.ExpectedRendition {
	var all []timeline.ExpectedRendition
	for _, r := range x.Rungs {
		all = append(all, timeline.ExpectedRendition{Rendition: timeline.RenditionID(r.Name), Kind: r.Kind})
	}
	return all
}
