package ffmpeg

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/nut"
)

// expected is what an output of one in every frames has: frames counted from
// each one that begins, and IDR pictures there.
func expected(shown []media.Sample, every int, from media.Ticks, begins func(i int) bool) []frame {
	var want []frame
	phase, key := 0, false
	for i, s := range shown {
		phase++
		if begins(i) {
			phase, key = 0, true
		}
		if phase%every != 0 || s.PTS() < from {
			continue
		}
		want = append(want, frame{s.PTS(), key || len(want) == 0})
		key = false
	}
	return want
}

var pictures = []struct {
	name, picture string
	args          []string
}{
	{"25", "testsrc2=s=320x180:r=25:d=5", []string{"-bf", "2", "-g", "50"}},
	{"29.97", "testsrc2=s=320x180:r=30000/1001:d=5", []string{"-bf", "2", "-g", "60"}},
	{"59.94", "testsrc2=s=320x180:r=60000/1001:d=5", []string{"-bf", "3", "-g", "119"}},
	{"no B-frames", "testsrc2=s=320x180:r=30:d=5", []string{"-bf", "0", "-g", "37"}},
	{"variable", `testsrc2=s=320x180:r=60:d=6,select=not(mod(n\,7)*mod(n\,5)*mod(n\,3))+lt(random(1)\,0.3)`, []string{"-bf", "2", "-g", "25"}},
	{"portrait and odd", "testsrc2=s=206x360:r=30:d=3,crop=202:358", []string{"-bf", "2", "-g", "30"}},
}

func TestTimesAndKeyframesAreTheSources(t *testing.T) {
	for _, c := range pictures {
		t.Run(c.name, func(t *testing.T) {
			s := makeSource(t, c.picture, c.args...).at(5 * 90_000)
			outs := run(t.Context(), t, Job{Video: &VideoJob{Outputs: []Output{out(240, 1), out(144, 2), out(96, 3)}}}, s.feed)
			shown := s.shown()
			for i, every := range []int{1, 2, 3} {
				want := expected(shown, every, 0, func(i int) bool { return shown[i].Sync })
				require.Equal(t, want, frames(outs[i]), "one of %d", every)
			}
		})
	}
}

func TestGridIsTheSameInEveryOutput(t *testing.T) {
	for _, c := range pictures {
		for _, grid := range []media.Ticks{180_000, 123_457} {
			t.Run(c.name, func(t *testing.T) {
				s := makeSource(t, c.picture, append(c.args, "-g", "100000")...).at(3*90_000 + 17)
				outs := run(t.Context(), t, Job{Video: &VideoJob{Grid: grid, First: s.shown()[0].PTS(), Outputs: []Output{out(240, 1), out(144, 2), out(96, 3)}}}, s.feed)
				shown := s.shown()
				begins := func(i int) bool { return i == 0 || shown[i].PTS()/grid > shown[i-1].PTS()/grid }
				for i, every := range []int{1, 2, 3} {
					require.Equal(t, expected(shown, every, 0, begins), frames(outs[i]), "one of %d", every)
				}
			})
		}
	}
}

// A grid of whole ticks is hit exactly, whatever floating-point numbers say of
// its times in seconds.
func TestGridBeginsWithAFrameOnIt(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=8", "-bf", "2", "-g", "100000")
	s = s.at(7*3600*90_000 - s.shown()[0].PTS()) // seven hours on: 3000 ticks a frame, 6000 a grid
	const grid = 6000
	outs := run(t.Context(), t, Job{Video: &VideoJob{Grid: grid, First: 7 * 3600 * 90_000, Outputs: []Output{out(144, 1)}}}, s.feed)
	shown := s.shown()
	begins := func(i int) bool { return shown[i].PTS()%grid == 0 }
	require.Equal(t, expected(shown, 1, 0, begins), frames(outs[0]))
}

