package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/token"
	"sluice/web"
	"sluice/web/pass"
)

// rules are what the configuration says of each stream's viewers.
type rules struct {
	usual pass.Rules
	own   map[string]pass.Rules // of the configuration's streams
}

func newRules(c config.Config) rules {
	r := rules{usual: c.Playback.Rules(), own: map[string]pass.Rules{}}
	for _, s := range c.Streams {
		r.own[s.Name] = s.Playback.Or(c.Playback).Rules()
	}
	return r
}

func (r rules) of(stream string) pass.Rules {
	if own, ok := r.own[stream]; ok {
		return own
	}
	return r.usual
}

// newPasses makes what checks viewers' tokens; nil where there is no key for them.
func newPasses(s config.Signing, log *slog.Logger) (*pass.Verifier, error) {
	if !s.On() {
		return nil, nil
	}
	o := token.Options{
		Secret: []byte(s.Secret), OldSecret: []byte(s.OldSecret), URL: s.JWKSURL, Issuer: s.Issuer, Audience: s.Audience, Log: log,
	}
	for path, to := range map[string]*[]byte{s.KeyFile: &o.PEM, s.OldKeyFile: &o.OldPEM} {
		if path == "" {
			continue
		}
		var err error
		if *to, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read the key of viewers' tokens: %w", err)
		}
	}
	v, err := token.New(o)
	if err != nil {
		return nil, fmt.Errorf("key of viewers' tokens: %w", err)
	}
	var secrets [][]byte
	for _, secret := range []config.Secret{s.Secret, s.OldSecret} {
		if secret != "" {
			secrets = append(secrets, []byte(secret))
		}
	}
	return pass.New(pass.Options{Secrets: secrets, JWT: func(ctx context.Context, raw string) (pass.Claims, error) {
		c, err := v.Verify(ctx, raw)
		switch {
		case errors.Is(err, jwt.ErrTokenExpired):
			return pass.Claims{}, pass.ErrExpired
		case errors.Is(err, token.ErrInvalid):
			return pass.Claims{}, pass.ErrInvalid
		case err != nil:
			return pass.Claims{}, err
		}
		return pass.Claims{Stream: c.Stream, Until: c.Until(), Allow: c.Allow}, nil
	}}), nil
}

// admit is for a player of RTMP what web does for viewers over HTTP: its token is
// ?token=, and it names no page. It returns until when the player may play.
func (v *viewers) admit(ctx context.Context, w ingest.Watch) (until time.Time, err error) {
	r := v.rules.of(w.Stream)
	if !r.AllowsReferer("", "") {
		return time.Time{}, &ingest.ForbiddenError{Reason: "it's shown on some pages only"}
	}
	if !r.Signed {
		return time.Time{}, nil
	}
	shown := w.Query.Get("token")
	if shown == "" || v.passes == nil {
		return time.Time{}, &ingest.ForbiddenError{Reason: "it needs a token, as in NAME?token=TOKEN"}
	}
	until, err = v.passes.Verify(ctx, shown, w.Stream, w.Remote.Addr(), time.Now())
	if errors.Is(err, pass.ErrInvalid) || errors.Is(err, pass.ErrExpired) || errors.Is(err, pass.ErrAddress) {
		return time.Time{}, &ingest.ForbiddenError{Reason: err.Error()}
	}
	return until, err
}

// cdns are those of the configuration, as web has them.
func cdns(list []config.CDN) []web.CDN {
	all := make([]web.CDN, len(list))
	for i, c := range list {
		all[i] = web.CDN(c)
	}
	return all
}
