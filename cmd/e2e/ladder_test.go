package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls/hlscheck"
)

// measured is what the first gateway with a ladder has found out about the
// machine: others start with that, so that they needn't measure again, on a
// machine that is busy with tests.
var measured struct {
	sync.Mutex
	file []byte
}

// capacityFile is where a gateway keeps what it has measured.
const capacityFile = "transcode.json"

// startLadder runs a gateway with a ladder, and waits until it can transcode.
func startLadder(t *testing.T, env []string, ladder string, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, data: t.TempDir(), env: env}
	g.beginLadder(ladder, args...)
	return g
}

// beginLadder is begin with a ladder.
func (g *gateway) beginLadder(ladder string, args ...string) {
	t := g.t
	t.Helper()
	measured.Lock()
	defer measured.Unlock()
	if measured.file == nil {
		measured.file = measure(t)
	}
	require.NoError(t, os.WriteFile(filepath.Join(g.data, capacityFile), measured.file, 0o600))
	g.begin(append(args, "--ladder", ladder)...)
	g.eventually("the gateway can transcode", func() error {
		if !strings.Contains(g.log.String(), "rungs that this machine can") {
			return errors.New("it hasn't said so")
		}
		return nil
	})
}

// measure lets a gateway find out what this machine can do, which it does at its
// first start, and returns what it has written down.
func measure(t *testing.T) []byte {
	t.Helper()
	g := &gateway{t: t, data: t.TempDir()}
	g.run("--ladder", "source,144p")
	defer g.stop()
	var file []byte
	g.eventually("the machine is measured", func() (err error) {
		file, err = os.ReadFile(filepath.Join(g.data, capacityFile))
		return err
	})
	return file
}

// listed are the renditions that the multivariant playlist names, video first.
func (g *gateway) listed() ([]string, error) {
	body, _, err := g.get("/live/live/index.m3u8")
	if err != nil {
		return nil, err
	}
	_, mv, _ := hlscheck.Parse(body)
	if mv == nil {
		return nil, fmt.Errorf("not a multivariant playlist:\n%s", body)
	}
	var names []string
	for _, v := range mv.Variants {
		names = append(names, filepath.Dir(v.URI))
	}
	for _, r := range mv.Renditions {
		if r.URI != "" {
			names = append(names, filepath.Dir(r.URI))
		}
	}
	return names, nil
}

// represented are the renditions that the MPD names in its last Period.
func (g *gateway) represented() ([]string, error) {
	u := g.url("/live/live/manifest.mpd")
	body, _, err := g.get("/live/live/manifest.mpd")
	if err != nil {
		return nil, err
	}
	m, _ := dashcheck.Parse(u, body)
	if m == nil || len(m.Periods) == 0 {
		return nil, fmt.Errorf("no Period in:\n%s", body)
	}
	var names []string
	for _, set := range m.Periods[len(m.Periods)-1].Sets {
		for _, r := range set.Representations {
			names = append(names, filepath.Base(filepath.Dir(filepath.Dir(r.Init))))
		}
	}
	return names, nil
}

// joins waits until HLS and DASH name all these renditions.
func (g *gateway) joins(renditions ...string) {
	g.t.Helper()
	for what, names := range map[string]func() ([]string, error){"HLS": g.listed, "DASH": g.represented} {
		g.eventually(what+" has "+strings.Join(renditions, ", "), func() error {
			has, err := names()
			for _, r := range renditions {
				if err == nil && !slices.Contains(has, r) {
					err = fmt.Errorf("only %v", has)
				}
			}
			return err
		})
	}
}

// textured is like video, with a texture that takes up the bit rate in each
// rung too.
func textured(size, rate, gop, bitrate string) source {
	s := video(size, rate, gop)
	s.inputs[len(s.inputs)-1] += ",noise=alls=20:allf=t"
	for i, a := range s.codecs {
		if a == "1500k" {
			s.codecs[i] = bitrate
		}
	}
	return s
}

// filtered puts a filter behind the picture.
func (s source) filtered(filter string) source {
	s.inputs = slices.Clone(s.inputs)
	s.inputs[slices.Index(s.inputs, "-i")+1] += "," + filter
	return s
}

// clicks is a sound that clicks once a second.
func clicks(codec string, rate int) source {
	return source{
		name:   codec,
		inputs: []string{"-re", "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='if(lt(mod(t,1),0.01),sin(2*PI*2000*t),0)':s=%d", rate)},
		codecs: []string{"-c:a", codec, "-b:a", "96k", "-ac", "2"},
	}
}

// clipLength is that of the clips of TestLadderTimes: late rungs miss some of it.
const clipLength = 16 * time.Second

// ladderCase is a stream with its ladder.
type ladderCase struct {
	name   string
	ladder string
	clip   func(*testing.T) clip
	rungs  []expectedRung
	epochs int
	// varies: frames last as long as they last, so that the nominal duration of
	// a part's last one is a guess.
	varies bool
	sound  func(*testing.T, *gateway, clip) // looks at it; may be nil
}

// expectedRung is what a rung must look like.
type expectedRung struct {
	name          string
	width, height int
	half          bool
	later         [2]int // the size in the last epoch, where that is another
}

func wide(name string, width, height int) expectedRung {
	return expectedRung{name: name, width: width, height: height}
}

