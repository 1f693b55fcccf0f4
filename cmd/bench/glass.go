package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// uiFolder holds the test page and its driver; the bench runs from the top of
// the checkout.
const uiFolder = "web/ui"

// benchGlass plays a stream with a clock burnt into the picture in Chromium,
// with each player in turn, and compares the clock on show with the wall's.
func benchGlass(ctx context.Context, b *bench) error {
	if err := buildHarness(ctx); err != nil {
		return err
	}
	filter, err := exec.CommandContext(ctx, "node", filepath.Join(uiFolder, "harness", "clock.mjs"), "30").Output()
	if err != nil {
		return fmt.Errorf("clock filter: %w", err)
	}
	g, err := startGateway(ctx, b.binary, b.folder, 1)
	if err != nil {
		return err
	}
	defer g.stop()
	encoder, err := startProcess(ctx, nil, "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin",
		"-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30,"+strings.TrimSpace(string(filter)),
		"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-keyint_min", "60",
		"-b:v", "1200k", "-c:a", "aac", "-b:a", "96k", "-ac", "2",
		"-f", "flv", "rtmps://"+loopback(g.rtmps)+"/live/"+keyOf(0))
	if err != nil {
		return err
	}
	defer encoder.stop()
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := waitPlaylist(waiting, g.url(sourcePlaylist)); err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, g.log, encoder.log)
	}
	sleep(ctx, 8*time.Second) // a window that players can start from
	for _, player := range []struct {
		name, path, title string
		goal              time.Duration
	}{
		{"hls", "/live/s0/index.m3u8", "hls.js, low latency", 1400 * time.Millisecond},
		{"dash", "/live/s0/manifest.mpd", "dash.js", 1600 * time.Millisecond},
		{"shaka", "/live/s0/manifest.mpd", "Shaka", 1800 * time.Millisecond},
	} {
		r, err := play(ctx, player.name, g.url(player.path))
		if err != nil {
			return fmt.Errorf("%s: %w", player.title, err)
		}
		r.report(b, player.title, player.goal)
	}
	return nil
}

// buildHarness makes the test page where it isn't there yet.
func buildHarness(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(uiFolder, "node_modules")); err != nil {
		if err := npm(ctx, "ci"); err != nil {
			return err
		}
	}
	return npm(ctx, "run", "build:harness")
}

func npm(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir = uiFolder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// playback is what the test page saw (harness/recorder.ts); times in milliseconds.
type playback struct {
	Started    bool     `json:"started"`
	FirstFrame *float64 `json:"firstFrame"`
	Glass      []float64
	Stalls     []struct{ At, Duration float64 }
	Errors     []struct {
		Detail string
		Fatal  bool
	}
	Version string `json:"version"`
}

// play runs one player for twenty seconds.
func play(ctx context.Context, player, src string) (*playback, error) {
	cmd := exec.CommandContext(ctx, "node", "harness/drive.mjs", "--player", player, "--src", src, "--clock", "--seconds", "20")
	cmd.Dir = uiFolder
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var p playback
	if err := json.Unmarshal(out, &p); err != nil {
		return nil, err
	}
	if !p.Started || p.FirstFrame == nil || len(p.Glass) < 100 {
		return nil, errors.New("it shows no picture: " + string(out))
	}
	return &p, nil
}

func (p *playback) report(b *bench, title string, goal time.Duration) {
	settled := slices.Sorted(slices.Values(p.Glass[len(p.Glass)/2:])) // the second half: catching up is over
	ms := func(v float64) time.Duration {
		return time.Duration(v * float64(time.Millisecond)).Round(time.Millisecond)
	}
	median, worst := ms(settled[len(settled)/2]), ms(settled[len(settled)-1])
	b.report("%s %s: glass to glass median %v, worst %v, first frame %v, %d stalls, %d errors",
		title, p.Version, median, worst, ms(*p.FirstFrame), len(p.Stalls), len(p.Errors))
	b.row("Glass to glass, "+title, median.String(), goal.String(), median <= goal)
	b.row("First frame, "+title, ms(*p.FirstFrame).String(), "1s", *p.FirstFrame <= 1000)
}
