package mpegts_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFFmpegReads lets ffprobe and ffmpeg read segments by themselves, and all of them
// in a row: they have nothing to say about counters, times or bitstreams.
func TestFFmpegReads(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, sound *clip
		codecs       string
	}{
		{"B-frames", x264(t, "30", "-bf", "3"), aac(t), "h264 aac timed_id3"},
		{"25 fps", x264(t, "25", "-tune", "zerolatency"), aac(t), "h264 aac timed_id3"},
		{"H.265", encodeHEVC(t), aac(t), "hevc aac timed_id3"},
		{"sound alone", nil, aac(t), "aac timed_id3"},
		{"MP3", x264(t, "30"), sine(t, "-c:a", "libmp3lame", "-ar", "44100", "-ac", "2"), "h264 mp3 timed_id3"},
		{"MP3 of long frames", nil, sine(t, "-c:a", "libmp3lame", "-ar", "16000"), "mp3 timed_id3"},
		{"5.1", x264(t, "30"), sine(t, "-c:a", "aac", "-ac", "6"), "h264 aac timed_id3"},
		{"AC-3", x264(t, "30"), sine(t, "-c:a", "ac3", "-ac", "6"), "h264 ac3 timed_id3"},
		{"E-AC-3", nil, sine(t, "-c:a", "eac3", "-ac", "2"), "eac3 timed_id3"},
		{"7.1", nil, sine(t, "-c:a", "aac", "-ac", "8"), "aac timed_id3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			var all bytes.Buffer
			check := func(name string, b []byte) string {
				path := filepath.Join(folder, name)
				require.NoError(t, os.WriteFile(path, b, 0o644))
				tool(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-map", "0", "-c:d", "copy", "-f", "null", "-")
				names := tool(t, "ffprobe", "-v", "warning", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path)
				return strings.Join(strings.Fields(names), " ")
			}
			for i, s := range cut(c.video, c.sound, second, 4) {
				b := made(t, s)
				if i < 2 {
					require.Equal(t, c.codecs, uniq(check("one.ts", b)))
				}
				all.Write(b)
			}
			require.Equal(t, c.codecs, uniq(check("all.ts", all.Bytes())))
			frames := func(kind string) int {
				path := filepath.Join(folder, "all.ts")
				return len(strings.Fields(tool(t, "ffprobe", "-v", "warning", "-select_streams", kind, "-show_entries", "frame=pts", "-of", "csv=p=0", path)))
			}
			if c.video != nil {
				require.Equal(t, len(c.video.samples), frames("v"))
			}
			if c.sound != nil {
				require.InDelta(t, len(c.sound.samples), frames("a"), 3)
			}
		})
	}
}

// uniq leaves out names that are repeated: ffprobe lists programs' streams twice.
func uniq(names string) string {
	var once []string
	for name := range strings.FieldsSeq(names) {
		if !strings.Contains(" "+strings.Join(once, " ")+" ", " "+name+" ") {
			once = append(once, name)
		}
	}
	return strings.Join(once, " ")
}

func encodeHEVC(tb testing.TB) *clip {
	c := encode(tb, "testsrc2=s=320x180:r=30", "-t", "4", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-x265-params", "log-level=none:keyint=30:min-keyint=30:scenecut=0:bframes=3:open-gop=0", "-tag:v", "hvc1", "-video_track_timescale", "90000")
	return &c
}

// write writes a file.
func write(tb testing.TB, b []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "segment.ts")
	require.NoError(tb, os.WriteFile(path, b, 0o644))
	return path
}
