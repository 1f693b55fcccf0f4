package admit

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sluice/ingest"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
)

// lease is the right of one publisher, from its admission until it's over.
type lease struct {
	policy      *Policy
	stream      catalog.Stream    // as it was then
	key         catalog.StreamKey // likewise; without a hash where no key of the catalog let it in
	home        string            // the stream whose key that is: the application may have named another
	by          string
	purpose     catalog.Purpose
	publication string
	remote      netip.Addr
	peer        ingest.Peer
	shown       []*x509.Certificate // by the publisher, its own first; none over plain RTMP
	until       time.Time           // when a token ends; zero: never, or there's none
	encoder     string
	tls         bool
	subject     string
	began       time.Time

	// The policy's lock guards these.
	end       func(cause error)
	unchecked bool // something may have changed since it was looked up
	over      bool // it was ended, or has ended

	checks // of what was shown; the goroutine of look alone uses them
}

// finish ends the session, once.
func (l *lease) finish(cause error) {
	l.policy.mu.Lock()
	over := l.over
	l.over = true
	l.policy.mu.Unlock()
	if !over {
		l.end(cause)
	}
}

// bind implements ingest.Grant's Bind.
func (l *lease) bind(end func(cause error)) (done func(cause error)) {
	p := l.policy
	l.end, l.began = end, time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	l.unchecked = true // its key may have been revoked just before
	p.leases[l] = struct{}{}
	return func(cause error) {
		p.mu.Lock()
		delete(p.leases, l)
		l.over = true // the session may be publishing again, by another right
		p.mu.Unlock()
		if h := p.options.Hooks; h != nil {
			m := l.message()
			m.Seconds = time.Since(l.began).Seconds()
			m.Reason = ingest.Reason(cause)
			h.Tell(m)
		}
	}
}

// message is what the application is told of a publisher.
func (l *lease) message() webhook.Message {
	m := webhook.Message{
		Time: time.Now().UTC(), Publication: l.publication, By: l.by, Stream: l.stream.Name, KeyID: l.key.ID,
		Subject: l.subject, Address: l.remote.String(), TLS: l.tls, Encoder: l.encoder,
	}
	if len(l.peer.Names) > 0 {
		m.Client = l.peer.Names[0]
	}
	if l.by == webhook.ByKey {
		m.Purpose = string(l.purpose)
	}
	return m
}

// judge returns why a publisher may no longer publish, given what one of its streams
// is now; nil for one that was removed.
func (l *lease) judge(name string, s *catalog.Stream, now time.Time) error {
	if s == nil {
		return fmt.Errorf("%w: stream %s was removed", ingest.ErrRevoked, name)
	}
	if l.home != name {
		return nil
	}
	k, ok := s.KeyOf(l.key.Hash)
	if !ok {
		return fmt.Errorf("%w: stream %s, key %s", ingest.ErrRevoked, name, l.key.ID)
	}
	if err := k.Check(now, l.remote); errors.Is(err, catalog.ErrAddress) {
		return fmt.Errorf("%w: stream %s, key %s, for this address", ingest.ErrRevoked, name, k.ID)
	} else if err != nil {
		return fmt.Errorf("%w: stream %s, key %s", ended(err), name, k.ID)
	}
	return nil
}

// Serve ends sessions, notes uses, and delivers events until ctx ends. It returns
// ctx's error.
func (p *Policy) Serve(ctx context.Context) error {
	done := make(chan struct{}, 2)
	go func() { p.watch(ctx); done <- struct{}{} }()
	go func() {
		if p.options.Hooks != nil {
			p.options.Hooks.Serve(ctx)
		}
		done <- struct{}{}
	}()
	p.look(ctx)
	<-done
	<-done
	return ctx.Err()
}

// watch follows the catalog's changes.
func (p *Policy) watch(ctx context.Context) {
	for c, err := range p.options.Streams.Changes(ctx) {
		switch {
		case err != nil:
			p.log.Warn("the catalog can't be watched: keys that are revoked now end their sessions later", "err", err)
		case c.Missed:
			p.mu.Lock()
			for l := range p.leases {
				l.unchecked = true
			}
			p.mu.Unlock()
		default:
			p.changed(c)
		}
	}
}

// changed ends the sessions that a change of a stream leaves without a right.
func (p *Policy) changed(c catalog.Change) {
	now := time.Now()
	for _, l := range p.those(func(l *lease) bool { return l.stream.Name == c.Name || l.home == c.Name }) {
		p.apply(l, c.Name, c.Stream, now)
	}
}

// apply acts on what one of a lease's streams is now.
func (p *Policy) apply(l *lease, name string, s *catalog.Stream, now time.Time) {
	if err := l.judge(name, s, now); err != nil {
		l.finish(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := s.KeyOf(l.key.Hash); ok {
		l.key.Expires = k.Expires // which may have been moved
	}
}

func (p *Policy) those(which func(*lease) bool) (found []*lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.leases {
		if which(l) {
			found = append(found, l)
		}
	}
	return found
}

// look looks each second at what may have ended, and each minute notes uses.
func (p *Policy) look(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	noted := time.Now()
	for {
		select {
		case now := <-tick.C:
			p.check(ctx, now)
			if now.Sub(noted) >= noteEvery {
				noted = now
				p.note(ctx)
			}
		case <-ctx.Done():
			p.note(context.WithoutCancel(ctx))
			return
		}
	}
}

// check ends sessions whose key, token or certificate has had its time, and looks up again those that are new.
func (p *Policy) check(ctx context.Context, now time.Time) {
	for _, l := range p.those(func(l *lease) bool { return !l.key.Expires.IsZero() && !now.Before(l.key.Expires) }) {
		l.finish(fmt.Errorf("%w: stream %s, key %s", ingest.ErrExpired, l.stream.Name, l.key.ID))
	}
	for _, l := range p.those(func(l *lease) bool { return !l.until.IsZero() && !now.Before(l.until) }) {
		l.finish(fmt.Errorf("%w: stream %s", ingest.ErrTokenExpired, l.stream.Name))
	}
	p.checkShown(now)
	unchecked := p.those(func(l *lease) bool {
		was := l.unchecked
		l.unchecked = false
		return was
	})
	for _, l := range unchecked {
		p.lookUp(ctx, l, l.stream.Name, now)
		if l.home != "" && l.home != l.stream.Name {
			p.lookUp(ctx, l, l.home, now)
		}
	}
}

// lookUp looks at a stream of a lease again. Whoever is live stays so while the
// catalog can't be read.
func (p *Policy) lookUp(ctx context.Context, l *lease, name string, now time.Time) {
	s, err := p.options.Streams.Stream(ctx, name)
	switch {
	case err == nil:
		p.apply(l, name, &s, now)
	case errors.Is(err, catalog.ErrNotFound):
		p.apply(l, name, nil, now)
	default:
		p.mu.Lock()
		l.unchecked = true
		p.mu.Unlock()
	}
}

// note tells the catalog of uses. Where it can't take them they're told later.
func (p *Policy) note(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	p.mu.Lock()
	uses := p.uses
	p.uses = map[catalog.KeyHash]time.Time{}
	p.mu.Unlock()
	if len(uses) == 0 {
		return
	}
	if err := p.options.Streams.NoteUses(ctx, uses); err != nil {
		p.log.Warn("when keys were used can't be noted", "err", err)
		p.mu.Lock()
		defer p.mu.Unlock()
		for k, at := range uses {
			if at.After(p.uses[k]) {
				p.uses[k] = at
			}
		}
	}
}
