package slate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errSlow ends what takes long while others wait: it's done when nothing else is slow.
var errSlow = errors.New("others go first")

// Slots bound what is encoded at once, by all the Makers that share them: maxEncoding
// loops, of which all but one end, or give way, within slowAfter. So a loop that takes
// minutes, of a picture of 8K or a long clip, holds up others of its kind only.
//
//	waiting ──a slot is free──▶ running ──slowAfter, and nothing else is slow──▶ slow
//	   ▲                           │ slowAfter, and others wait
//	   │                           ▼
//	   └──nothing is slow─── set aside
type Slots struct {
	free    chan struct{} // holds one for each that runs
	slow    chan struct{} // likewise for what is slow, or was set aside
	waiting atomic.Int32  // for a slot

	after, again time.Duration // slowAfter and slowAgain, but for tests
}

// NewSlots returns Slots that nobody has.
func NewSlots() *Slots {
	return &Slots{
		free: make(chan struct{}, maxEncoding), slow: make(chan struct{}, 1), after: slowAfter, again: slowAgain,
	}
}

// do calls f when there is a slot, and returns what that does. Its error is errSlow where f was
// to give way, which it does when its context ends; the next time it's set aside.
func (s *Slots) do(ctx context.Context, aside bool, f func(context.Context) error) error {
	if aside {
		if !occupy(ctx, s.slow) {
			return context.Cause(ctx)
		}
		defer func() { <-s.slow }()
	}
	s.waiting.Add(1)
	taken := occupy(ctx, s.free)
	s.waiting.Add(-1)
	if !taken {
		return context.Cause(ctx)
	}
	defer func() { <-s.free }()
	if aside {
		return f(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx, cancel) })
	err := f(ctx)
	cancel(nil)
	watching.Wait()
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		return errSlow
	}
	return err
}

// occupy puts one into a channel; it's false where ctx ends first.
func occupy(ctx context.Context, c chan struct{}) bool {
	select {
	case c <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch makes what takes long the one that may, or ends it.
func (s *Slots) watch(ctx context.Context, end context.CancelCauseFunc) {
	timer := time.NewTimer(s.after)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case s.slow <- struct{}{}:
			<-ctx.Done()
			<-s.slow
			return
		default:
		}
		if s.waiting.Load() > 0 {
			end(errSlow)
			return
		}
		timer.Reset(s.again)
	}
}
