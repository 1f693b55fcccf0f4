package ffmpeg

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/nut"
	"sluice/transcode/rung"
)

// busy is more than any cap here leaves room for.
const busy = "testsrc2=s=640x360:r=60:d=4,noise=alls=30:allf=t"

func bitrate(packets []nut.Packet, seconds float64) float64 {
	n := 0
	for _, p := range packets {
		n += len(p.Data)
	}
	return float64(n) * 8 / seconds
}

// The cap holds at the rate that a rung really has, which isn't the source's.
// Without VideoJob.FrameRate nobody would know: the source doesn't say.
func TestCapHoldsAtEveryRate(t *testing.T) {
	s := withoutTiming(t, makeSource(t, busy, "-bf", "2", "-g", "120"))
	all, half := out(240, 1), out(240, 2)
	all.Bitrate, half.Bitrate = 400_000, 400_000
	outs := run(t.Context(), t, Job{Video: &VideoJob{FrameRate: 60, Outputs: []Output{all, half}}}, s.feed)
	for i, rate := range []float64{60, 30} {
		// The buffer of two seconds may be spent beside four at the cap.
		require.Less(t, bitrate(outs[i], 4), 1.5*400_000)
		require.Greater(t, bitrate(outs[i], 4), 0.7*400_000)
		require.InDelta(t, rate, pictureOf(t, outs[i][0]).FrameRate, 0.01)
	}
}

func TestStillPictureCostsLittle(t *testing.T) {
	s := makeSource(t, "color=gray:s=640x360:r=30:d=4", "-bf", "2", "-g", "60")
	outs := run(t.Context(), t, Job{Video: &VideoJob{FrameRate: 30, Outputs: []Output{out(240, 1)}}}, s.feed)
	require.Less(t, bitrate(outs[0], 4), 30_000.0)
}

func TestConstantBitrateIsConstant(t *testing.T) {
	for name, picture := range map[string]string{"busy": busy, "still": "color=gray:s=640x360:r=60:d=4"} {
		s := makeSource(t, picture, "-bf", "2", "-g", "120")
		o := out(240, 1)
		o.CBR, o.Bitrate = true, 500_000
		outs := run(t.Context(), t, Job{Video: &VideoJob{FrameRate: 60, Outputs: []Output{o}}}, s.feed)
		require.InEpsilon(t, 500_000, bitrate(outs[0], 4), 0.1, name)
	}
}

// Whatever the source's depth and colours, what comes out is for every decoder.
func TestOutputIsFourTwoZeroInEightBits(t *testing.T) {
	for _, format := range []string{"yuv420p10le", "yuv422p", "yuv444p", "yuvj420p"} {
		s := makeSource(t, "testsrc2=s=320x180:r=30:d=1", "-bf", "0", "-g", "30", "-pix_fmt", format)
		o := out(144, 1)
		o.Profile = "main"
		outs := run(t.Context(), t, Job{Video: &VideoJob{FrameRate: 30, Outputs: []Output{o}}}, s.feed)
		require.Len(t, outs[0], 30)
		codec := pictureOf(t, outs[0][0])
		require.Equal(t, media.Chroma420, codec.Chroma, format)
		require.Equal(t, 8, codec.BitDepth, format)
		require.Equal(t, byte(77), codec.SPS[1], "main profile")
		require.Equal(t, []int{256, 144, 1, 1}, []int{codec.Width, codec.Height, codec.SARWidth, codec.SARHeight})
	}
}

// Other codecs keep times and keyframes as well, where their encoders work.
func TestOtherCodecs(t *testing.T) {
	s := makeSource(t, "testsrc2=s=320x180:r=30000/1001:d=2", "-bf", "2", "-g", "25").at(90_000)
	shown := s.shown()
	want := expected(shown, 1, 0, func(i int) bool { return shown[i].Sync })
	tried := 0
	for _, name := range []string{"libx265", "libaom-av1", "libsvtav1"} {
		e := encoderNamed(name)
		if err := tool(t).try(t.Context(), e); err != nil {
			t.Log(name, err)
			continue
		}
		tried++
		o := Output{Encoder: name, Output: rung.Output{Name: name, Width: 256, Height: 144, Every: 1, Bitrate: 300_000, Codec: e.codec}}
		outs := run(t.Context(), t, Job{Video: &VideoJob{FrameRate: 29.97, Outputs: []Output{o}}}, s.feed)
		require.Equal(t, want, frames(outs[0]), name)
	}
	if tried == 0 {
		t.Skip("there is none")
	}
}