// A process that is started again keeps the grid of the one before it.
func TestGridGoesOnInMidGOP(t *testing.T) {
	const grid = 45_000
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=4", "-bf", "2", "-g", "100000")
	shown := s.shown()
	a, b, c := out(240, 1), out(144, 2), out(96, 1)
	a.From, b.From, c.From = shown[71].PTS()-1, shown[72].PTS()-1, shown[5].PTS()
	outs := run(t.Context(), t, Job{Video: &VideoJob{Grid: grid, First: shown[0].PTS(), Outputs: []Output{a, b, c}}}, s.feed)
	begins := func(i int) bool { return i == 0 || shown[i].PTS()/grid > shown[i-1].PTS()/grid }
	require.False(t, begins(5), "there's a keyframe all the same")
	for i, o := range []Output{a, b, c} {
		require.Equal(t, frame{shown[0].PTS(), true}, frames(outs[i])[0])
		require.Equal(t, expected(shown, o.Every, o.From, begins), frames(outs[i])[1:])
	}
}

// A process that is started again is fed from the last IDR picture, and goes on
// where the one before it was.
func TestOutputsGoOnInMidGOP(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=4", "-bf", "2", "-g", "60")
	shown := s.shown()
	a, b, c := out(240, 1), out(144, 2), out(96, 2)
	a.From, b.From, c.From = shown[71].PTS(), shown[72].PTS(), shown[33].PTS()
	outs := run(t.Context(), t, Job{Video: &VideoJob{Outputs: []Output{a, b, c}}}, s.feed)
	sync := func(i int) bool { return shown[i].Sync }
	require.Equal(t, shown[71].PTS(), media.Ticks(outs[0][0].PTS))
	require.Equal(t, expected(shown, 1, a.From, sync), frames(outs[0]))
	require.Equal(t, expected(shown, 2, b.From, sync), frames(outs[1]))
	require.Equal(t, expected(shown, 2, c.From, sync), frames(outs[2]))
}

func TestJumpForwardsIsKept(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=2", "-bf", "2", "-g", "30")
	for i := range s.samples[30:] {
		s.samples[30+i].DTS += 40 * 90_000
	}
	outs := run(t.Context(), t, Job{Video: &VideoJob{Outputs: []Output{out(240, 1), out(144, 2)}}}, s.feed)
	shown := s.shown()
	for i := range 2 {
		require.Equal(t, expected(shown, i+1, 0, func(i int) bool { return shown[i].Sync }), frames(outs[i]))
	}
}

// Parameter sets stand in each IDR picture: a source that changes its size goes
// on without a seam, and what comes out keeps its own.
func TestSourceChangesItsSize(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=2", "-bf", "2", "-g", "30")
	u := makeSource(t, "testsrc2=s=240x240:r=30:d=2", "-bf", "2", "-g", "30").at(180_000)
	outs := run(t.Context(), t, Job{Video: &VideoJob{Outputs: []Output{out(240, 1), out(144, 2)}}}, func(w io.Writer) error {
		if err := s.feed(w); err != nil {
			return err
		}
		return u.feedSamples(w)
	})
	s.samples = append(s.samples, u.samples...)
	shown := s.shown()
	for i := range 2 {
		require.Equal(t, expected(shown, i+1, 0, func(i int) bool { return shown[i].Sync }), frames(outs[i]))
		for _, p := range outs[i] {
			if !p.Key {
				continue
			}
			h := pictureOf(t, p)
			require.Equal(t, []int{240, 144}[i], h.Height)
		}
	}
}

// pictureOf returns what the parameter sets in an IDR picture say.
func pictureOf(t *testing.T, p nut.Packet) *media.H264 {
	t.Helper()
	codec, err := codecOf(p)
	require.NoError(t, err)
	return codec
}

// No frame waits for the one after it: all but those that the source reorders
// are out while the input is still open.
func TestNothingIsHeldBack(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30:d=2", "-bf", "0", "-g", "60")
	p, err := tool(t).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(240, 1)}}})
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, s.feed(p))
	r := nut.NewReader(p.Output(0))
	for _, want := range s.samples {
		got, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want.PTS(), media.Ticks(got.PTS))
	}
}
