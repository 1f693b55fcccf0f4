package slate

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
	"sluice/transcode/coded"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func findTool(t testing.TB) *ffmpeg.Tool {
	t.Helper()
	tool, err := ffmpeg.Find(t.Context(), "")
	require.NoError(t, err)
	return tool
}

// run runs a program and returns what it prints. It may say nothing else.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	require.Empty(t, said.String())
	return out.String()
}

// pictureTrack is that of a publisher that encodes so, as ffmpeg's options say.
func pictureTrack(t testing.TB, codec rung.Codec, size, rate string, options ...string) media.Track {
	t.Helper()
	form := map[rung.Codec][]string{
		rung.H264: {"libx264", "h264"}, rung.HEVC: {"libx265", "hevc"}, rung.AV1: {"libaom-av1", "obu"}, ffmpeg.VP9: {"libvpx-vp9", "ivf"},
	}[codec]
	path := filepath.Join(t.TempDir(), "frame")
	args := []string{"-v", "fatal", "-f", "lavfi", "-i", "testsrc=s=" + size + ":r=" + rate,
		"-frames:v", "1", "-pix_fmt", "yuv420p", "-c:v", form[0]}
	switch codec {
	case rung.HEVC:
		args = append(args, "-x265-params", "log-level=none")
	case rung.AV1, ffmpeg.VP9:
		args = append(args, "-cpu-used", "8", "-deadline", "realtime")
	}
	args = append(append(args, options...), "-f", form[1], path)
	if codec == rung.AV1 {
		args = append(args[:len(args)-3], "-usage", "realtime", "-f", form[1], path)
	}
	run(t, "ffmpeg", args...)
	frame, err := os.ReadFile(path)
	require.NoError(t, err)
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock}
	if codec == ffmpeg.VP9 {
		const headers = 32 + 12 // of the file and of the frame
		require.Greater(t, len(frame), headers)
		track.Codec, err = media.NewVP9(frame[headers:], media.VP9Hints{})
	} else {
		_, track.Codec, err = coded.Unpack(codec, frame, nil)
	}
	require.NoError(t, err)
	require.NotNil(t, track.Codec)
	return track
}

// h264Track is the usual one.
func h264Track(t testing.TB, size, rate string, options ...string) media.Track {
	return pictureTrack(t, rung.H264, size, rate, options...)
}

func aacTrack(t testing.TB, rate, channels int) media.Track {
	t.Helper()
	raw, err := mpeg4audio.AudioSpecificConfig{
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: uint8(channels), ChannelCount: channels,
	}.Marshal()
	require.NoError(t, err)
	codec, err := media.NewAAC(raw)
	require.NoError(t, err)
	return soundTrack(codec)
}

func soundTrack(codec media.Sound) media.Track {
	return media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(codec.SampleRate()), Codec: codec}
}

// makeClip makes a slate for tracks, by hand.
func makeClip(t testing.TB, shown source, tracks ...media.Track) *Clip {
	t.Helper()
	wanted, err := forms(tracks, nil, shown, usualSegment)
	require.NoError(t, err)
	var reels []*reel
	for _, f := range wanted {
		r, err := workshop{findTool(t), quietLimit}.reel(t.Context(), f, shown)
		require.NoError(t, err, f.String())
		reels = append(reels, r)
	}
	return newClip(tracks, reels, newMetrics(nil))
}

// sized is a source's size as ffmpeg writes it.
func sized(width, height int) string { return fmt.Sprintf("%dx%d", width, height) }
