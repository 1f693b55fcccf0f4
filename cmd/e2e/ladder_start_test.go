package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls/hlscheck"
)

// TestLadderLateStart lets ffmpeg work only after a while: the source can be
// watched meanwhile, the rungs join, and nothing that was promised changes.
func TestLadderLateStart(t *testing.T) {
	ffmpeg := newStandIn(t, fails)
	g := startLadder(t, ffmpeg.env(), faultLadder, "--grace", "2s", "--window", "2m")
	s := g.loop(busyClip(t))
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	for what, names := range map[string]func() ([]string, error){"HLS": g.listed, "DASH": g.represented} {
		has, err := names()
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"source", "audio"}, withoutDoubles(has), "%s before the first rung", what)
	}
	first, err := g.playlist("source")
	require.NoError(t, err)
	g.decode("/live/live/index.m3u8")

	ffmpeg.set(honest)
	g.joins(faultRungs...)
	g.requireSoundAlone()
	for _, r := range append([]string{"source", "audio"}, faultRungs...) {
		m, err := g.playlist(r)
		require.NoError(t, err)
		require.Equal(t, first.PartTarget, m.PartTarget, r)
		require.Equal(t, first.Target, m.Target, r)
		require.Equal(t, first.Control.PartHoldBack, m.Control.PartHoldBack, r)
		require.Equal(t, first.Control.HoldBack, m.Control.HoldBack, r)
	}
	require.Greater(t, first.Control.PartHoldBack, 3*first.PartTarget, "the rungs' lag isn't in it")
	hls.parting = time.Now()
	s.end()
	hlsDone()
	dashDone()
	require.Len(t, hls.promised, 1, "PART-HOLD-BACK has changed: %v", hls.promised)
	leader := g.read("source")
	requireWhole(t, leader)
	for _, r := range faultRungs {
		n := alignment{}.require(t, leader, g.read(r))
		require.Greater(t, n, 0)
	}
}

// requireSoundAlone looks for the variant that the weakest lines get: sound
// without a picture.
func (g *gateway) requireSoundAlone() {
	g.t.Helper()
	body, _, err := g.get("/live/live/index.m3u8")
	require.NoError(g.t, err)
	_, mv, _ := hlscheck.Parse(body)
	require.NotNil(g.t, mv)
	least := mv.Variants[0].Bandwidth
	for _, v := range mv.Variants {
		least = min(least, v.Bandwidth)
	}
	i := slices.IndexFunc(mv.Variants, func(v hlscheck.Variant) bool { return !v.HasVideo() })
	require.GreaterOrEqual(g.t, i, 0, "no variant of sound alone in:\n%s", body)
	require.Equal(g.t, least, mv.Variants[i].Bandwidth, "it isn't the lightest")
	require.Contains(g.t, mv.Variants[i].URI, "audio/")
}

// TestLadderAuto asks for nothing, and gets what is smaller than the source.
func TestLadderAuto(t *testing.T) {
	g := startLadder(t, nil, "auto", "--grace", "2s")
	g.loop(busyClip(t)) // 640x360
	g.joins("source", "240p", "audio")
	has, err := g.listed()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"source", "240p", "audio"}, withoutDoubles(has))
}

// hiddenCase is a source that can't be shown as it is, or isn't to be.
type hiddenCase struct {
	name    string
	ladder  string
	source  source
	rungs   []expectedRung // the first one leads
	advised string         // what health says; empty for nothing
}

var hiddenCases = []hiddenCase{
	{
		name: "keyframes ten seconds apart", ladder: "source,144p",
		source:  video("640x360", "30", "300").with(tone()),
		rungs:   []expectedRung{wide("source", 640, 360), wide("144p", 256, 144)},
		advised: "keyframe",
	},
	{
		name: "4:2:2", ladder: "source,144p",
		source:  profile(video("640x360", "30", "60"), "high422", "yuv422p").with(tone()),
		rungs:   []expectedRung{wide("source", 640, 360), wide("144p", 256, 144)},
		advised: "4:2:",
	},
	{
		name: "ten bits", ladder: "240p,144p",
		source:  profile(video("640x360", "25", "50"), "high10", "yuv420p10le").with(tone()),
		rungs:   []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
		advised: "bit",
	},
	{
		name: "a ladder without the source", ladder: "240p,144p",
		source: video("640x360", "30", "60").with(tone()),
		rungs:  []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
}

// profile makes another profile of H.264 of a source.
func profile(s source, name, pixels string) source {
	s.codecs = append(slices.Clone(s.codecs), "-profile:v", name, "-pix_fmt", pixels)
	return s
}

// TestLadderHidden publishes what players can't play, or shouldn't: the first
// rung takes its place, on a grid of ours.
func TestLadderHidden(t *testing.T) {
	for _, c := range hiddenCases {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func (c hiddenCase) run(t *testing.T) {
	g := startLadder(t, nil, c.ladder, "--grace", "2s", "--window", "2m")
	s := g.loop(record(t, c.source, 40*time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	// Where the source is hidden in mid GOP, the first segment of ours is short, and
	// what the next one's length is guessed from isn't regular yet.
	hls.tolerated = []string{"hint.wrong", "part.min"}
	names := []string{"audio"}
	for _, r := range c.rungs {
		names = append(names, r.name)
	}
	g.joins(names...)
	has, err := g.listed()
	require.NoError(t, err)
	require.ElementsMatch(t, names, withoutDoubles(has))
	for _, p := range []struct{ name, path string }{
		{"hls", "/live/live/index.m3u8"}, {"dash", "/live/live/manifest.mpd"},
	} {
		var seen viewing
		drive(t, &seen, "--player", p.name, "--src", g.url(p.path), "--seconds", "6")
		seen.requireUnharmed(t)
		require.Greater(t, seen.played(), 2*time.Second, p.name)
		require.Greater(t, seen.VideoFrames, 40, "%s shows no picture", p.name)
	}
	c.requireAdvice(t, g)
	hls.parting = time.Now()
	s.endWhole()
	hlsDone()
	dashDone()

	leader := g.read(c.rungs[0].name)
	requireWhole(t, leader)
	for i, span := range leader {
		require.Equal(t, [2]int{c.rungs[0].width, c.rungs[0].height}, [2]int{span.width, span.height})
		require.LessOrEqual(t, span.listed, 2.5, "%v", span)
		if 0 < i && i < len(leader)-1 && leader[i-1].epoch == span.epoch { // an epoch may begin anywhere on the grid
			require.InDelta(t, 2, span.listed, 0.1, "%v", span)
		}
	}
	for _, r := range c.rungs[1:] {
		n := alignment{}.require(t, leader, g.read(r.name))
		require.Greater(t, n, 3, "segments of %s", r.name)
	}
}

// requireAdvice looks at what the API advises.
func (c hiddenCase) requireAdvice(t *testing.T, g *gateway) {
	t.Helper()
	body, _, err := g.get("/api/v1/streams/live")
	require.NoError(t, err)
	var status struct{ Advice []string }
	require.NoError(t, json.Unmarshal(body, &status))
	if c.advised == "" {
		require.Empty(t, status.Advice, "%s", body)
		return
	}
	require.Contains(t, fmt.Sprint(status.Advice), c.advised, "%s", body)
}
