package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/console"
	"sluice/storage/catalog"
	"sluice/web/pass"
)

// tokenCommand makes a token with which a stream that is signed can be watched.
type tokenCommand struct {
	catalogFlags
	Name    string `arg:"" help:"The stream's name."`
	Expires string `default:"12h" placeholder:"12h" help:"Until when it lets somebody watch: a date, a time as in 2026-12-31T23:00:00Z, or a span as in 36h or 30d."`
	Address string `placeholder:"IP" help:"The only address that it is for, as the gateway sees it."`
}

var errNoSigning = errors.New("the configuration has no secret to sign with: signing, secret-file in the YAML file")

// Run makes it.
func (c tokenCommand) Run() error {
	now := time.Now()
	until, err := expiry(c.Expires, now)
	if err != nil {
		return fmt.Errorf("--expires: %w", err)
	}
	var from netip.Addr
	if c.Address != "" {
		if from, err = netip.ParseAddr(c.Address); err != nil {
			return fmt.Errorf("--address: %.40q is no address", c.Address)
		}
	}
	return c.with(false, func(ctx context.Context, cfg config.Config, s catalog.Store) error {
		if cfg.Signing.Secret == "" {
			return errNoSigning
		}
		if _, err := s.Stream(ctx, c.Name); err != nil {
			return err
		}
		p := console.Pass{
			Stream: c.Name, Token: pass.Sign([]byte(cfg.Signing.Secret), c.Name, until, from), Until: until, Address: from,
			HTTP: cfg.Listen.HTTP, HTTPS: cfg.Listen.HTTPS, RTMPS: cfg.Listen.RTMPS, RTMP: cfg.Listen.RTMP, Names: names(cfg),
		}
		p.Public = cfg.Playback.Access != config.Signed
		for _, own := range cfg.Streams {
			if own.Name == c.Name {
				p.Public = own.Playback.Or(cfg.Playback).Access != config.Signed
			}
		}
		if c.JSON {
			return p.PrintJSON(os.Stdout)
		}
		return p.Print(os.Stdout)
	})
}
