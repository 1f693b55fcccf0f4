package main

import (
	"context"
	"log/slog"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/cmd/sluice/gateway"
)

type demoCommand struct{ config.Flags }

// Run starts the gateway with a test picture, and waits for a signal.
func (c demoCommand) Run() error {
	ffmpeg, err := demo.FindFFmpeg()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return run(ctx, c.Flags, func(ctx context.Context, g *gateway.Gateway, log *slog.Logger) error {
		url, secret := g.TestPicture()
		return demo.Publisher{FFmpeg: ffmpeg, URL: url, Secret: secret, Log: log}.Serve(ctx)
	})
}
