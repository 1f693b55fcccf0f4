package gateway

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/admit"
	"sluice/ingest/onair"
	"sluice/ingest/token"
	"sluice/ingest/webhook"
	"sluice/media"
	"sluice/packager"
	"sluice/storage/catalog"
	"sluice/transcode"
	"sluice/transcode/rung"
)

// newHooks makes what asks and tells the application; nil where there's none.
func newHooks(c config.Config, log *slog.Logger, metrics prometheus.Registerer) *webhook.Client {
	h := c.Webhooks
	if !h.On() {
		return nil
	}
	return webhook.New(webhook.Options{
		OnPublish: h.OnPublish, OnPublishDone: h.OnPublishDone, OnPlay: h.OnPlay,
		Secret: []byte(h.Secret), Timeout: h.Timeout, Log: log, Metrics: metrics,
	})
}

// newPolicy makes what the configuration says about who may publish.
func (g *Gateway) newPolicy(hooks *webhook.Client) (*admit.Policy, error) {
	c := g.config
	o := admit.Options{
		Streams: g.streams, Clients: clients(c.Streams), Hooks: hooks, OpenHooks: c.Webhooks.AdmitOnFailure,
		Log: g.log, Metrics: g.registry,
	}
	if trust := g.certs.Clients(); trust != nil {
		o.Trust = trust
	}
	if j := c.JWT; j.On() {
		o.Outlive = j.Outlive
		t := token.Options{Secret: []byte(j.Secret), URL: j.JWKSURL, Issuer: j.Issuer, Audience: j.Audience, Log: g.log}
		var err error
		if j.KeyFile != "" {
			if t.PEM, err = os.ReadFile(j.KeyFile); err != nil {
				return nil, fmt.Errorf("read the key of tokens: %w", err)
			}
		}
		if o.Tokens, err = token.New(t); err != nil {
			return nil, fmt.Errorf("key of tokens: %w", err)
		}
	}
	return admit.New(o), nil
}

// admitter lets in whom the policy lets in, and the test picture.
type admitter struct {
	policy     *admit.Policy
	streams    catalog.Store
	packager   *packager.Packager
	transcoder *transcode.Transcoder
	timing     catalog.Timing // of streams that have none of their own
	ladder     rung.Spec      // likewise
	air        *airing
	picture    *picture // nil without a test picture: its key needs no certificate
	granted    sync.Map // names of streams that somebody was let in to; at most all there are
}

// Admit implements ingest.Admitter.
func (a *admitter) Admit(ctx context.Context, p ingest.Publish) (ingest.Grant, error) {
	var d admit.Decision
	var err error
	if a.ours(p.Key) {
		d.Stream, err = a.streams.Stream(ctx, a.picture.stream)
	} else {
		d, err = a.policy.Admit(ctx, p)
	}
	if err != nil || p.Probe {
		return ingest.Grant{}, err
	}
	a.granted.Store(d.Stream.Name, nil)
	return ingest.Grant{
		Stream: d.Stream.Name, Sink: a.sink(d.Stream, d.Purpose), Backup: d.Purpose == catalog.Backup, Key: d.Key, Bind: d.Bind,
	}, nil
}

// ours reports whether a key is that of the test picture.
func (a *admitter) ours(key ingest.Key) bool {
	if a.picture == nil {
		return false
	}
	given, want := catalog.HashKey(string(key)), a.picture.key.Hash()
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// sink is where a session's samples go: on air, when it's their turn.
func (a *admitter) sink(s catalog.Stream, purpose catalog.Purpose) media.Sink {
	role := onair.Primary
	if purpose == catalog.Backup {
		role = onair.Backup
	}
	return a.air.control.Input(s.Name, role, a.air.settings(s.Name), func() media.Sink { return a.output(s) })
}

// output is where a broadcast goes: to the packager, through the ladder that makes the
// stream's rungs of it.
func (a *admitter) output(s catalog.Stream) media.Sink {
	out := a.packager.Stream(s.Name, timing(s.Timing))
	cut := s.Timing.Or(a.timing)
	return a.transcoder.Ladder(s.Name, a.spec(s), transcode.Timing{Segment: cut.Segment, Part: cut.Part}, out)
}

// spec is the ladder of a stream: its own, or the gateway's default.
func (a *admitter) spec(s catalog.Stream) rung.Spec {
	if s.Ladder != nil {
		return *s.Ladder
	}
	return a.ladder
}

// timing gives the packager a stream's own settings; zero ones are its defaults.
func timing(t catalog.Timing) packager.Settings {
	return packager.Settings{Segment: t.Segment, Part: t.Part, Window: t.Window}
}

// settings gives the packager the gateway's defaults.
func settings(c config.Config) packager.Settings {
	s := timing(c.Timing)
	s.Grace = c.Grace
	if s.Grace == 0 {
		s.Grace = -1 // not at all: zero would mean the packager's own default
	}
	return s
}
