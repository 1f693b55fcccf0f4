package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// faultRungs is what is transcoded in tests of what goes wrong; faultLadder asks
// for it. The rungs' caps fit through faultLine, the source doesn't.
const (
	faultLadder = "source,240p@300k,144p@150k"
	faultLine   = 1.2e6
)

var faultRungs = []string{"240p", "144p"}

// busy is a clip with a texture, recorded once; it can be looped without a seam.
var busy struct {
	sync.Once
	clip
}

// busyClip is 24 s: whole GOPs, and whole AAC frames.
func busyClip(t *testing.T) clip {
	t.Helper()
	busy.Do(func() {
		busy.clip = record(t, textured("640x360", "30", "60", "2500k").with(tone()), 24*time.Second)
	})
	require.NotEmpty(t, busy.frames, "recording has failed before")
	return busy.clip
}

// newest is how far a rendition's playlist has come: its newest segment's MSN,
// and the parts after that.
func (g *gateway) newest(rendition string) (msn uint64, parts int, err error) {
	m, err := g.playlist(rendition)
	if err != nil {
		return 0, 0, err
	}
	if m.Open != nil {
		for _, p := range m.Open.Parts {
			if !p.Gap {
				parts++
			}
		}
	}
	msn = m.Sequence
	for _, s := range m.Segments {
		if !s.Gap {
			msn = s.MSN
		}
	}
	return msn, parts, nil
}

// back waits until all rungs are where the source is, after a segment that was
// open at a fault, and returns how long ago that fault was then.
func (g *gateway) back(after uint64, fault time.Time, rungs ...string) time.Duration {
	g.t.Helper()
	for _, r := range rungs {
		g.eventually(r+" is back", func() error {
			source, _, err := g.newest("source")
			if err != nil {
				return err
			}
			msn, parts, err := g.newest(r)
			if err == nil && (msn <= after && parts == 0 || msn+1 < source) {
				err = fmt.Errorf("at %d.%d, the source at %d", msn, parts, source)
			}
			return err
		})
	}
	return time.Since(fault)
}

// onTime is the longest that the source may be silent on a busy machine. A
// publisher that waits for ffmpeg would wait for longer.
const onTime = 2 * time.Second

// TestLadderFaults lets ffmpeg die and hang while Chromium plays a rung.
func TestLadderFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		player string
		path   string
	}{
		{"killed, hls.js", syscall.SIGKILL, "hls", "/live/live/index.m3u8"},
		{"killed, dash.js", syscall.SIGKILL, "dash", "/live/live/manifest.mpd"},
		{"stopped, hls.js", syscall.SIGSTOP, "hls", "/live/live/index.m3u8"},
		{"stopped, dash.js", syscall.SIGSTOP, "dash", "/live/live/manifest.mpd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := startLadder(t, nil, faultLadder, "--grace", "2s", "--window", "2m")
			s := g.loop(busyClip(t))
			ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
			defer cancel()
			hls, hlsDone := g.watchHLS(ctx, "live")
			_, dashDone := g.watchDASH(ctx, "live")
			g.joins(faultRungs...)
			weak := g.throttle(faultLine)
			p := play(t, c.player, weak.url(c.path))
			rung := weak.playsOneOf(t, faultRungs...)

			pid := g.transcoder()
			msn, _, err := g.newest(rung)
			require.NoError(t, err)
			fault := time.Now()
			require.NoError(t, syscall.Kill(pid, c.signal))
			took := g.back(msn, fault, faultRungs...)
			t.Logf("rungs are back after %v (the goal is 5 s)", took.Round(time.Millisecond))
			g.transcoder(pid)
			weak.playsOneOf(t, faultRungs...)
			seen := p.stop()
			hls.parting = time.Now()
			s.end()
			hlsDone()
			dashDone()

			require.False(t, alive(pid), "the process that went wrong is still there")
			seen.requireUnharmed(t)
			require.Greater(t, seen.played(), took, "playback doesn't go on")
			requireWhole(t, g.read("source"))
			requireSteady(t, g.read("source"), 3000)
			require.Less(t, hls.longestSilence("source"), onTime, "the source was late")
		})
	}
}

