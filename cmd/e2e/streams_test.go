package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSources pushes each kind of stream that encoders send, and watches it as
// HLS and DASH with the strict checkers and with ffmpeg.
func TestSources(t *testing.T) {
	for _, c := range []struct {
		name string
		source
		renditions []string
	}{
		{"1080p30 with B-frames", video("1920x1080", "30", "60").with(tone()), []string{"source", "audio"}},
		{"29.97 frames a second", video("640x360", "30000/1001", "60").with(tone()), []string{"source", "audio"}},
		{"audio only", tone(), []string{"audio"}},
		{"video only", video("640x360", "25", "50"), []string{"source"}},
		{"keyframes every five seconds", video("640x360", "30", "150").with(tone()), []string{"source", "audio"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := start(t, "--grace", "2s")
			p := g.publish(c.source)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			hls, done := g.watchHLS(ctx, "live")
			_, dashDone := g.watchDASH(ctx, "live")
			g.eventually("four segments are there", func() error {
				if n := hls.segments(c.renditions[0]); n < 5 {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			g.decode("/live/live/index.m3u8")
			g.decode("/live/live/manifest.mpd")
			p.end(syscall.SIGTERM)
			done() // at EXT-X-ENDLIST, after the grace
			dashDone()
			for _, r := range c.renditions {
				probe(t, hls.whole(r))
			}
		})
	}
}

// decode lets ffmpeg play a few seconds of a live manifest and fail at the
// first error; timestamps must rise.
func (g *gateway) decode(path string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-xerror",
		"-i", g.url(path), "-t", "4", "-f", "null", "-")
	out, err := cmd.CombinedOutput()
	require.NoError(g.t, err, "%s: %s", path, out)
	require.Empty(g.t, complaints(out), path)
}

// complaints are the lines that ffmpeg prints about media; what it says of its
// own way of reading live manifests doesn't count.
func complaints(out []byte) string {
	var kept []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		kept = append(kept, lines.Text())
	}
	return strings.Join(kept, "\n")
}

// probe decodes a file with ffprobe: no error, and each decode time after the
// one before it.
func probe(t *testing.T, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.mp4")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	cmd := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=stream_index,dts", "-of", "csv=p=0", path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	require.NoError(t, err, complaint.String())
	require.Empty(t, complaint.String())
	newest, n := map[string]int64{}, 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) < 2 {
			continue
		}
		dts, err := strconv.ParseInt(fields[1], 10, 64)
		require.NoError(t, err, line)
		if last, ok := newest[fields[0]]; ok {
			require.Greater(t, dts, last, "packet %d", n)
		}
		newest[fields[0]] = dts
		n++
	}
	require.Greater(t, n, 50)
	decode := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-")
	out, err = decode.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

// TestReconnect cuts the publisher off in the middle of a message and lets it
// come back: viewers see one seam and go on.
func TestReconnect(t *testing.T) {
	t.Parallel()
	g := start(t, "--grace", "10s")
	s := video("640x360", "30", "60").with(tone())
	p := g.publish(s)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	hls, done := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	hls.awaitMore(2, "source")
	p.end(syscall.SIGKILL)
	g.eventually("the publisher is missed", func() error {
		body, _, err := g.get("/api/v1/streams/live")
		if err == nil && !bytes.Contains(body, []byte(`"away"`)) {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	p = g.publish(s)
	hls.awaitMore(3, "source")
	body, _, err := g.get("/live/live/source/index.m3u8")
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(body, []byte("#EXT-X-DISCONTINUITY\n")), "%s", body)
	mpd, _, err := g.get("/live/live/manifest.mpd")
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(mpd, []byte("<Period ")), "%s", mpd)
	p.end(syscall.SIGTERM)
	done()
	dashDone()
}

// TestEnd lets the publisher say goodbye: after the grace, manifests say that
// the stream is over, and its window can still be played.
func TestEnd(t *testing.T) {
	t.Parallel()
	g := start(t, "--grace", "2s")
	p := g.publish(video("640x360", "30", "60").with(tone()))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	hls, done := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	g.eventually("three segments are there", func() error {
		if n := hls.segments("source"); n < 4 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	p.end(syscall.SIGTERM)
	done() // follows until EXT-X-ENDLIST
	dashDone()
	mpd, _, err := g.get("/live/live/manifest.mpd")
	require.NoError(t, err)
	require.Contains(t, string(mpd), `type="static"`)
	g.decode("/live/live/index.m3u8")
	g.decode("/live/live/manifest.mpd")
}

// TestRestart kills the gateway and starts it again on the same data: a new
// broadcast goes on with higher numbers, and no URL means something else.
func TestRestart(t *testing.T) {
	t.Parallel()
	g := start(t)
	s := video("640x360", "30", "60").with(tone())
	first := g.publish(s)
	before := g.firstSegment()
	g.signal(syscall.SIGKILL)
	first.end(syscall.SIGKILL)
	g.run()
	g.publish(s)
	after := g.firstSegment()
	require.Greater(t, after.msn, before.msn)
	require.Greater(t, after.epoch, before.epoch)
	_, _, err := g.get(before.path)
	require.Equal(t, 410, statusOf(err), "a segment of before: %v", err)
}

type segmentName struct {
	path       string
	epoch, msn int
}

// firstSegment waits for the stream's playlist and returns its first segment.
func (g *gateway) firstSegment() segmentName {
	g.t.Helper()
	var name segmentName
	g.eventually("a segment is listed", func() error {
		body, _, err := g.get("/live/live/source/index.m3u8")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(body)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "#") || !strings.HasSuffix(line, ".m4s") {
				continue
			}
			name.path = "/live/live/source/" + line
			_, err := fmt.Sscanf(line, "%d/%d.m4s", &name.epoch, &name.msn)
			return err
		}
		return fmt.Errorf("none in:\n%s", body)
	})
	return name
}
