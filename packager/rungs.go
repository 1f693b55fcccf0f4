package packager

import (
	"context"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// boundAt returns the segment that a sample starts. Sound may start anywhere in one.
func (e *epoch) boundAt(l *lane, s media.Sample) (bound, bool) {
	for _, b := range slices.Backward(e.bounds) {
		at := b.at.Rescale(e.lanes[0].Timescale, l.Timescale)
		half := samePicture
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
	if next < msn {
		// A gap is told at once, and so is the time that it lies at.
		if err := e.date(ctx); err != nil {
			return err
		}
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
	if l.begun && s.DTS <= l.newest {
		return false, nil
	}
	half := samePicture
	for s.DTS >= e.boundary(l, l.msn+1)-half {
		if err := l.closeRung(ctx); err != nil {
			return true, err
		}
	}
	if e.stop > 0 && l.msn >= e.stop {
		return false, nil // where the next segment was to begin, and the epoch ended
	}
	if at := e.boundary(l, l.msn); l.parts == 0 && len(l.pending) == 0 &&
		(!s.Sync || s.DTS < at-half || s.DTS > at+half) {
		return false, nil
	}
	next := e.boundary(l, l.msn+1)
	s.Duration = max(min(s.Duration, next-s.DTS), 1)
	l.push(s, arrived)
	if e.whole(l, next) {
		return true, l.closeRung(ctx)
	}
	return true, l.publishPending(ctx)
}

// whole reports whether the rung has all of the segment that ends there, by how long
// its newest picture should last. Where frames come as they like, nobody knows
// that before the next segment's first.
func (e *epoch) whole(l *lane, end media.Ticks) bool {
	return e.frames.even() && l.end >= end-e.lanes[0].frame/2
}

// samePicture is how far, in ticks of video, a rung's picture may be from the leading
// rendition's and be the same: its time is that one's, to the tick.
const samePicture media.Ticks = 45

// closeRung ends the rung's segment, which the leading rendition has ended: it
// is as long as there, but for an epoch's last, of which the publisher may have
// left out pictures that come after those in decode order.
func (l *lane) closeRung(ctx context.Context) error {
	if err := l.flush(ctx, len(l.pending)); err != nil {
		return err
	}
	if l.epoch.stop == 0 {
		// Nobody may move what is whole.
		if err := l.epoch.date(ctx); err != nil {
			return err
		}
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
func (e *epoch) cutRungs(ctx context.Context) {
	for _, l := range e.rungs {
		if !e.failed(l.rendition) {
			e.fail(l.rendition, e.cutRung(ctx, l))
		}
	}
}

func (e *epoch) cutRung(ctx context.Context, l *lane) error {
	for l.msn+maxRungBehind < e.lanes[0].msn {
		if err := l.closeRung(ctx); err != nil {
			return err
		}
	}
	switch {
	case l.Kind == media.Audio:
		return l.advance(ctx)
	case l.begun && e.whole(l, e.boundary(l, l.msn+1)):
		return l.closeRung(ctx)
	}
	return nil
}
