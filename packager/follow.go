package packager

import (
	"context"
	"time"

	"sluice/media"
)

// follow takes a sample of a lane that doesn't lead. It reports false for one
// that comes too late for its segment.
func (e *epoch) follow(ctx context.Context, l *lane, s media.Sample, arrived time.Time) (bool, error) {
	if s.DTS < e.boundary(l, l.msn)-s.Duration/2 && l.parts == 0 && len(l.pending) == 0 || s.DTS < 0 {
		return false, nil
	}
	l.push(s, arrived)
	if err := l.advance(ctx); err != nil {
		return true, err
	}
	return true, l.publishPending(ctx)
}

// publishPending publishes what needn't wait. A part that ends where a segment
// is expected to start is published as if it did; what comes after that waits
// until the leading rendition has been there, or is far behind.
func (l *lane) publishPending(ctx context.Context) error {
	expected, ok := l.expected()
	if !ok || l.end < expected {
		return l.drain(ctx)
	}
	for n := l.full(); n > 0 && l.pending[n-1].DTS < expected; n = l.full() {
		if err := l.publish(ctx, n); err != nil {
			return err
		}
	}
	before := l.before(expected)
	if err := l.flush(ctx, before); err != nil {
		return err
	}
	if l.epoch.mediaTime(l, l.end)-l.epoch.reached() > maxHold {
		return l.drain(ctx)
	}
	return nil
}

// expected returns the least decode time that would be in the next segment, if
// the leading rendition cuts where it is predicted to and hasn't passed there.
func (l *lane) expected() (media.Ticks, bool) {
	e := l.epoch
	leader := e.lanes[0]
	next := e.cutter.nextCut
	if next == 0 || leader.msn != l.msn || leader.newest+leader.frame/2 >= next {
		return 0, false
	}
	return next.Rescale(leader.Timescale, l.Timescale) - l.frame/2, true
}

// reached is the media time that the leading rendition has come to.
func (e *epoch) reached() time.Duration { return e.mediaTime(e.lanes[0], e.lanes[0].end) }

// before counts the pending samples before a decode time.
func (l *lane) before(at media.Ticks) int {
	n := 0
	for n < len(l.pending) && l.pending[n].DTS < at {
		n++
	}
	return n
}

// advance closes the segments that the lane has all of: those whose end the
// leading rendition has set and the lane has come to, or near as it can.
func (l *lane) advance(ctx context.Context) error {
	for l.begun {
		edge := l.epoch.boundary(l, l.msn+1) - l.frame/2
		n := l.before(edge)
		next := l.end
		if n < len(l.pending) {
			next = l.pending[n].DTS
		} else if l.end < edge {
			return nil
		}
		if err := l.close(ctx, n, next); err != nil {
			return err
		}
	}
	return nil
}

// closeLate closes a segment whose end the lane has not come to.
func (l *lane) closeLate(ctx context.Context) error {
	return l.close(ctx, len(l.pending), l.end)
}

// releaseHeld publishes what waited for the leading rendition.
func (e *epoch) releaseHeld(ctx context.Context) error {
	for _, l := range e.lanes[1:] {
		if l.full() == 0 {
			continue
		}
		if err := l.publishPending(ctx); err != nil {
			return err
		}
	}
	for _, l := range e.rungs {
		if l.full() > 0 && !e.failed(l.rendition) {
			e.fail(l.rendition, l.publishPending(ctx))
		}
	}
	return nil
}