// requireSteady fails where a picture of the source is missing.
func requireSteady(t *testing.T, spans []span, step int64) {
	t.Helper()
	last := int64(-1)
	for _, s := range spans {
		for _, at := range s.times() {
			if last >= 0 {
				require.Equal(t, last+step, at, "%v", s)
			}
			last = at
		}
	}
}

// playsOneOf waits until a player loads one of these renditions, and returns it.
func (l *line) playsOneOf(t *testing.T, renditions ...string) string {
	t.Helper()
	total := func() (n int) {
		for _, r := range renditions {
			n += l.requests(r)
		}
		return n
	}
	from, found := total(), ""
	eventually(t, "the player loads a rung", func() error {
		found = ""
		for _, r := range renditions {
			if l.loading() == r {
				found = r
			}
		}
		if now := total(); now < from+10 || found == "" {
			return fmt.Errorf("%d requests, the last one for %q", now-from, l.loading())
		}
		return nil
	})
	return found
}

// TestLadderWithoutFFmpeg starts gateways that can't transcode: they say so in
// the log, and show what is published.
func TestLadderWithoutFFmpeg(t *testing.T) {
	aged, unwilling := newStandIn(t, old), newStandIn(t, refuses)
	for _, c := range []struct {
		name  string
		env   []string
		words []string // in the one line of the log
	}{
		{"missing", []string{"PATH=" + t.TempDir()}, []string{"ffmpeg"}},
		{"too old", aged.env(), []string{"ffmpeg", "4.4"}},
		{"refuses its encoder", unwilling.env(), []string{"libx264"}},
	} {
		for _, ladder := range []string{"auto", faultLadder} {
			t.Run(c.name+", "+ladder, func(t *testing.T) {
				t.Parallel()
				g := startWith(t, c.env, "--grace", "2s", "--ladder", ladder)
				p := g.send(record(t, video("640x360", "30", "60").with(tone()), 8*time.Second))
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				hls, hlsDone := g.watchHLS(ctx, "live")
				_, dashDone := g.watchDASH(ctx, "live")
				p.wait(8 * time.Second)
				hlsDone()
				dashDone()
				require.Less(t, hls.longestSilence("source"), onTime)
				requireWhole(t, g.read("source"))
				names, err := g.listed()
				require.NoError(t, err)
				require.ElementsMatch(t, []string{"source", "audio"}, withoutDoubles(names))
				g.requireSaid(c.words...)
			})
		}
	}
}

// requireSaid looks for a warning with all these words.
func (g *gateway) requireSaid(words ...string) {
	g.t.Helper()
	for line := range strings.Lines(g.log.String()) {
		all := strings.Contains(line, "WARN")
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return
		}
	}
	g.t.Errorf("the log has no warning with %q:\n%s", words, g.log)
}

func withoutDoubles(names []string) []string {
	var found []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			found = append(found, n)
		}
	}
	return found
}

// TestLadderRefused lets ffmpeg fail again and again in the middle of a stream,
// and then recover: so do the rungs.
func TestLadderRefused(t *testing.T) {
	s := newStandIn(t, honest)
	g := startLadder(t, s.env(), faultLadder, "--grace", "2s", "--window", "2m")
	publisher := g.loop(busyClip(t))
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	g.joins(faultRungs...)
	s.set(fails)
	starts := s.ladders()
	require.NoError(t, syscall.Kill(g.transcoder(), syscall.SIGKILL))
	g.eventually("ffmpeg has been tried again, and again", func() error {
		if n := s.ladders() - starts; n < 3 {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
	g.requireSaid("Unknown encoder")
	msn, _, err := g.newest("source")
	require.NoError(t, err)
	s.set(honest)
	t.Logf("rungs are back %v after ffmpeg works again", g.back(msn, time.Now(), faultRungs...))
	hls.parting = time.Now()
	publisher.end()
	hlsDone()
	dashDone()
	requireWhole(t, g.read("source"))
	requireSteady(t, g.read("source"), 3000)
	require.Less(t, hls.longestSilence("source"), onTime)
}
