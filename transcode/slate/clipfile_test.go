package slate

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
)

func readTestSource(t *testing.T, path string) source {
	t.Helper()
	s, err := readSource(t.Context(), findTool(t), path)
	require.NoError(t, err)
	return s
}

// pixels decodes one picture of a clip as gray, and returns the brightness of a pixel as ffmpeg
// shows it.
func pixels(t *testing.T, c *Clip, n int) func(x, y int) byte {
	t.Helper()
	v := c.reels[0].codec.(*media.H264)
	var stream []byte
	for _, set := range [][]byte{v.SPS, v.PPS} {
		stream = append(append(stream, 0, 0, 0, 1), set...)
	}
	for _, f := range c.reels[0].frames {
		for b := f.data; len(b) > 4; {
			size := binary.BigEndian.Uint32(b)
			stream = append(append(stream, 0, 0, 0, 1), b[4:4+size]...)
			b = b[4+size:]
		}
	}
	path := filepath.Join(t.TempDir(), "clip.h264")
	require.NoError(t, os.WriteFile(path, stream, 0o644))
	out := run(t, "ffmpeg", "-v", "error", "-i", path, "-vf", "select=eq(n\\,"+strconv.Itoa(n)+")", "-frames:v", "1",
		"-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
	require.Len(t, out, v.Width*v.Height)
	return func(x, y int) byte { return out[y*v.Width+x] }
}

// A picture keeps its shape, in the middle of black, whatever the shape of the stream's pixels; what
// is transparent is black.
func TestPictureIsLetterboxed(t *testing.T) {
	folder := t.TempDir()
	square, clear := filepath.Join(folder, "square 100%.png"), filepath.Join(folder, "clear.png")
	run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "color=c=white:s=100x100:r=1", "-frames:v", "1", "-update", "1", square)
	run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "color=c=white@0.0:s=100x100:r=1,format=rgba", "-frames:v", "1", "-update", "1", clear)
	const black, white = 20, 230
	for _, tc := range []struct {
		name, size, pixel, file string
		left, top               int // of the picture
	}{
		{"wide", "320x180", "1", square, 70, 0},
		{"upright", "180x320", "1", square, 0, 70},
		{"wide pixels", "160x180", "2", square, 35, 0},
		{"transparent", "320x180", "1", clear, 320, 180},
	} {
		t.Run(tc.name, func(t *testing.T) {
			track := h264Track(t, tc.size, "10", "-vf", "setsar="+tc.pixel, "-color_range", "pc")
			c := makeClip(t, readTestSource(t, tc.file), track)
			v := c.reels[0].codec.(*media.H264)
			at := pixels(t, c, 13)
			const edge = 4 // of blur
			for _, x := range []int{edge, v.Width / 4, v.Width / 2, v.Width - edge} {
				for _, y := range []int{edge, v.Height / 4, v.Height / 2, v.Height - edge} {
					inside := min(x, v.Width-x) > tc.left && min(y, v.Height-y) > tc.top
					if inside {
						require.Greater(t, at(x, y), byte(white), "%d, %d", x, y)
					} else {
						require.Less(t, at(x, y), byte(black), "%d, %d", x, y)
					}
				}
			}
		})
	}
}

