package packager

import (
	"context"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

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
func (s *Stream) trail(e *epoch) {
	e.stop = s.record.now().Next.MSN
	if len(e.rungs) == 0 {
		return
	}
	s.trails = append(s.trails, e)
}

// finishTrails ends all that is left of epochs that have ended.
func (s *Stream) finishTrails(ctx context.Context) {
	for len(s.trails) > 0 {
		e := s.trails[0]
		s.finish(ctx, e, e.rungs[0].rendition)
	}
}

// finish publishes what a rung has left of an epoch that has ended, and brings it
// to the epoch's last segment.
func (s *Stream) finish(ctx context.Context, e *epoch, id timeline.RenditionID) {
	l := e.rung(id)
	if l == nil {
		return
	}
	if e.forget(id) {
		s.trails = slices.DeleteFunc(slices.Clone(s.trails), func(o *epoch) bool { return o == e })
		s.schedule()
	}
	for l.msn < e.stop {
		if err := l.closeRung(ctx); err != nil {
			s.expel(ctx, id, err)
			return
		}
	}
}

// leave takes a rung out.
func (s *Stream) leave(ctx context.Context, id timeline.RenditionID) error {
	for _, e := range slices.Clone(s.trails) {
		s.finish(ctx, e, id)
	}
	if e := s.epoch; e != nil {
		if l := e.rung(id); l != nil {
			if len(l.pending) > 0 || l.parts > 0 {
				if err := l.closeRung(ctx); err != nil {
					return err
				}
			}
			if err := e.fillListed(ctx, l); err != nil {
				return err
			}
			e.forget(id)
		}
	}
	r := s.record.now().Rendition(id)
	if r == nil || !r.Follows || r.Left {
		return nil
	}
	s.log.Info("rung leaves", "rung", id)
	return s.record.append(ctx, timeline.RenditionLeft{Rendition: id, At: time.Now()})
}

// fillListed records gaps for what manifests may list of a rung that leaves,
// though it hasn't come: they go on without it from the newest anchor on, and
// before that they list what the leading rendition has (package dash).
func (e *epoch) fillListed(ctx context.Context, l *lane) error {
	anchors := e.record.now().Epoch(e.number).Anchors
	for l.msn < anchors[len(anchors)-1].MSN {
		if err := l.closeRung(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leaveUnexpected takes the rungs out that a new epoch won't have.
func (s *Stream) leaveUnexpected(ctx context.Context, e *epoch) {
	for _, r := range s.record.now().Renditions {
		expected := slices.ContainsFunc(e.expected.Rungs, func(x media.ExpectedRung) bool {
			return timeline.RenditionID(x.Name) == r.ID
		})
		if !r.Follows || r.Left || expected {
			continue
		}
		if err := s.leave(ctx, r.ID); err != nil {
			s.expel(ctx, r.ID, err)
		}
	}
}

func expectedRenditions(x media.Expectation) []timeline.ExpectedRendition {
	var all []timeline.ExpectedRendition
	for _, r := range x.Rungs {
		all = append(all, timeline.ExpectedRendition{Rendition: timeline.RenditionID(r.Name), Kind: r.Kind, Maybe: r.Maybe})
	}
	return all
}
