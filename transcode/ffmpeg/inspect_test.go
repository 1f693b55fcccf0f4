package ffmpeg

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseFrames(t *testing.T) {
	const clip = "#software: Lavf59.27.100\n#tb 0: 1/25\n#media_type 0: video\n#codec_id 0: rawvideo\n#dimensions 0: 16x16\n" +
		"#sar 0: 1/1\n#tb 1: 1/44100\n#media_type 1: audio\n" +
		"0,          1,          1,        1,      384, 0x65bb1b65\n1,          0,          0,    44100,   176400, 0x4b4ddf4c\n" +
		"0,          2,          2,        1,      384, 0xc5e5d2d2\n0,          4,          4,        2,      384, 0xc5e5d2d2\n"
	for text, want := range map[string]Content{
		clip:                                  {Frames: 3, Length: 200 * time.Millisecond, Sound: true},
		"":                                    {},
		"#tb 0: 1/25\n0, 0, 0, 1, 384, 0x0\n": {Frames: 1, Length: 40 * time.Millisecond},
		"#tb 0: 1/0\n0, 0, 0, 1, 384, 0x0\n":  {Frames: 1},
		"#tb 0: 1001/30000\r\n0,5,5,1,384,0x0\r\n":                    {Frames: 1, Length: 33366667},
		"#tb 0: 1/25\n0, 0, N/A, 1, 384\n0, 0\n0, 0, 9e9, 1\n0,1,2,3": {Frames: 1, Length: 120 * time.Millisecond},
	} {
		require.Equal(t, want, parseFrames([]byte(text)), "%q", text)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("#tb 0: 1/25\n#media_type 1: audio\n0, 0, 0, 1, 384, 0x0\n1, 0, 0, 1, 4, 0x0\n"))
	f.Add([]byte("#tb 0: 2147483647/1\n0, 0, -2147483648, 2147483648\n0,0,2147483648,0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := parseFrames(text)
		require.GreaterOrEqual(t, c.Length, time.Duration(0))
		require.LessOrEqual(t, c.Frames, (len(text)+1)/len("0,,0,\n"))
	})
}

// Only the file itself is read, whatever it refers to, and no more of it than was asked for.
func TestInspectReadsNothingElse(t *testing.T) {
	tool, err := Find(t.Context(), "")
	require.NoError(t, err)
	folder := t.TempDir()
	clip := filepath.Join(folder, "clip.mkv")
	_, err = tool.ask(t.Context(), answerLimit, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=5", "-c:v", "libx264", clip)
	require.NoError(t, err)
	c, err := tool.Inspect(t.Context(), clip, time.Minute)
	require.NoError(t, err)
	require.Equal(t, Content{Frames: 50, Length: 5 * time.Second}, c)
	c, err = tool.Inspect(t.Context(), clip, 2*time.Second)
	require.NoError(t, err)
	require.InDelta(t, 20, c.Frames, 1)

	list := filepath.Join(folder, "list.m3u8")
	require.NoError(t, os.WriteFile(list, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n"), 0o644))
	_, err = tool.Inspect(t.Context(), list, time.Minute)
	require.Error(t, err)
}

func TestLoopsThatNobodyAsksFor(t *testing.T) {
	good := LoopPictures{
		Encoder: "libx264", Width: 64, Height: 64, SARWidth: 1, SARHeight: 1, Rate: Rate{25, 1}, Frames: 50, GOP: 50, Bitrate: 1,
	}
	require.NoError(t, Loop{Pictures: &good}.validate())
	sound := LoopSound{Encoder: "aac", SampleRate: 48_000, Layout: "stereo", Length: 48_000}
	require.NoError(t, Loop{Sound: &sound}.validate())
	for name, l := range map[string]func() Loop{
		"nothing":    func() Loop { return Loop{} },
		"both":       func() Loop { return Loop{Pictures: &good, Sound: &sound} },
		"no encoder": func() Loop { p := good; p.Encoder = "h264_magic"; return Loop{Pictures: &p} },
		"no size":    func() Loop { p := good; p.Width = 0; return Loop{Pictures: &p} },
		"no rate":    func() Loop { p := good; p.Rate = Rate{}; return Loop{Pictures: &p} },
		"no samples": func() Loop { s := sound; s.Length = 0; return Loop{Sound: &s} },
		"a long end": func() Loop { s := sound; s.Content, s.Fade = 9, 5; return Loop{Sound: &s} },
	} {
		require.Error(t, l().validate(), name)
		_, err := (&Tool{}).StartLoop(t.Context(), l())
		require.ErrorContains(t, err, "start ffmpeg: ", name)
	}
}
