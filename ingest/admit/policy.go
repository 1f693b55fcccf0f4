package admit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest"
	"sluice/ingest/gate"
	"sluice/ingest/token"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
)

// Options of a Policy.
type Options struct {
	Streams   catalog.Store         // must be given
	Clients   []Client              // streams that want client certificates
	Tokens    *token.Verifier       // nil: tokens admit nobody
	Outlive   bool                  // a session outlives the token that let it in
	Trust     Trust                 // nil: client certificates are trusted for as long as a session lasts
	Hooks     *webhook.Client       // nil: nobody is asked or told
	OpenHooks bool                  // who has a right key or token is let in when there's no answer
	Log       *slog.Logger          // nil: nothing is logged
	Metrics   prometheus.Registerer // nil: nothing is registered
}

// Policy decides who may publish. Serve must run for sessions to be ended.
type Policy struct {
	options Options
	log     *slog.Logger
	limiter *limiter
	whose   *limiter // of questions, apart: they keep no publisher waiting
	clients clients

	mu     sync.Mutex
	leases map[*lease]struct{}
	uses   map[catalog.KeyHash]time.Time // not in the catalog yet; at most as many as it has keys
}

// Decision lets a publisher in.
type Decision struct {
	Stream  catalog.Stream
	Key     string          // the id of the key; empty for a token or certificate, or where the application decided
	Purpose catalog.Purpose // what it publishes as
	// Bind is an ingest.Grant's.
	Bind func(end func(cause error)) (done func(cause error))
}

// New returns a Policy. It starts nothing.
func New(o Options) *Policy {
	p := &Policy{
		options: o, log: o.Log, limiter: newLimiter(), whose: newLimiter(), clients: newClients(o.Clients),
		leases: map[*lease]struct{}{}, uses: map[catalog.KeyHash]time.Time{},
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_admission_limited_addresses", Help: "Addresses that must wait because wrong keys came from there.",
		}, func() float64 { return float64(p.limiter.limited(time.Now())) }))
	}
	return p
}

// Admit decides. Its errors are those of package ingest, as ingest.Admitter has it.
func (p *Policy) Admit(ctx context.Context, wish ingest.Publish) (Decision, error) {
	l := &lease{
		policy: p, remote: wish.Remote.Addr(), peer: wish.Peer, encoder: wish.Encoder, tls: wish.TLS != nil,
		shown: vouchers(wish), by: webhook.ByNone, purpose: catalog.Primary, publication: webhook.NewID(),
	}
	var err error
	if name, opened := p.clients.opens(wish); opened && !p.shows(wish) {
		err = p.byCertificate(ctx, wish, name, l) // nothing that could be guessed
	} else {
		err = p.bySecret(ctx, wish, l)
	}
	if err != nil {
		return Decision{}, err
	}
	if wish.Probe {
		return Decision{Stream: l.stream}, nil
	}
	return Decision{Stream: l.stream, Key: l.key.ID, Purpose: l.purpose, Bind: l.bind}, nil
}

// shows reports whether a publisher shows a token, which then decides.
func (p *Policy) shows(wish ingest.Publish) bool {
	return p.options.Tokens != nil && token.Looks(wish.Query.Get("token"))
}

// byCertificate lets in a publisher whose certificate opens the stream of that name.
func (p *Policy) byCertificate(ctx context.Context, wish ingest.Publish, name string, l *lease) error {
	l.by = webhook.ByCertificate
	if err := p.find(ctx, name, l); err != nil || wish.Probe {
		return err
	}
	return p.ask(ctx, wish, l)
}

