package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/console"
	"sluice/cmd/sluice/gateway"
	"sluice/storage/certificates"
)

type runCommand struct{ config.Flags }

// Run starts the gateway and waits for a signal.
func (c runCommand) Run() error {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return run(ctx, c.Flags, nil)
}

// run opens the gateway and serves until ctx ends. beside, if any, is told that it
// can begin, and runs as long.
func run(ctx context.Context, f config.Flags, beside func(context.Context, *gateway.Gateway, *slog.Logger) error) error {
	cfg, err := config.Load(f, os.LookupEnv)
	if err != nil {
		return err
	}
	log := newLog(cfg.Log)
	g, err := gateway.Open(ctx, cfg, gateway.Options{Log: log, TestPicture: beside != nil})
	if err != nil {
		return err
	}
	defer g.Close()
	if err := announce(ctx, g, cfg, log); err != nil {
		return err
	}
	if beside == nil {
		return g.Serve(ctx)
	}
	inner, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- beside(inner, g, log) }()
	err = g.Serve(ctx)
	stop()
	if besideErr := <-done; !errors.Is(besideErr, context.Canceled) {
		err = errors.Join(err, besideErr)
	}
	return err
}

func newLog(c config.Log) *slog.Logger {
	if c.Format == config.JSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.Level}))
	}
	return slog.New(console.NewHandler(os.Stderr, c.Level))
}

// announce tells where the gateway is: people on standard output, and machines,
// which must not get the key, in the log.
func announce(ctx context.Context, g *gateway.Gateway, cfg config.Config, log *slog.Logger) error {
	a := g.Addresses()
	v, _ := buildVersion()
	if cfg.Log.Format == config.JSON {
		log.Info("started", "version", v, "data", cfg.Data, "rtmps", a.RTMPS, "rtmp", a.RTMP, "http", a.HTTP, "https", a.HTTPS, "http3", g.HTTP3())
		return nil
	}
	streams, err := g.StreamNames(ctx)
	if err != nil {
		return err
	}
	b := console.Banner{
		Version: v, Data: cfg.Data, RTMPS: a.RTMPS, RTMP: a.RTMP, HTTP: a.HTTP, HTTPS: a.HTTPS,
		Streams: streams, Names: names(cfg),
		TrustBy: trustBy(cfg),
	}
	b.Key, b.KeyFile = g.FirstKey()
	b.LocalCA, b.Trusted = g.LocalCA()
	return b.Print(os.Stdout)
}

// names are those under which other machines reach the gateway, the best first.
func names(cfg config.Config) []string {
	return append(slices.Clone(cfg.TLS.Domains), certificates.Machine().Remote()...)
}

// trustBy is the command that makes this machine trust the gateway, as it must be
// typed where this one was started.
func trustBy(cfg config.Config) string {
	line := os.Args[0] + " trust"
	if cfg.Data != config.Default().Data {
		line += " --data " + cfg.Data
	}
	if os.Geteuid() > 0 { // -1 on Windows, which knows no sudo
		line = "sudo " + line
	}
	return line
}
