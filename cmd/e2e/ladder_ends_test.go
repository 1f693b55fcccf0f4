package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLadderReconnect lets the publisher break off and come back within the
// grace, and then end: the rungs do all of it with the source, to the last picture.
func TestLadderReconnect(t *testing.T) {
	g := startLadder(t, nil, faultLadder, "--grace", "5s", "--window", "2m")
	s := g.loop(busyClip(t))
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	g.joins(faultRungs...)
	all := append([]string{"source"}, faultRungs...)
	hls.awaitMore(1, all...)
	first := g.transcoder()
	s.end()
	g.eventually("the publisher is missed", func() error {
		body, _, err := g.get("/api/v1/streams/live")
		if err == nil && !bytes.Contains(body, []byte(`"away"`)) {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	s = g.loop(busyClip(t))
	hls.awaitMore(2, all...)
	g.joins(faultRungs...)
	t.Logf("the same process goes on: %v", g.transcoder() == first)
	hls.parting = time.Now()
	s.end()
	hlsDone() // at EXT-X-ENDLIST
	dashDone()
	g.eventually("nothing is transcoded any more", g.idle)
	leader := g.read("source")
	requireWhole(t, leader)
	require.NotEqual(t, leader[0].epoch, leader[len(leader)-1].epoch)
	for _, r := range faultRungs {
		n := alignment{}.require(t, leader, g.read(r))
		require.GreaterOrEqual(t, n, len(leader)-1, "segments of %s", r)
	}
	mpd, _, err := g.get("/live/live/manifest.mpd")
	require.NoError(t, err)
	require.Contains(t, string(mpd), `type="static"`)
	g.decode("/live/live/index.m3u8")
	g.decode("/live/live/manifest.mpd")
}

// TestLadderDiesWithGateway kills the gateway: its ffmpeg must not outlive it.
func TestLadderDiesWithGateway(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			g := startLadder(t, nil, faultLadder)
			g.loop(busyClip(t))
			g.joins(faultRungs...)
			pid := g.transcoder()
			g.signal(s)
			eventually(t, "ffmpeg is gone", func() error {
				if alive(pid) {
					return fmt.Errorf("%d lives", pid)
				}
				return nil
			})
		})
	}
}
