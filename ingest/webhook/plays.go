package webhook

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"time"
)

const (
	// playFor is how long an answer about a viewer counts, and failureFor that there
	// was none.
	playFor, failureFor = time.Minute, 5 * time.Second
	maxViewers          = 1 << 16     // whose answers are remembered; then those that don't count any more go, or else any
	sweepEvery          = time.Second // so often those are looked for, at most: it takes a look at all
)

// Viewer is somebody who watches a stream, as far as that is known without cookies:
// all behind one address are one.
type Viewer struct {
	Stream  string
	Address netip.Addr
}

// Plays asks the application about viewers, at most once a minute about each, but for
// questions that were given up before there was an answer.
type Plays struct {
	client *Client
	open   bool

	mu    sync.Mutex
	known map[Viewer]*verdict
	swept time.Time
}

// verdict is an answer, or one that is being waited for.
type verdict struct {
	done  chan struct{} // closed once the rest is set
	err   error
	until time.Time
	void  bool // whoever asked gave up: there is none
}

// NewPlays returns what asks about viewers; open lets them watch when there is no
// answer.
func NewPlays(c *Client, open bool) *Plays {
	return &Plays{client: c, open: open, known: map[Viewer]*verdict{}}
}

// Permit returns nil for a viewer who may watch. Otherwise the error is a *Denied, or
// wraps ErrFailed, or is the context's. Those who ask about the same viewer at once
// wait for one answer; where the one of them who asked gives up, another asks.
func (p *Plays) Permit(ctx context.Context, v Viewer, userAgent string, tls bool) error {
	v.Address = v.Address.Unmap().WithZone("")
	for {
		known, ask := p.verdict(v)
		if ask {
			p.decide(ctx, known, v, userAgent, tls)
		}
		select {
		case <-known.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !known.void {
			return known.err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// verdict returns the one about a viewer, and whether it's the caller's to decide.
func (p *Plays) verdict(v Viewer) (known *verdict, ask bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.known[v]; known != nil && !known.old(now) {
		return known, false
	}
	p.makeRoom(now)
	known = &verdict{done: make(chan struct{})}
	p.known[v] = known
	return known, true
}

// decide asks for a verdict, for as long as the context lasts: what comes of that is
// nothing to those who wait for it, too.
func (p *Plays) decide(ctx context.Context, known *verdict, v Viewer, userAgent string, tls bool) {
	defer close(known.done)
	known.err = ErrFailed // stays if it panics
	known.err = p.ask(ctx, v, userAgent, tls)
	if known.err != nil && ctx.Err() != nil {
		known.void = true // and old at once
		return
	}
	known.until = time.Now().Add(playFor)
	if errors.Is(known.err, ErrFailed) {
		known.until = time.Now().Add(failureFor)
		if p.open {
			known.err = nil
		}
	}
}

// old reports whether a verdict counts no more. One that is waited for does.
func (v *verdict) old(now time.Time) bool {
	select {
	case <-v.done:
		return !now.Before(v.until)
	default:
		return false
	}
}

// makeRoom forgets verdicts when there are too many.
func (p *Plays) makeRoom(now time.Time) {
	if len(p.known) < maxViewers {
		return
	}
	if now.Sub(p.swept) >= sweepEvery {
		p.swept = now
		maps.DeleteFunc(p.known, func(_ Viewer, known *verdict) bool { return known.old(now) })
	}
	for v := range p.known {
		if len(p.known) < maxViewers {
			return
		}
		delete(p.known, v) // whoever waits for it has it
	}
}

func (p *Plays) ask(ctx context.Context, v Viewer, userAgent string, tls bool) error {
	_, err := p.client.question(ctx, OnPlay, p.client.options.OnPlay, Message{
		Time: time.Now().UTC(), Stream: v.Stream, Address: v.Address.String(), TLS: tls, Player: printable(userAgent),
	})
	return err
}
