package ffmpeg

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/rung"
)

func TestEncodersOfThisMachine(t *testing.T) {
	var log bytes.Buffer
	e, err := tool(t).Encoders(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	name, ok := e.For(rung.H264, rung.Libx264)
	require.True(t, ok)
	require.Equal(t, "libx264", name)
	require.Contains(t, e.Codecs(rung.AnyEncoder), rung.H264)

	require.Equal(t, 1, strings.Count(log.String(), "\n"), "one line")
	for i := range encoders { // each is named, with what speaks against it
		require.Contains(t, log.String(), encoders[i].name)
		refused := slices.ContainsFunc(e.Refused, func(r Refusal) bool { return r.Encoder == encoders[i].name && r.Err != nil })
		require.NotEqual(t, refused, slices.Contains(e.passed, encoders[i].name))
	}
}

func TestHardwareGoesFirst(t *testing.T) {
	e := Encoders{passed: []string{"h264_vaapi", "libx264", "libx265"}}
	for _, c := range []struct {
		codec  rung.Codec
		family rung.Encoder
		want   string
	}{
		{rung.H264, rung.AnyEncoder, "h264_vaapi"},
		{rung.H264, "", "h264_vaapi"},
		{rung.H264, rung.Libx264, "libx264"},
		{rung.H264, rung.VAAPI, "h264_vaapi"},
		{rung.H264, rung.NVENC, ""},
		{rung.HEVC, rung.AnyEncoder, "libx265"},
		{rung.HEVC, rung.VAAPI, ""},
		{rung.AV1, rung.AnyEncoder, ""},
	} {
		got, ok := e.For(c.codec, c.family)
		require.Equal(t, c.want, got, c)
		require.Equal(t, c.want != "", ok)
	}
	require.Equal(t, []rung.Codec{rung.H264, rung.HEVC}, e.Codecs(rung.AnyEncoder))
	require.Equal(t, []rung.Codec{rung.H264}, e.Codecs(rung.VAAPI))
	require.Empty(t, e.Codecs(rung.QSV))
	for i := 1; i < len(encoders); i++ {
		a, b := encoders[i-1], encoders[i]
		require.False(t, a.codec == b.codec && !a.hardware() && b.hardware(), "%s before %s", a.name, b.name)
	}
}

// wrapped is this machine's ffmpeg behind a script that changes an argument.
func wrapped(t *testing.T, change string) *Tool {
	t.Helper()
	real := tool(t)
	path := fake(t, fmt.Sprintf(`n=$#
for a; do
	case "$last $a" in
	%s
	esac
	last=$a
	set -- "$@" "$a"
done
shift $n
exec %s "$@"`, change, real.Path))
	return &Tool{Path: path, Version: real.Version}
}

func TestTrialRefuses(t *testing.T) {
	for _, c := range []struct{ name, change, why string }{
		{"what holds frames back", `"-preset superfast") a=medium ;; "-tune zerolatency") a=film ;;`, "holds frames back"},
		{"what forces nothing", `"-force_key_frames "*) a=source ;;`, "keyframes aren't where they are forced"},
		{"what takes no option", `"-preset superfast") a=nonsense ;;`, "nonsense"},
		{"what moves times", `"-enc_time_base 1:90000") a=1:50 ;;`, "time of frame"},
		{"what says it nowhere", `"-bsf:v dump_extra=freq=keyframe") a='filter_units=remove_types=7|8' ;;`, "keyframe without parameter sets"},
		{"what changes the size", `"-filter_complex "*) a='[0:v]scale=320:180[o0]' ;;`, "picture of 320x180"},
		{"what isn't there", `"-c:v libx264") a=h264_of_another_age ;;`, "h264_of_another_age"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := wrapped(t, c.change).try(t.Context(), encoderNamed("libx264"))
			require.ErrorContains(t, err, c.why)
		})
	}
	t.Run("nothing else", func(t *testing.T) {
		require.NoError(t, wrapped(t, `nothing) ;;`).try(t.Context(), encoderNamed("libx264")))
	})
}

func TestTrialEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hangs := &Tool{Path: fake(t, "echo ready >&3; exec sleep 600")}
	ended := make(chan error)
	go func() { ended <- hangs.try(ctx, encoderNamed("libx264")) }()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

const list = `Encoders:
 V..... = Video
 A..... = Audio
 ------
 V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (codec h264)
 V..... h264_v4l2m2m         V4L2 mem2mem H.264 encoder wrapper (codec h264)
 VFS..D ffv1                 FFmpeg video codec #1
 A....D aac                  AAC (Advanced Audio Coding)
 V.....
`

func TestEncoderList(t *testing.T) {
	want := []string{"libx264", "h264_v4l2m2m", "ffv1"}
	require.Equal(t, want, parseEncoders([]byte(list)))
	require.Equal(t, want, parseEncoders([]byte(strings.ReplaceAll(list, "\n", "\r\n"))))
	require.Empty(t, parseEncoders(nil))
}

func TestEncodersOfWhatCannotListThem(t *testing.T) {
	broken := &Tool{Path: fake(t, "echo no >&2; exit 3")}
	_, err := broken.Encoders(t.Context(), slog.New(slog.DiscardHandler))
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, err.Error(), "no")
}

func FuzzEncoderList(f *testing.F) {
	f.Add([]byte(list))
	f.Add([]byte("V....D x\x00\n\n VVVVVV = \r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range parseEncoders(b) {
			require.NotEmpty(t, name)
			require.Equal(t, []string{name}, strings.Fields(name))
		}
	})
}

// What an encoder is told fits its size, cap and rate control; no option stands
// twice with two values.
func TestArgumentsOfEachEncoder(t *testing.T) {
	for i := range encoders {
		e := &encoders[i]
		for _, cbr := range []bool{false, true} {
			o := out(720, 1)
			o.Encoder, o.Codec, o.CBR, o.Bitrate, o.Profile = e.name, e.codec, cbr, 2_500_000, "main"
			j := Job{Video: &VideoJob{Outputs: []Output{o}, FrameRate: 30_000.0 / 1001}}
			require.NoError(t, j.validate())
			args := j.arguments(fragmentInput, urls{outputs: []string{"pipe:3"}})
			given := map[string]string{}
			for i, a := range args {
				if a == "-threads" || !strings.HasPrefix(a, "-") || i+1 == len(args) {
					continue
				}
				before, twice := given[a]
				require.False(t, twice && a != "-f" && before != args[i+1], "%s: %s twice", e.name, a)
				given[a] = args[i+1]
			}
			require.Equal(t, e.name, given["-c:v"])
			require.Equal(t, "main", given["-profile:v"])
			require.Equal(t, "source", given["-force_key_frames"])
			if cbr {
				require.Equal(t, "2500000", given["-b:v"])
				require.Equal(t, "2500000", given["-maxrate"])
			} else if e.name != "libaom-av1" {
				require.Equal(t, "2500000", given["-maxrate"])
			}
		}
	}
}

func TestRates(t *testing.T) {
	for fps, want := range map[float64]string{
		30: "30/1", 29.97: "30000/1001", 30000.0 / 1001: "30000/1001", 59.94: "60000/1001", 23.976: "24000/1001",
		25: "25/1", 12.5: "12500/1000", 0: "0/0", -1: "0/0", 1e9: "0/0", 90000.0 / 3753: "23981/1000", 14.985: "15000/1001",
	} {
		require.Equal(t, want, RateOf(fps).String(), fps)
	}
}
