package ingest

import (
	"context"
	"errors"
)

// askAgain asks whether the player may still play, as viewers over HTTP are asked about with
// each manifest. It holds nothing up; only one that is told no ends.
func (p *player) askAgain(ctx context.Context) {
	if p.asking {
		return
	}
	p.asking = true
	p.session.asks.Go(func() {
		p.answers <- p.session.guarded(func() error { return p.allowed(ctx) })
	})
}

// allowed returns why the player may play no longer. Where nobody knows, it may.
func (p *player) allowed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.session.limits.Publish)
	defer cancel()
	_, err := p.session.server.viewers.Watch(ctx, p.wish)
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnknownStream) {
		return err
	}
	return nil
}