// bySecret decides by what somebody might guess: a key, a token, or what only the
// application knows.
func (p *Policy) bySecret(ctx context.Context, wish ingest.Publish, l *lease) error {
	from := gate.Network(l.remote)
	if !p.limiter.trusts(from, p.credential(wish, webhook.ByNone), time.Now()) {
		wait, ok := p.limiter.enter(from, p.credential(wish, webhook.ByKey), time.Now())
		if !ok {
			return ingest.ErrThrottled
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	err := p.identify(ctx, wish, l)
	if err == nil && !wish.Probe { // else publish asks the application
		err = p.ask(ctx, wish, l)
	}
	now := time.Now()
	if errors.Is(err, ingest.ErrUnknownKey) || errors.Is(err, ingest.ErrToken) || errors.Is(err, ingest.ErrClient) ||
		errors.Is(err, ingest.ErrDenied) && l.by == webhook.ByNone {
		p.limiter.fail(from, now)
	}
	if err != nil || wish.Probe {
		return err
	}
	p.limiter.trust(from, p.credential(wish, l.by), now)
	if l.by == webhook.ByKey {
		p.mu.Lock()
		p.uses[l.key.Hash] = now
		p.mu.Unlock()
	}
	return nil
}

// Whose returns the stream that somebody with this key may publish to, for answers
// that differ by stream. Whoever asks with wrong keys is made to wait as publishers
// are. False is for no such stream, and for no answer.
func (p *Policy) Whose(ctx context.Context, from netip.Addr, key string) (catalog.Stream, bool) {
	network, hash := gate.Network(from), catalog.HashKey(key)
	wait, ok := p.whose.enter(network, hash, time.Now())
	if !ok || sleep(ctx, wait) != nil {
		return catalog.Stream{}, false
	}
	s, err := p.options.Streams.ByKey(ctx, hash)
	if err == nil {
		k, ok := s.KeyOf(hash)
		if ok && k.Check(time.Now(), from) == nil {
			p.whose.trust(network, hash, time.Now())
			return s, true
		}
	}
	if err == nil || errors.Is(err, catalog.ErrNotFound) {
		p.whose.fail(network, time.Now())
	}
	return catalog.Stream{}, false
}

// credential is what a publisher is let in by, for the limiter's memory: a token, a key
// or, where only the application can tell, the key and all that came beside it. What
// doesn't decide isn't in it: whoever shows it again could try others with it.
func (p *Policy) credential(wish ingest.Publish, by string) catalog.KeyHash {
	switch {
	case p.shows(wish):
		return catalog.HashKey(wish.Query.Get("token"))
	case by == webhook.ByNone:
		return catalog.HashKey(string(wish.Key) + "?" + wish.Query.Encode())
	}
	return catalog.HashKey(string(wish.Key))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// identify finds out what a token or the catalog says of a publisher. Where both say
// nothing and there's an application to ask, l.by stays ByNone.
func (p *Policy) identify(ctx context.Context, wish ingest.Publish, l *lease) error {
	if p.options.Tokens != nil {
		if raw, key := wish.Query.Get("token"), string(wish.Key); token.Looks(raw) {
			return p.byToken(ctx, raw, key, l)
		} else if token.Looks(key) {
			return p.byToken(ctx, key, "", l)
		}
	}
	s, err := p.options.Streams.ByKey(ctx, catalog.HashKey(string(wish.Key)))
	switch {
	case err == nil:
	case !errors.Is(err, catalog.ErrNotFound):
		return fmt.Errorf("look up key: %w", err)
	case p.options.Hooks != nil && p.options.Hooks.Asks():
		return nil
	case len(wish.Peer.Names) > 0:
		return fmt.Errorf("%w, and the client certificate of %s opens no such stream", ingest.ErrUnknownKey, wish.Peer)
	default:
		return ingest.ErrUnknownKey
	}
	k, ok := s.KeyOf(catalog.HashKey(string(wish.Key)))
	if !ok {
		return ingest.ErrUnknownKey
	}
	l.by, l.stream, l.home, l.key, l.purpose = webhook.ByKey, s, s.Name, k, k.Purpose
	if err := k.Check(time.Now(), l.remote); err != nil {
		return fmt.Errorf("%w: stream %s, key %s", ended(err), s.Name, k.ID)
	}
	return p.clients.check(s.Name, wish.Peer)
}

// ended is what a key's state is to package ingest.
func ended(err error) error {
	switch {
	case errors.Is(err, catalog.ErrRevoked):
		return ingest.ErrRevoked
	case errors.Is(err, catalog.ErrExpired):
		return ingest.ErrExpired
	case errors.Is(err, catalog.ErrAddress):
		return ingest.ErrAddress
	}
	return err
}

// byToken checks a token; named is the stream that the publisher names beside it.
func (p *Policy) byToken(ctx context.Context, raw, named string, l *lease) error {
	c, err := p.options.Tokens.Verify(ctx, raw)
	if errors.Is(err, token.ErrInvalid) {
		return fmt.Errorf("%w: %w", ingest.ErrToken, err)
	}
	if err != nil {
		return fmt.Errorf("check token: %w", err)
	}
	if named != "" && named != c.Stream {
		return fmt.Errorf("%w: it's for stream %s", ingest.ErrToken, c.Stream)
	}
	l.by, l.subject = webhook.ByToken, c.Subject
	if !p.options.Outlive {
		l.until = c.Until()
	}
	l.key = catalog.StreamKey{Allow: c.Allow}
	if err := l.key.Check(time.Now(), l.remote); err != nil {
		return fmt.Errorf("%w: token for stream %s", ended(err), c.Stream)
	}
	return p.find(ctx, c.Stream, l)
}

// find looks for the stream that a token, a certificate or the application names, and
// checks that it may be opened with this certificate.
func (p *Policy) find(ctx context.Context, name string, l *lease) (err error) {
	if l.stream, err = p.options.Streams.Stream(ctx, name); errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("%w: there is no stream %.64q (sluice stream add makes one)", ingest.ErrDenied, name)
	}
	if err != nil {
		return err
	}
	return p.clients.check(name, l.peer)
}

// ask asks the application, if it wants to be.
func (p *Policy) ask(ctx context.Context, wish ingest.Publish, l *lease) error {
	h := p.options.Hooks
	if h == nil || !h.Asks() {
		return nil
	}
	m := l.message()
	m.Query = told(wish.Query, l.by == webhook.ByToken)
	if l.by == webhook.ByNone {
		m.Key = string(wish.Key)
	}
	a, err := h.Ask(ctx, m)
	var denied *webhook.Denied
	switch {
	case errors.As(err, &denied):
		return &ingest.DeniedError{Reason: denied.Reason}
	case err != nil && p.options.OpenHooks && l.by != webhook.ByNone && errors.Is(err, webhook.ErrFailed):
		p.log.Warn("the application doesn't answer; its publisher is let in", "stream", l.stream.Name, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("ask the application: %w", err)
	case a.Stream != "" && a.Stream != l.stream.Name:
		return p.find(ctx, a.Stream, l)
	case l.by == webhook.ByNone && a.Stream == "":
		return p.findShown(ctx, wish.Key, l) // as where the key is the name
	}
	return nil
}

// findShown is find for what a publisher has shown, which may be a secret: no error
// tells it.
func (p *Policy) findShown(ctx context.Context, shown ingest.Key, l *lease) error {
	err := p.find(ctx, string(shown), l)
	switch {
	case err == nil, errors.Is(err, ingest.ErrClient): // so it is a name
		return err
	case errors.Is(err, ingest.ErrDenied):
		return fmt.Errorf("%w: the application named no stream, and there is none of the name that was shown", ingest.ErrDenied)
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // the store puts the name before it
	}
	return fmt.Errorf("look up stream: %w", err)
}

// told is what the application is told of the parameters: not those that are secrets
// of ours, and nothing where there's too much.
func told(q url.Values, ourToken bool) map[string][]string {
	q = maps.Clone(q)
	delete(q, "key")
	if ourToken {
		delete(q, "token")
	}
	if len(q) == 0 || len(q.Encode()) > maxQuery {
		return nil
	}
	return q
}
