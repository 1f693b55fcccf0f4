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
	if r.init == nil {
		init, err := cmaf.Init(r.track)
		if err != nil {
			return fmt.Errorf("package %s of %s: %w", r.id, s.name, err)
		}
		r.init = init
	}
	if len(sample.Data) == 0 || sample.DTS < 0 || sample.DTS > maxTime {
		s.drop(dropMalformed, 1)
		return nil
	}
	for _, e := range slices.Clone(s.trails) {
		if e.number < epoch {
			s.finish(ctx, e, r.id)
		}
	}
	e := s.open(epoch)
	if e != nil && e.differs(r) {
		s.drop(dropChanged, 1)
		s.refuse(ctx, e, r)
		return nil
	}
	taken, err := r.write(ctx, e, sample, arrived)
	if err != nil {
		s.expel(ctx, r.id, err)
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
	if sample.Duration <= 0 {
		sample.Duration = l.frame
	}
	l.frame = sample.Duration
	if l.Kind == media.Audio {
		return e.follow(ctx, l, sample, arrived)
	}
	return e.followRung(ctx, l, sample, arrived)
}

// differs reports whether the epoch has the rung with another track: it can't have
// two init segments of it.
func (e *epoch) differs(r *rung) bool {
	if l := e.rung(r.id); l != nil {
		return !l.Track.Equal(r.track)
	}
	was := e.record.now().Rendition(r.id)
	return was != nil && was.Epoch == e.number && was.Init != nil && !was.Track.Equal(r.track)
}

// refuse takes a rung out of the open epoch, whose encoder has changed its mind,
// so that players go on with another. It is back with the next epoch, or with the
// track that it had.
func (s *Stream) refuse(ctx context.Context, e *epoch, r *rung) {
	if !slices.Contains(e.changed, r.id) {
		e.changed = append(e.changed, r.id)
		s.log.Warn("rung is away until the next epoch: its parameter sets have changed", "rung", r.id, "epoch", e.number)
	}
	if e != s.epoch || e.rung(r.id) == nil {
		return
	}
	if err := s.leave(ctx, r.id); err != nil {
		s.expel(ctx, r.id, err)
	}
}

// End implements media.Rung.
func (r *rung) End(ctx context.Context, epoch uint64) error {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slices.Clone(s.trails) {
		if e.number <= epoch {
			s.finish(ctx, e, r.id)
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
		s.expel(ctx, r.id, err)
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
	in := &input{
		Track: r.track, intake: newIntake(r.track), rendition: r.id, init: r.init,
		metrics: r.stream.packager.metrics.ofRung(r.track.Kind.String(), r.track.Name),
	}
	in.frame = max(sample.Duration, 1)
	l := &lane{input: in, epoch: e}
	b, ok := e.boundAt(l, sample)
	if !ok || b.msn+maxRungBehind <= e.lanes[0].msn {
		return nil, nil
	}
	// It has no lane: nobody else is going to close that.
	if err := e.record.closeOpen(ctx, r.id); err != nil {
		return nil, err
	}
	t := e.record.now()
	if was := t.Rendition(r.id); was != nil {
		if last := was.Segments.Last(); last != nil && last.MSN >= b.msn {
			return nil, nil
		}
		if err := e.fillBefore(ctx, was, b.msn); err != nil {
			return nil, err
		}
	}
	err := e.record.append(ctx, timeline.RenditionJoined{
		Epoch: e.number, RenditionTrack: timeline.RenditionTrack{Rendition: r.id, Track: r.track}, MSN: b.msn,
	})
	if err == nil && !slices.Contains(e.inits, r.id) {
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
	e.tellJoined(l, b)
	r.stream.log.Info("rung joins", "rung", r.id, "epoch", e.number, "seg", b.msn)
	return l, nil
}

// place notes where the leading track's samples go.
func (s *Stream) place(l *lane) {
	s.placed, s.isPlaced = media.Place{Epoch: l.epoch.number, Shift: l.shift + l.offsetShift}, true
}
