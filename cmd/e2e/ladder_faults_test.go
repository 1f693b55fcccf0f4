package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// faultRungs is what is transcoded in tests of what goes wrong; faultLadder asks for
// it. Through weakLine the source doesn't fit: players play a rung. Through faultLine
// it does. Steps are as in real ladders: hls.js can't tell that a line carries more
// than four times what it plays at the live edge.
const (
	faultLadder = "source,240p@800k,144p@300k"
	weakLine    = 1.5e6
	faultLine   = 4e6
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
		busy.clip = record(t, textured("640x360", "30", "60", "1800k").with(tone()), 24*time.Second)
	})
	require.NotEmpty(t, busy.frames, "recording has failed before")
	return busy.clip
}

// reached is the wall time of the newest media that a rendition's playlist lists.
func (g *gateway) reached(rendition string) (time.Time, error) {
	m, err := g.playlist(rendition)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	for _, s := range m.Segments {
		if !s.Gap && !s.Date.IsZero() {
			at = s.Date.Add(s.Duration)
		}
	}
	if m.Open == nil {
		return at, nil
	}
	if !m.Open.Date.IsZero() {
		at = m.Open.Date
	}
	end := at
	for _, p := range m.Open.Parts {
		if at = at.Add(p.Duration); !p.Gap {
			end = at
		}
	}
	return end, nil
}

// back waits until all rungs have media from after a fault, and are about where
// the source is. It returns how long ago the fault was then.
func (g *gateway) back(fault time.Time, rungs ...string) time.Duration {
	g.t.Helper()
	const inPipes, near = 500 * time.Millisecond, time.Second
	for _, r := range rungs {
		g.eventually(r+" is back", func() error {
			source, err := g.reached("source")
			if err != nil {
				return err
			}
			at, err := g.reached(r)
			if err == nil && (at.Before(fault.Add(inPipes)) || at.Before(source.Add(-near))) {
				err = fmt.Errorf("at %v, the source at %v", at, source)
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
		name     string
		signal   syscall.Signal
		player   string
		path     string
		requests int // that show that the player plays
	}{
		{"killed, hls.js", syscall.SIGKILL, "hls", "/live/live/index.m3u8", 10},
		{"killed, dash.js", syscall.SIGKILL, "dash", "/live/live/manifest.mpd", 3},
		{"stopped, hls.js", syscall.SIGSTOP, "hls", "/live/live/index.m3u8", 10},
		{"stopped, dash.js", syscall.SIGSTOP, "dash", "/live/live/manifest.mpd", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := startLadder(t, nil, faultLadder, "--grace", "2s", "--window", "2m")
			s := g.loop(busyClip(t))
			ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
			defer cancel()
			hls, hlsDone := g.watchHLS(ctx, "live")
			_, dashDone := g.watchDASH(ctx, "live")
			g.joins(faultRungs...)
			weak := g.throttle(weakLine)
			p := play(t, c.player, weak.url(c.path))
			weak.plays(t, c.requests, faultRungs...)
			weak.set(faultLine) // the source goes through

			pid := g.transcoder()
			fault := time.Now()
			require.NoError(t, syscall.Kill(pid, c.signal))
			took := g.back(fault, faultRungs...)
			t.Logf("at %v: rungs are back after %v (the goal is 5 s)", fault.Format("15:04:05.000"), took.Round(time.Millisecond))
			g.transcoder(pid)
			weak.set(weakLine)
			weak.plays(t, c.requests, faultRungs...)
			p.playsOn(2 * time.Second)
			seen := p.stop()
			hls.parting = time.Now()
			s.end()
			hlsDone()
			dashDone()

			require.False(t, alive(pid), "the process that went wrong is still there")
			seen.requireAlive(t)
			requireWhole(t, g.read("source"))
			requireSteady(t, g.read("source"), 3000)
			require.Less(t, hls.longestSilence("source"), onTime, "the source was late")
		})
	}
}

// requireSteady fails where a picture of the source is missing, but for those
// that the publisher didn't come to send at the end.
func requireSteady(t *testing.T, spans []span, step int64) {
	t.Helper()
	last := int64(-1)
	for _, s := range spans {
		if s.torn() {
			require.Equal(t, spans[len(spans)-1].msn, s.msn, "%v has a hole", s)
			return
		}
		for _, at := range s.times() {
			if last >= 0 {
				require.Equal(t, last+step, at, "%v", s)
			}
			last = at
		}
	}
}

// plays waits until a player has asked so often for media of these renditions,
// and for that of one of them last.
func (l *line) plays(t *testing.T, requests int, renditions ...string) {
	t.Helper()
	total := func() (n int) {
		for _, r := range renditions {
			n += l.requests(r)
		}
		return n
	}
	from := total()
	eventually(t, "the player loads "+strings.Join(renditions, ", "), func() error {
		if n := total() - from; n < requests || !slices.Contains(renditions, l.loading()) {
			return fmt.Errorf("%d requests, the last one for %q", n, l.loading())
		}
		return nil
	})
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
		{"missing", []string{"PATH=" + t.TempDir()}, []string{"WARN", "ffmpeg is missing"}},
		{"too old", aged.env(), []string{"WARN", "ffmpeg", "4.4"}},
		{"refuses its encoder", unwilling.env(), []string{"unusable", "libx264"}},
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

// requireSaid looks for a line of the log with all these words.
func (g *gateway) requireSaid(words ...string) {
	g.t.Helper()
	for line := range strings.Lines(g.log.String()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return
		}
	}
	g.t.Errorf("the log has no line with %q:\n%s", words, g.log)
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
	g.requireSaid("WARN", "Unknown encoder")
	s.set(honest)
	t.Logf("rungs are back %v after ffmpeg works again", g.back(time.Now(), faultRungs...).Round(time.Millisecond))
	hls.parting = time.Now()
	publisher.end()
	hlsDone()
	dashDone()
	requireWhole(t, g.read("source"))
	requireSteady(t, g.read("source"), 3000)
	require.Less(t, hls.longestSilence("source"), onTime)
}
