package ffmpeg

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// software are the encoders beside x264 that may be in an ffmpeg.
var software = []struct {
	encoder string
	codec   rung.Codec
}{{"libx265", rung.HEVC}, {"libaom-av1", rung.AV1}, {"libsvtav1", rung.AV1}}

// eachSoftware runs a test with those that pass their trial.
func eachSoftware(t *testing.T, test func(t *testing.T, out func(height, every int) Output)) {
	for _, s := range software {
		t.Run(s.encoder, func(t *testing.T) {
			if err := tool(t).try(t.Context(), encoderNamed(s.encoder)); err != nil {
				t.Skipf("%s: %v", s.encoder, err)
			}
			test(t, func(height, every int) Output {
				o := out(height, every)
				o.Encoder, o.Codec = s.encoder, s.codec
				return o
			})
		})
	}
}

func TestTimesAndKeyframesOfOtherCodecs(t *testing.T) {
	eachSoftware(t, func(t *testing.T, out func(height, every int) Output) {
		for _, c := range pictures {
			if !slices.Contains([]string{"29.97", "variable", "portrait and odd"}, c.name) {
				continue // nothing else about them is the codec's
			}
			t.Run(c.name, func(t *testing.T) {
				s := makeSource(t, c.picture, c.args...).at(5 * 90_000)
				o := []Output{out(144, 1), out(96, 2)}
				o[1].CBR = true
				outs := run(t.Context(), t, Job{Video: &VideoJob{Outputs: o}}, s.feed)
				shown := s.shown()
				for i, o := range o {
					want := expected(shown, o.Every, 0, func(i int) bool { return shown[i].Sync })
					require.Equal(t, want, frames(outs[i]), "one of %d", o.Every)
					requireDescribed(t, o, outs[i])
				}
			})
		}
	})
}

// requireDescribed checks that each keyframe says what it is.
func requireDescribed(t *testing.T, o Output, packets []nut.Packet) {
	t.Helper()
	var codec media.Codec
	for _, p := range packets {
		_, got, err := coded.Unpack(o.Codec, p.Data, nil)
		require.NoError(t, err)
		require.Equal(t, p.Key, got != nil)
		if !p.Key {
			continue
		}
		format := got.(media.Picture).Format()
		require.Equal(t, [2]int{o.Width, o.Height}, [2]int{format.Width, format.Height})
		if codec == nil {
			codec = got
		}
		require.True(t, codec.Equal(got), "parameter sets stay the same")
	}
}

func TestGridOfOtherCodecs(t *testing.T) {
	eachSoftware(t, func(t *testing.T, out func(height, every int) Output) {
		const grid = 45_000
		s := makeSource(t, "testsrc2=s=320x180:r=30:d=4", "-bf", "2", "-g", "100000")
		shown := s.shown()
		o := out(96, 1)
		o.From = shown[71].PTS() - 1
		outs := run(t.Context(), t, Job{Video: &VideoJob{Grid: grid, First: shown[0].PTS(), Outputs: []Output{o, out(144, 1)}}}, s.feed)
		begins := func(i int) bool { return i == 0 || shown[i].PTS()/grid > shown[i-1].PTS()/grid }
		require.Equal(t, frame{shown[0].PTS(), true}, frames(outs[0])[0])
		require.Equal(t, expected(shown, 1, o.From, begins), frames(outs[0])[1:])
		require.Equal(t, expected(shown, 1, 0, begins), frames(outs[1]))
	})
}

func TestOtherCodecsHoldNothingBack(t *testing.T) {
	eachSoftware(t, func(t *testing.T, out func(height, every int) Output) {
		s := makeSource(t, "testsrc2=s=320x180:r=30:d=2", "-bf", "0", "-g", "60")
		p, err := tool(t).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(144, 1)}}})
		require.NoError(t, err)
		defer p.Close()
		require.NoError(t, s.feed(p))
		r := nut.NewReader(p.Output(0))
		for _, want := range s.samples {
			got, err := r.Next()
			require.NoError(t, err)
			require.Equal(t, want.PTS(), media.Ticks(got.PTS))
		}
	})
}
