package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// uiFolder holds the front end, with the test page and its driver.
const uiFolder = "../../web/ui"

// playback is what the test page saw (web/ui/harness/recorder.ts).
type playback struct {
	Started  bool
	Uncaught []string
	Errors   []struct {
		Detail string
		Fatal  bool
	}
	FatalErrors int
	CurrentTime float64
	VideoFrames int
	AudioBytes  int
	SteppedBack int
}

// excused are errors that a slow machine explains. hls.js reports each pause as one,
// and pauses are for the bench to count; and sometimes it appends while an append is
// under way, which it repeats.
var excused = []string{"bufferStalledError", "bufferNudgeOnStall", "This SourceBuffer is still processing an 'appendBuffer'"}

// faults are the other errors.
func (p *playback) faults() []string {
	var faults []string
	for _, e := range p.Errors {
		if e.Fatal || !slices.ContainsFunc(excused, func(text string) bool { return strings.Contains(e.Detail, text) }) {
			faults = append(faults, e.Detail)
		}
	}
	return faults
}

var buildHarness = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join(uiFolder, "node_modules")); err != nil {
		return fmt.Errorf("the front end's packages are not installed: make test does that: %w", err)
	}
	cmd := exec.Command("npm", "run", "build:harness")
	cmd.Dir = uiFolder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the test page: %w\n%s", err, out)
	}
	return nil
})

// drive runs the browser driver and decodes what it prints into seen.
func drive(t *testing.T, seen any, args ...string) {
	t.Helper()
	require.NoError(t, buildHarness())
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{"harness/drive.mjs", "--timeout", "60"}, args...)...)
	cmd.Dir = uiFolder
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	require.NoError(t, err, complaint.String())
	require.NoError(t, json.Unmarshal(out, seen), "%s", out)
	t.Logf("%s", out)
}

// TestPlayers plays one stream with each player for twenty seconds.
func TestPlayers(t *testing.T) {
	t.Parallel()
	g := start(t)
	g.publish(video("640x360", "30", "60").with(tone()))
	g.firstSegment()
	for _, c := range []struct{ player, path string }{
		{"hls", "/live/live/index.m3u8"},
		{"dash", "/live/live/manifest.mpd"},
		{"shaka", "/live/live/manifest.mpd"},
		{"shaka", "/live/live/index.m3u8"},
		{"native", "/live/live/index.m3u8"},
	} {
		t.Run(c.player+filepath.Ext(c.path), func(t *testing.T) {
			t.Parallel()
			if c.player == "native" {
				// Chromium's own player starts with the last three segments, and fails
				// when it has them all before it plays (web/ui/plain.js starts it over).
				g.segments(3)
			}
			var seen playback
			drive(t, &seen, "--player", c.player, "--src", g.url(c.path), "--seconds", "20")
			require.True(t, seen.Started, "no first frame")
			require.Empty(t, seen.Uncaught)
			require.Empty(t, seen.faults())
			require.Zero(t, seen.FatalErrors)
			require.Zero(t, seen.SteppedBack)
			require.Greater(t, seen.CurrentTime, 5.0)
			require.Greater(t, seen.VideoFrames, 100, "the picture doesn't advance")
			require.Greater(t, seen.AudioBytes, 10_000, "no sound is decoded")
		})
	}
}

// segments waits until the stream's playlist lists n whole segments.
func (g *gateway) segments(n int) {
	g.t.Helper()
	g.eventually("enough segments are listed", func() error {
		body, _, err := g.get("/live/live/source/index.m3u8")
		if err == nil && bytes.Count(body, []byte("#EXTINF")) < n {
			err = fmt.Errorf("fewer than %d in:\n%s", n, body)
		}
		return err
	})
}

// TestPlainPage opens the page of a build without the front end while the stream is
// offline: the picture must come by itself, whatever the browser's own player makes
// of a playlist that isn't there yet, or lists less than it wants.
func TestPlainPage(t *testing.T) {
	t.Parallel()
	g := start(t)
	publish := sync.OnceFunc(func() { g.publish(video("640x360", "30", "60").with(tone())) })
	var seen playback
	drive(t, &seen, "--page", g.plainPage(publish), "--seconds", "20")
	require.True(t, seen.Started, "no first frame")
	require.Empty(t, seen.Uncaught)
	require.Empty(t, seen.Errors)
	require.Greater(t, seen.CurrentTime, 5.0)
	require.Greater(t, seen.VideoFrames, 100, "the picture doesn't advance")
	require.Greater(t, seen.AudioBytes, 10_000, "no sound is decoded")
}

// pageState is what the player page tells of itself (window.sluice).
type pageState struct {
	Started     bool
	Uncaught    []string
	Engine      string
	State       string
	Errors      []any
	FatalErrors int
}

// TestPlayerPage opens the product's own page while the stream is offline: its
// message must become the picture by itself when somebody publishes.
func TestPlayerPage(t *testing.T) {
	for _, engine := range []string{"hls", "dash"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			published := make(chan *push, 1)
			go func() {
				published <- g.publishWhenAsked(video("640x360", "30", "60").with(tone()))
			}()
			var seen pageState
			drive(t, &seen, "--page", g.url("/watch/live?engine="+engine), "--seconds", "8")
			require.NotNil(t, <-published, "the page never asked for the stream's state")
			require.True(t, seen.Started, "the page stays in state %s", seen.State)
			require.Empty(t, seen.Uncaught)
			require.Zero(t, seen.FatalErrors)
			require.Equal(t, engine, seen.Engine)
			require.Equal(t, "playing", seen.State)
		})
	}
}

// publishWhenAsked publishes once somebody has asked the API for a stream.
func (g *gateway) publishWhenAsked(s source) *push {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pause(50 * time.Millisecond) {
		body, _, err := g.get("/metrics")
		if err == nil && bytes.Contains(body, []byte(`sluice_http_requests_total{kind="api"`)) {
			return g.publish(s)
		}
	}
	return nil
}