var ladderCases = []ladderCase{
	{
		name: "constant frame rate with B-frames", ladder: "source,240p,144p", epochs: 1,
		clip:  one(video("640x360", "25", "50").with(tone())),
		rungs: []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
	{
		name: "variable frame rate", ladder: "source,240p60,144p60", epochs: 1, varies: true,
		clip: one(irregular(video("640x360", "60", "1000")).with(tone())),
		rungs: []expectedRung{
			wide("240p60", 426, 240), wide("144p60", 256, 144),
		},
	},
	{
		name: "29.97 frames a second", ladder: "source,240p,144p", epochs: 1,
		clip:  one(video("640x360", "30000/1001", "60").with(tone())),
		rungs: []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
	{
		name: "59.94 frames a second", ladder: "source,240p60,144p30", epochs: 1,
		clip: one(video("640x360", "60000/1001", "120").with(tone())),
		rungs: []expectedRung{
			{name: "240p60", width: 426, height: 240}, {name: "144p30", width: 256, height: 144, half: true},
		},
	},
	{
		name: "portrait", ladder: "source,240p,144p", epochs: 1,
		clip:  one(video("360x640", "30", "60").with(tone())),
		rungs: []expectedRung{wide("240p", 240, 426), wide("144p", 144, 256)},
	},
	{
		name: "odd sizes and oblong pixels", ladder: "source,240p,144p", epochs: 1,
		clip: one(video("478x362", "30", "60").filtered("setsar=4/3").with(tone())),
		rungs: []expectedRung{
			wide("240p", 422, 240), wide("144p", 254, 144),
		},
	},
	{
		name: "a change of resolution", ladder: "source,240p,144p", epochs: 2,
		clip:  changing("640x360", "960x540"),
		rungs: []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
	{
		name: "a change of shape", ladder: "source,240p,144p", epochs: 2,
		clip: changing("640x360", "480x360"),
		rungs: []expectedRung{
			{name: "240p", width: 426, height: 240, later: [2]int{320, 240}},
			{name: "144p", width: 256, height: 144, later: [2]int{192, 144}},
		},
	},
	{
		name: "a clock that jumps 40 s forward", ladder: "source,240p,144p", epochs: 2,
		clip: func(t *testing.T) clip {
			return record(t, video("640x360", "30", "60").with(tone()), clipLength).jump(40 * time.Second)
		},
		rungs: []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
	{
		name: "a clock that jumps 3 s backward", ladder: "source,240p,144p", epochs: 2,
		clip: func(t *testing.T) clip {
			return record(t, video("640x360", "30", "60").with(tone()), clipLength).jump(-3 * time.Second)
		},
		rungs: []expectedRung{wide("240p", 426, 240), wide("144p", 256, 144)},
	},
	{
		name: "MP3", ladder: "source,240p", epochs: 1,
		clip:  one(video("640x360", "30", "60").with(clicks("libmp3lame", 44100))),
		rungs: []expectedRung{wide("240p", 426, 240)},
		sound: requireClicks,
	},
}

// one records a source for the usual time.
func one(s source) func(*testing.T) clip {
	return func(t *testing.T) clip { return record(t, s, clipLength) }
}

// changing records two sizes of picture, one after the other.
func changing(size, then string) func(*testing.T) clip {
	return func(t *testing.T) clip {
		return record(t, video(size, "30", "60").with(tone()), clipLength/2).
			then(record(t, video(then, "30", "60").with(tone()), clipLength/2))
	}
}

// irregular leaves out pictures, so that those that remain come when they come,
// and keyframes by the clock.
func irregular(s source) source {
	s = s.filtered("select='not(eq(mod(n,7),2)+eq(mod(n,11),5)+gt(random(7),0.8))'")
	s.codecs = append(slices.Clone(s.codecs), "-fps_mode", "vfr", "-force_key_frames", "expr:gte(t,n_forced*2)")
	return s
}

// TestLadderTimes sends each kind of stream, and compares every picture of every
// rung with the source's, in HLS and DASH under the eyes of the strict checkers.
func TestLadderTimes(t *testing.T) {
	for _, c := range ladderCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c ladderCase) run(t *testing.T) {
	sent := c.clip(t)
	g := startLadder(t, nil, c.ladder, "--grace", "2s", "--window", "2m")
	s := g.send(sent)
	ctx, cancel := context.WithTimeout(context.Background(), sent.length+patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	dash, dashDone := g.watchDASH(ctx, "live")
	if c.varies {
		hls.tolerated = []string{"part.sum", "part.min"}
		dash.tolerated = []string{"media.duration"}
	}
	names := []string{"source", "audio"}
	for _, r := range c.rungs {
		names = append(names, r.name)
	}
	g.joins(names...)
	s.wait(sent.length)
	if c.varies || c.sound != nil {
		hls.parting = time.Now().Add(-time.Second)
	}
	hlsDone() // at EXT-X-ENDLIST, after the grace
	dashDone()

	leader := g.read("source")
	if !c.varies {
		requireWhole(t, leader)
	}
	epochs := map[uint64]bool{}
	for _, span := range leader {
		epochs[span.epoch] = true
	}
	require.Len(t, epochs, c.epochs)
	if c.epochs == 1 {
		require.Equal(t, sent.pictures(), count(leader), "pictures of the source")
	}
	for _, r := range c.rungs {
		rung := g.read(r.name)
		n := alignment{half: r.half, varies: c.varies}.require(t, leader, rung)
		t.Logf("%s: %d of %d segments, %d pictures", r.name, n, len(leader), count(rung))
		require.GreaterOrEqual(t, n, 4, "segments of %s", r.name)
		r.requireSize(t, rung)
	}
	if c.sound != nil {
		c.sound(t, g, sent)
	}
}

// requireSize looks at what the init segments say.
func (r expectedRung) requireSize(t *testing.T, spans []span) {
	t.Helper()
	last := spans[len(spans)-1].epoch
	for _, s := range spans {
		want := [2]int{r.width, r.height}
		if s.epoch == last && r.later != [2]int{} {
			want = r.later
		}
		if !s.gap {
			require.Equal(t, want, [2]int{s.width, s.height}, "the size of %s in %v", r.name, s)
		}
	}
}
