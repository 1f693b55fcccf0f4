package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spareKey is the backup key of the stream that startSpare's gateway carries.
const spareKey = "e2e-backup-key"

// startSpare runs a gateway whose stream has a backup key.
func startSpare(t *testing.T, args ...string) *gateway {
	t.Helper()
	return startSpareLadder(t, "", args...)
}

// startSpareLadder does so with a ladder.
func startSpareLadder(t *testing.T, ladder string, args ...string) *gateway {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
streams:
  - name: live
    key: `+key+`
    keys:
      - {key: `+spareKey+`, backup: true}
`), 0o600))
	g := &gateway{t: t, data: t.TempDir(), keyed: true}
	args = append([]string{"--config", file}, args...)
	if ladder == "" {
		g.begin(args...)
	} else {
		g.beginLadder(ladder, args...)
	}
	return g
}

// plain is a source of one colour, which moves a little, so that it's known who is shown.
func plain(colour, size, gop string) source {
	s := video(size, "30", gop)
	s.inputs = []string{"-re", "-f", "lavfi", "-i", "color=c=" + colour + ":size=" + size + ":rate=30,noise=alls=4:allf=t"}
	return s.with(tone())
}

// onAir waits until an input is on air, and returns since when the API knew it.
func (g *gateway) onAir(input string) time.Time {
	g.t.Helper()
	g.eventually(input+" is on air", func() error {
		body, _, err := g.get("/api/v1/streams/live")
		var s struct {
			OnAir struct{ Input string } `json:"on_air"`
		}
		if err == nil {
			err = json.Unmarshal(body, &s)
		}
		if err == nil && s.OnAir.Input != input {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	return time.Now()
}

// epochAfter waits for media of an epoch after the given one, and returns the newest.
func (g *gateway) epochAfter(before uint64) uint64 {
	g.t.Helper()
	var found uint64
	g.eventually("the next epoch has media", func() error {
		m, err := g.playlist("source")
		if err != nil {
			return err
		}
		for _, s := range m.Segments {
			found = max(found, epochOf(s.URI))
		}
		if m.Open != nil {
			for _, p := range m.Open.Parts {
				found = max(found, epochOf(p.URI))
			}
		}
		if found <= before {
			return fmt.Errorf("epoch %d", found)
		}
		return nil
	})
	return found
}

// epochOf reads the epoch in a media URL.
func epochOf(uri string) (epoch uint64) {
	parts := bytes.Split([]byte(uri), []byte("/"))
	if len(parts) > 1 {
		_, _ = fmt.Sscan(string(parts[len(parts)-2]), &epoch)
	}
	return epoch
}

// TestBackup stops the primary dead, lets it come back, and kills it: viewers see the
// backup and the primary in turn, without a fault in any manifest.
func TestBackup(t *testing.T) {
	t.Parallel()
	g := startSpare(t)
	primary := g.publish(plain("red", "640x360", "60"))
	g.onAir("primary")
	spare := g.publishWith(spareKey, plain("blue", "640x360", "60"))
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	hls.awaitMore(3, "source")
	g.eventually("both sessions are known", func() error {
		body, _, err := g.get("/api/v1/streams/live")
		if err == nil && bytes.Contains(body, []byte(`"backup":null`)) {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	epoch := g.epochAfter(0)

	require.NoError(t, primary.cmd.Process.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	epoch = g.epochAfter(epoch)
	t.Logf("the backup's first part is listed %v after the primary was stopped dead", time.Since(stopped).Round(time.Millisecond))
	g.onAir("backup")
	hls.awaitMore(2, "source")
	require.NoError(t, primary.cmd.Process.Signal(syscall.SIGCONT))
	g.onAir("primary")
	epoch = g.epochAfter(epoch)
	hls.awaitMore(2, "source")

	primary.end(syscall.SIGKILL)
	killed := time.Now()
	epoch = g.epochAfter(epoch)
	t.Logf("and %v after it was killed", time.Since(killed).Round(time.Millisecond))
	g.onAir("backup")
	hls.awaitMore(2, "source")
	g.publish(plain("red", "640x360", "60"))
	g.onAir("primary")
	g.epochAfter(epoch)
	hls.awaitMore(2, "source")
	spare.end(syscall.SIGKILL)
	hls.awaitMore(1, "source")
	cancel()
	hlsDone()
	dashDone()
	require.Zero(t, bytes.Count([]byte(g.log.String()), []byte("stream ended")))
	inits, _, err := g.get("/live/live/source/index.m3u8")
	require.NoError(t, err)
	require.NotZero(t, bytes.Count(inits, []byte("#EXT-X-DISCONTINUITY\n")))
}

// TestBackupOfALadder lets the primary come and go where there are rungs, which take each
// change with the source.
func TestBackupOfALadder(t *testing.T) {
	c := busyClip(t)
	g := startSpareLadder(t, "source,240p")
	primary := g.loop(c)
	g.onAir("primary")
	spare := g.loopWith(spareKey, c)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	_, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	epoch := g.epochAfter(0)
	for range 2 {
		g.joins("240p")
		primary.end()
		g.onAir("backup")
		epoch = g.epochAfter(epoch)
		g.joins("240p")
		primary = g.loop(c)
		g.onAir("primary")
		epoch = g.epochAfter(epoch)
	}
	g.joins("240p")
	cancel()
	hlsDone()
	dashDone()
	spare.end()
	leader := g.read("source")
	require.Greater(t, len(leader), 3)
	alignment{}.require(t, leader, g.read("240p"))
}

// slateMade waits for a loop of the picture, and one of the sound.
func (g *gateway) slateMade() {
	g.t.Helper()
	made := regexp.MustCompile(`(?m)^sluice_slate_loops_total\{[^}]*result="encoded"[^}]*\} ([2-9])$`)
	g.eventually("the slate is made", func() error {
		body, _, err := g.get("/metrics")
		if err == nil && !made.Match(body) {
			err = errors.New("it isn't")
		}
		return err
	})
}

// reddish, bluish and the rest say what is shown.
func reddish(s shown) bool { return s.Colour[0] > 180 && s.Colour[2] < 90 }
func bluish(s shown) bool  { return s.Colour[2] > 180 && s.Colour[0] < 90 }
func neither(s shown) bool { return s.Height > 0 && !reddish(s) && !bluish(s) }

// TestPlayersSeeTheBackup plays on over primary, backup, primary.
func TestPlayersSeeTheBackup(t *testing.T) {
	g := startSpare(t)
	primary := g.publish(plain("red", "640x360", "60"))
	g.onAir("primary")
	g.publishWith(spareKey, plain("blue", "426x240", "60"))
	g.segments(3)
	both(t, g, func(players []*player) {
		each(players, func(p *player) { p.awaits("the primary", reddish) })
		require.NoError(t, primary.cmd.Process.Signal(syscall.SIGSTOP))
		each(players, func(p *player) { p.awaits("the backup", bluish); p.playsOn(3 * time.Second) })
		require.NoError(t, primary.cmd.Process.Signal(syscall.SIGCONT))
		g.onAir("primary")
		each(players, func(p *player) { p.awaits("the primary again", reddish); p.playsOn(3 * time.Second) })
	})
}

// TestPlayersSeeTheSlate plays on over primary, slate, primary.
func TestPlayersSeeTheSlate(t *testing.T) {
	g := startSpare(t, "--slate", "on")
	primary := g.publish(plain("red", "640x360", "60"))
	g.onAir("primary")
	g.segments(5)
	both(t, g, func(players []*player) {
		each(players, func(p *player) { p.awaits("the primary", reddish) })
		g.slateMade()
		primary.end(syscall.SIGKILL)
		g.onAir("slate")
		each(players, func(p *player) { p.awaits("the slate", neither); p.playsOn(3 * time.Second) })
		g.publish(plain("red", "640x360", "60"))
		g.onAir("primary")
		each(players, func(p *player) { p.awaits("the primary again", reddish); p.playsOn(3 * time.Second) })
	})
}

// TestSlateEnds leaves a stream alone: it ends with the grace, counted from the loss.
func TestSlateEnds(t *testing.T) {
	t.Parallel()
	g := startSpare(t, "--slate", "on", "--grace", "10s")
	primary := g.publish(plain("red", "640x360", "60"))
	g.onAir("primary")
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	g.segments(5)
	g.slateMade()
	hls.parting = time.Now()
	primary.end(syscall.SIGKILL)
	g.onAir("slate")
	hlsDone() // at EXT-X-ENDLIST
	dashDone()
	t.Logf("ended %v after the loss", time.Since(hls.parting).Round(time.Millisecond))
	g.decode("/live/live/index.m3u8")
}

// both runs hls.js and dash.js, and fails where one had to be helped.
func both(t *testing.T, g *gateway, story func([]*player)) {
	t.Helper()
	players := []*player{play(t, "hls", g.url("/live/live/index.m3u8")), play(t, "dash", g.url("/live/live/manifest.mpd"))}
	story(players)
	for _, p := range players {
		seen := p.stop()
		t.Logf("longest stall %v", seen.longestStall())
		seen.requireAlive(t)
	}
}

func each(players []*player, f func(*player)) {
	for _, p := range players {
		f(p)
	}
}
