package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls/hlscheck"
)

// transportViewer reads a stream as MPEG-TS like a player that knows nothing newer.
type transportViewer struct {
	g        *gateway
	observer *hlscheck.Observer
	fetched  map[string][]byte // segments, by URL
	epochs   map[string][][]byte
}

// look fetches the playlists, and what is new in them.
func (v *transportViewer) look() (*hlscheck.Media, error) {
	base := v.g.url("/live/live/ts.m3u8")
	_, mv, err := v.playlist(base)
	if err != nil {
		return nil, err
	}
	var source *hlscheck.Media
	for _, variant := range mv.Variants {
		u := resolve(base, variant.URI)
		m, _, err := v.playlist(u)
		if err != nil {
			return nil, err
		}
		if strings.Contains(u, "/source/") {
			source = m
		}
		for _, s := range m.Segments {
			if err := v.segment(resolve(u, s.URI), s); err != nil {
				return nil, err
			}
		}
	}
	return source, nil
}

func (v *transportViewer) playlist(u string) (*hlscheck.Media, *hlscheck.Multivariant, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body, header, err := fetch(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	m, mv := v.observer.Playlist(hlscheck.Fetch{URL: u, Body: body, At: time.Now(), ContentType: header.Get("Content-Type")})
	return m, mv, nil
}

func (v *transportViewer) segment(u string, s hlscheck.Segment) error {
	if v.fetched[u] != nil || s.Gap {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body, header, err := fetch(ctx, u)
	if err != nil {
		return err
	}
	if header.Get("Content-Type") != "video/mp2t" || !strings.Contains(header.Get("Cache-Control"), "immutable") {
		return fmt.Errorf("%s: %v", u, header)
	}
	v.observer.Transport(u, body, time.Now())
	v.fetched[u] = body
	if strings.Contains(u, "/source/") {
		epoch := fmt.Sprint(s.Discontinuity)
		v.epochs[epoch] = append(v.epochs[epoch], body)
	}
	return nil
}

// TestTransport reads a stream as MPEG-TS over a reconnect: the strict checker finds
// nothing, and neither does ffmpeg, segment by segment and each epoch in a row.
func TestTransport(t *testing.T) {
	t.Parallel()
	g := start(t)
	p := g.publish(video("640x360", "25", "50").with(tone()))
	g.firstSegment()
	v := &transportViewer{
		g: g, observer: hlscheck.NewObserver(hlscheck.Options{Skew: time.Second}),
		fetched: map[string][]byte{}, epochs: map[string][][]byte{},
	}
	until := func(epoch string, n int) {
		eventually(t, fmt.Sprintf("%d segments of epoch %s", n, epoch), func() error {
			if _, err := v.look(); err != nil {
				return err
			}
			if len(v.epochs[epoch]) < n {
				return fmt.Errorf("%d of %d", len(v.epochs[epoch]), n)
			}
			pause(200 * time.Millisecond)
			return nil
		})
	}
	until("1", 3)
	p.end(syscall.SIGKILL)
	g.publish(video("640x360", "25", "50").with(tone()))
	until("2", 3)
	for _, violation := range v.observer.Violations() {
		t.Errorf("%v", violation)
	}
	for epoch, segments := range v.epochs {
		checkTransport(t, epoch+"-whole", bytes.Join(segments, nil))
		for i, s := range segments {
			checkTransport(t, fmt.Sprintf("%s-%d", epoch, i), s)
		}
	}
	body, _, err := g.get("/metrics")
	require.NoError(t, err)
	require.Regexp(t, `sluice_ts_segments_total{source="made"} [1-9]`, string(body))
	_, _, err = g.get("/live/live/source/1/99999.ts")
	require.Equal(t, http.StatusNotFound, statusOf(err))
}

// silent is what ffmpeg says of metadata that hasn't come.
var silent = regexp.MustCompile(`(?m)^\[mpegts @ 0x[0-9a-f]+\] start time for stream \d+ is not set in estimate_timings_from_pts\n`)

// checkTransport lets ffmpeg read and decode a file: it has no warning to give.
func checkTransport(t *testing.T, name string, b []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".ts")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", path, "-map", "0", "-c:d", "copy", "-f", "null", "-").CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	require.Empty(t, silent.ReplaceAllString(string(out), ""), name)
}

// TestTransportInBrowser plays MPEG-TS with hls.js, which makes fragments of it, over a
// reconnect.
func TestTransportInBrowser(t *testing.T) {
	t.Parallel()
	g := start(t)
	p := g.publish(video("640x360", "30", "60").with(tone()))
	g.segments(3)
	player := play(t, "hls", g.url("/live/live/ts.m3u8"))
	player.awaits("playback begins", func(s shown) bool { return s.CurrentTime > 0 })
	player.playsOn(4 * time.Second)
	p.end(syscall.SIGKILL)
	g.publish(video("640x360", "30", "60").with(tone()))
	player.playsOn(12 * time.Second)
	seen := player.stop()
	seen.requireUnharmed(t)
	require.Greater(t, seen.VideoFrames, 200)
	require.Greater(t, seen.AudioBytes, 10_000, "no sound is decoded")
}