// A clip of six and a half seconds: its picture stands still until the GOP's end, and its sound, a
// tone of the last three seconds, is in time with the picture in each loop.
func TestClipWithSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mp4")
	run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "color=black:s=160x90:r=25:d=6.5,geq=lum='if(gte(T,3.5),235,16)':cb=128:cr=128",
		"-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*440*t)*gte(t,3.5)':s=44100:d=6.5", "-c:v", "libx264", "-bf", "2", "-c:a", "aac", path)
	shown := readTestSource(t, path)
	require.True(t, shown.content.Sound)
	require.InDelta(t, 6.5, shown.content.Length.Seconds(), 0.05)
	for _, tc := range []struct {
		name  string
		rate  string
		sound media.Track
	}{
		{"29.97, 44.1 kHz", "30000/1001", aacTrack(t, 44_100, 2)},
		{"30, 48 kHz mono", "30", aacTrack(t, 48_000, 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := makeClip(t, shown, h264Track(t, "320x180", tc.rate), tc.sound)
			require.Len(t, c.reels[0].frames, 240)
			light := func(n int) bool { return pixels(t, c, n)(160, 90) > 128 }
			require.False(t, light(100))
			require.True(t, light(107))
			require.True(t, light(239), "it stands still")
			p := checkManifests(t, c, 26*time.Second) // more than three loops
			for i, track := range c.Tracks() {
				checkSeamless(t, c.reels[i], p.samples[track.ID])
				checkDecodes(t, track, p.samples[track.ID])
			}
			checkTone(t, c, p.samples[tc.sound.ID])
		})
	}
}

// checkTone decodes a clip's sound over its loops: a tone begins three and a half seconds after the
// picture's loop, lasts three, and between there's no click.
func checkTone(t *testing.T, c *Clip, samples []media.Sample) {
	t.Helper()
	r := c.reels[1]
	_, channels := r.codec.(media.Sound).Output()
	var adts mpeg4audio.ADTSPackets
	for _, s := range samples {
		adts = append(adts, &mpeg4audio.ADTSPacket{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: r.form.SampleRate, ChannelConfig: uint8(channels), ChannelCount: channels, AU: s.Data,
		})
	}
	b, err := adts.Marshal()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "sound.aac")
	require.NoError(t, os.WriteFile(path, b, 0o644))
	raw := run(t, "ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-f", "f32le", "pipe:1")
	heard := make([]float32, len(raw)/4)
	require.NoError(t, binary.Read(bytes.NewReader([]byte(raw)), binary.LittleEndian, heard))
	require.Greater(t, len(heard), 25*r.form.SampleRate)

	loop := r.form.elapsed(int64(r.form.Frames), media.Timescale(r.form.SampleRate))
	const late = 0.035 // at most: half a frame for the loop, and one for the encoder
	for n := range 3 {
		loud := func(from, to float64) (most float64) {
			begin := int(loop)*n + int(from*float64(r.form.SampleRate))
			for _, s := range heard[begin : begin+int((to-from)*float64(r.form.SampleRate))] {
				most = max(most, math.Abs(float64(s)))
			}
			return most
		}
		require.Less(t, loud(0.02, 3.5-late), 0.01, "loop %d: before the tone", n)
		require.Greater(t, loud(3.5+late, 3.5+2*late), 0.3, "loop %d: the tone begins", n)
		require.Greater(t, loud(6.4, 6.45), 0.3, "loop %d: the tone lasts", n)
		require.Less(t, loud(6.5+2*late, 8), 0.01, "loop %d: after it, and over the seam", n)
	}
}

// Unreadable files say why.
func TestReadSource(t *testing.T) {
	folder := t.TempDir()
	text, sound := filepath.Join(folder, "notes.txt"), filepath.Join(folder, "song.mp3")
	require.NoError(t, os.WriteFile(text, []byte("notes\n"), 0o644))
	run(t, "ffmpeg", "-v", "fatal", "-f", "lavfi", "-i", "sine=d=1", sound)
	for path, why := range map[string]string{
		text: "can't be read as a picture or clip", sound: "can't be read as a picture or clip", folder: "not a file",
		filepath.Join(folder, "none"): "no such file",
	} {
		_, err := readSource(t.Context(), findTool(t), path)
		require.ErrorContains(t, err, why)
		require.ErrorContains(t, err, path)
	}
	still := filepath.Join(folder, "still.jpg")
	draw(t, still, "green")
	require.Equal(t, "a still picture", readTestSource(t, still).String())
	gif := filepath.Join(folder, "moves.gif")
	draw(t, gif, "green", "-vf", "hue=h=10*n", "-t", "3")
	require.Equal(t, "a clip of 3s without sound", readTestSource(t, gif).String())
}
