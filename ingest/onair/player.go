package onair

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"sluice/media"
)

// player shows a slate: it's the Sink of a Clip's Play, whose goroutine belongs to Serve.
type player struct {
	air  *air
	in   *input
	stop context.CancelFunc
	over bool // Grace is over; the air's mutex guards it
}

// look does what is due, and returns when there will be more; zero where that depends on
// publishers.
func (a *air) look(ctx context.Context, now time.Time, players *sync.WaitGroup) (due time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, tracks, rates := a.settings, a.tracks, a.rates
	if s.Slates == nil || tracks == nil {
		return time.Time{}
	}
	over := a.overAt()
	if a.player != nil {
		if a.on != a.player.in {
			return time.Time{} // it begins, or ends
		}
		if now.Before(over) {
			return over
		}
		a.player.over = true
		a.player.stop()
		return time.Time{}
	}
	show := latest(a.ended, a.begun).Add(s.SlateAfter)
	switch {
	case !now.Before(over):
		return time.Time{}
	case !show.Before(over):
		return over
	case now.Before(show):
		return show
	case now.Before(a.mayPlay):
		return earliest(a.mayPlay, over)
	}
	a.mu.Unlock()
	clip, ok := s.Slates.Clip(tracks, rates)
	a.mu.Lock()
	if !ok {
		a.mayPlay = now.Add(clipRetry)
		return earliest(a.mayPlay, over)
	}
	if a.player != nil || !a.vacant(now) {
		return now.Add(clipRetry)
	}
	p := &player{air: a, in: &input{control: a.control, stream: a.stream, role: Slate, settings: s, air: a}}
	ctx, p.stop = context.WithCancel(ctx)
	a.player = p
	players.Go(func() { p.play(ctx, clip) })
	return time.Time{}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// vacant says whether a slate may be shown. mu is held.
func (a *air) vacant(now time.Time) bool {
	return a.on == nil || a.on.role == Slate || now.Sub(a.on.last) >= a.settings.SlateAfter
}

// play shows the slate until its context ends.
func (p *player) play(ctx context.Context, clip Clip) {
	a := p.air
	defer p.stop()
	err := p.safely(func() error { return clip.Play(ctx, p, time.Now()) })
	a.mu.Lock()
	a.player = nil
	mine := a.on == p.in
	if mine {
		a.on, a.since = nil, time.Now()
	}
	over, deserted := p.over && mine, a.deserted()
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errDisplaced):
		a.mayPlay = time.Now().Add(clipRetry) // an output that hangs has the turn for long
	default:
		a.mayPlay = time.Now().Add(endLimit)
		a.log.Warn("the slate can't be shown", "err", err)
	}
	a.mu.Unlock()
	cause := context.Cause(ctx)
	if over {
		cause = fmt.Errorf("no publisher came back: %w", media.ErrOver)
		a.log.Info("no publisher came back")
	}
	if over || deserted {
		if err := a.finish(context.WithoutCancel(ctx), cause); err != nil {
			a.log.Error("end of a stream", "err", err)
		}
	}
	a.control.leave(a)
	a.control.changed()
}

// safely makes an error of a panic.
func (p *player) safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
			p.air.log.Error("panic in a slate", "err", err, "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// Begin implements media.Sink.
func (p *player) Begin(ctx context.Context, tracks []media.Track) error {
	a, now := p.air, time.Now()
	a.mu.Lock()
	if ctx.Err() != nil || !a.vacant(now) || !a.acquire() {
		a.mu.Unlock()
		return errDisplaced
	}
	p.in.learn(tracks, now)
	if a.on != p.in {
		a.put(p.in, whyNothing, now)
	}
	out := a.out
	a.mu.Unlock()
	defer a.control.changed()
	defer a.release()
	return out.Begin(ctx, tracks)
}

// WriteSample implements media.Sink.
func (p *player) WriteSample(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	return p.in.WriteSample(ctx, id, s, arrived)
}

// End implements media.Sink. A clip doesn't call it.
func (p *player) End(context.Context, error) error { return nil }

// WriteEvent implements media.Sink. A clip has none.
func (p *player) WriteEvent(context.Context, media.Event) error { return nil }
