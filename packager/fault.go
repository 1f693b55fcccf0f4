package packager

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// fault is an entry of a rung that was refused. It costs the rung, and neither
// the session nor the source: the stream expels it, and its next keyframe at a
// segment's start brings it back.
type fault struct {
	rung timeline.RenditionID
	err  error
}

// fail notes that an entry of a rung was refused. Nothing more of it is written
// until the stream has expelled it.
func (e *epoch) fail(id timeline.RenditionID, err error) {
	if err != nil && !e.failed(id) {
		e.faults = append(e.faults, fault{id, err})
	}
}

func (e *epoch) failed(id timeline.RenditionID) bool {
	return slices.ContainsFunc(e.faults, func(f fault) bool { return f.rung == id })
}

// expelFailed expels the rungs that failed while the leading rendition was written.
func (s *Stream) expelFailed(ctx context.Context, e *epoch) {
	faults := e.faults
	e.faults = nil
	for _, f := range faults {
		s.expel(ctx, f.rung, f.err)
	}
}

// expel takes a rung out of the stream after an entry of it was refused,
// wherever it has come to. What can't be recorded now is when it joins again, or
// when the stream ends.
func (s *Stream) expel(ctx context.Context, id timeline.RenditionID, because error) {
	s.log.Warn("rung is taken out", "rung", id, "err", because)
	if s.epoch != nil {
		s.epoch.forget(id)
	}
	s.trails = slices.DeleteFunc(slices.Clone(s.trails), func(e *epoch) bool { return e.forget(id) })
	if err := s.record.takeOut(ctx, id); err != nil {
		s.log.Warn("rung could not be taken out", "rung", id, "err", err)
	}
}

// forget lets go of a rung's lane, and reports whether there is no other.
func (e *epoch) forget(id timeline.RenditionID) bool {
	e.rungs = slices.DeleteFunc(slices.Clone(e.rungs), func(l *lane) bool { return l.rendition == id })
	return len(e.rungs) == 0
}

// takeOut closes what a rung has open, and lets it leave. It needs nothing but
// the timeline.
func (r *record) takeOut(ctx context.Context, id timeline.RenditionID) error {
	if err := r.closeOpen(ctx, id); err != nil {
		return err
	}
	if to := r.now().Rendition(id); to == nil || !to.Follows || to.Left {
		return nil
	}
	filled := r.fillTold(ctx, id)
	return errors.Join(filled, r.append(ctx, timeline.RenditionLeft{Rendition: id, At: time.Now()}))
}

// closeOpen closes what a rung has open: with the length that manifests tell of where
// the leading rendition has ended that segment, else as it is.
func (r *record) closeOpen(ctx context.Context, id timeline.RenditionID) error {
	t := r.now()
	to := t.Rendition(id)
	if to == nil || !to.Follows || to.Open == nil {
		return nil
	}
	g := to.Open
	duration := max(g.Duration, 1)
	if leader := t.Rendition(t.Epoch(g.Epoch).Tracks[0].Rendition); leader != nil && to.Track.Kind == media.Video {
		if led := leader.Segments.ByMSN(g.MSN); led != nil && led.Epoch == g.Epoch {
			duration = max(duration, led.Duration.Rescale(led.Timescale(leader), g.Timescale(to)))
		}
	}
	return r.append(ctx, timeline.SegmentClosed{Epoch: g.Epoch, Rendition: id, MSN: g.MSN, Duration: duration})
}

// fillTold records gaps for what manifests may list of a rung ahead of it: what the
// leading rendition has, up to the newest anchor, or to the end of an epoch that has
// ended (package dash).
func (r *record) fillTold(ctx context.Context, id timeline.RenditionID) error {
	t := r.now()
	to := t.Rendition(id)
	last := to.Segments.Last()
	i := slices.IndexFunc(t.Epochs, func(e *timeline.Epoch) bool { return e.Number == to.Epoch })
	if i < 0 || last == nil || last.Epoch != to.Epoch {
		return nil
	}
	e := t.Epochs[i]
	until := e.Anchors[len(e.Anchors)-1].MSN
	switch {
	case i+1 < len(t.Epochs):
		until = t.Epochs[i+1].FirstMSN
	case !e.Ended.IsZero():
		until = t.Next.MSN
	}
	for msn := to.NextPosition(t).MSN; msn < until; msn++ {
		if err := r.gap(ctx, e.Number, id, gapAt(to, time.Now(), t.Targets.Segment)); err != nil {
			return err
		}
	}
	return nil
}

// finishNamesakes ends what rungs of epochs before still have to come, where
// their renditions are going to lead: they can't be in two epochs then.
func (s *Stream) finishNamesakes(ctx context.Context, inputs []*input) error {
	for _, in := range inputs {
		for _, e := range slices.Clone(s.trails) {
			s.finish(ctx, e, in.rendition)
		}
		if err := s.record.closeOpen(ctx, in.rendition); err != nil {
			return err
		}
	}
	return nil
}

// closeOrphans closes what rungs have open that nobody is going to end.
func (s *Stream) closeOrphans(ctx context.Context) error {
	for _, r := range s.record.now().Renditions {
		if err := s.record.closeOpen(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}
