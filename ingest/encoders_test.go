package ingest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// packet is what ffprobe says of one.
type packet struct {
	Type string `json:"codec_type"`
	PTS  string `json:"pts_time"`
	DTS  string `json:"dts_time"`
	Size string `json:"size"`
	Flag string `json:"flags"`
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed: install it (Debian: apt install ffmpeg)", name)
	}
	var stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	require.NoError(t, err, "%s: %s", name, &stderr)
	return out
}

// makeClip encodes a short film with B-frames and sound, as FLV.
func makeClip(t *testing.T, rate string, more ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.flv")
	args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=" + rate + ":duration=4",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "60", "-pix_fmt", "yuv420p",
		"-b:v", "1500k", "-c:a", "aac", "-b:a", "128k"}
	run(t, "ffmpeg", append(append(args, more...), file)...)
	return file
}

func probe(t *testing.T, file, kind string) []packet {
	t.Helper()
	var all struct {
		Packets []packet `json:"packets"`
	}
	out := run(t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_packets",
		"-show_entries", "packet=codec_type,pts_time,dts_time,size,flags", "-of", "json", file)
	require.NoError(t, json.Unmarshal(out, &all))
	return all.Packets
}

func seconds(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// What ffmpeg pushes arrives whole and at its times, over plain RTMP and RTMPS.
func TestFFmpegPublishes(t *testing.T) {
	for _, c := range []struct{ name, rate string }{{"rtmp", "30"}, {"rtmps", "30000/1001"}} {
		t.Run(c.name, func(t *testing.T) {
			clip := makeClip(t, c.rate)
			h := start(t, Options{})
			addr, tlsArgs := h.plain, []string(nil)
			if c.name == "rtmps" {
				addr, tlsArgs = h.secure, []string{"-tls_verify", "0"}
			}
			args := append([]string{"-v", "error", "-i", clip, "-c", "copy", "-f", "flv"}, tlsArgs...)
			run(t, "ffmpeg", append(args, c.name+"://"+addr+"/live/secret")...)

			r := h.doorman.sink(t, "show", 0)
			require.NoError(t, r.waitEnd(t), "ffmpeg says goodbye")
			require.Len(t, r.epochs, 1)
			e := r.epochs[0]
			require.Len(t, e.tracks, 2)
			video, audio := e.tracks[0], e.tracks[1]
			require.Equal(t, media.Video, video.Kind)
			require.Equal(t, 1280, video.Codec.(*media.H264).Width)
			require.Equal(t, media.Timescale(48000), audio.Timescale)

			want := probe(t, clip, "v")
			got := e.samples[video.ID]
			require.Len(t, got, len(want))
			for i, w := range want {
				ms := int64(seconds(t, w.DTS)*1000 + .5)
				require.InDelta(t, ms*90, int64(got[i].DTS), 90, "DTS of picture %d", i)
				ms = int64(seconds(t, w.PTS)*1000 + .5)
				require.InDelta(t, ms*90, int64(got[i].PTS()), 180, "PTS of picture %d", i)
				require.Equal(t, w.Flag[0] == 'K', got[i].Sync, "picture %d", i)
				require.Equal(t, w.Size, strconv.Itoa(len(got[i].Data)))
			}
			frame := media.Ticks(3000)
			if c.rate != "30" {
				frame = 3003
			}
			requireGrid(t, got, frame)

			want = probe(t, clip, "a")
			heard := e.samples[audio.ID]
			require.Len(t, heard, len(want))
			for i, w := range want {
				require.InDelta(t, seconds(t, w.DTS)*48000, float64(heard[i].DTS), 1.5*1024)
				require.Equal(t, heard[0].DTS+media.Ticks(1024*i), heard[i].DTS)
			}
			h.log.wait(t, `msg=published`)
		})
	}
}

// MP3 arrives frame by frame, and is counted.
func TestFFmpegPublishesMP3(t *testing.T) {
	for _, c := range []struct {
		rate, channels, length int
	}{{44_100, 2, 1152}, {22_050, 1, 576}} {
		t.Run(strconv.Itoa(c.rate), func(t *testing.T) {
			clip := makeClip(t, "30", "-c:a", "libmp3lame", "-ar", strconv.Itoa(c.rate), "-ac", strconv.Itoa(c.channels), "-b:a", "64k")
			h := start(t, Options{})
			run(t, "ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-f", "flv", "rtmp://"+h.plain+"/live/secret")
			r := h.doorman.sink(t, "show", 0)
			require.NoError(t, r.waitEnd(t))
			require.Len(t, r.epochs, 1)
			e := r.epochs[0]
			require.Len(t, e.tracks, 2)
			want, err := media.NewMP3(c.rate, c.channels)
			require.NoError(t, err)
			require.Equal(t, media.Track{ID: audioTrack, Kind: media.Audio, Timescale: media.Timescale(c.rate), Codec: want}, e.tracks[1])

			packets, heard := probe(t, clip, "a"), e.samples[audioTrack]
			require.Len(t, heard, len(packets))
			for i, p := range packets {
				require.Equal(t, p.Size, strconv.Itoa(len(heard[i].Data)))
				require.InDelta(t, seconds(t, p.DTS)*float64(c.rate), float64(heard[i].DTS), 1.5*float64(c.length))
				require.Equal(t, heard[0].DTS+media.Ticks(c.length*i), heard[i].DTS)
				require.EqualValues(t, c.length, heard[i].Duration)
			}
		})
	}
}

// requireGrid checks that pictures stand one frame after the other, in decode
// order and in presentation order.
func requireGrid(t *testing.T, samples []media.Sample, frame media.Ticks) {
	t.Helper()
	var shown []int64
	for i, s := range samples {
		require.Equal(t, samples[0].DTS+frame*media.Ticks(i), s.DTS)
		require.Equal(t, frame, s.Duration)
		shown = append(shown, int64(s.PTS()))
	}
	sort.Slice(shown, func(i, j int) bool { return shown[i] < shown[j] })
	for i := range shown {
		require.Equal(t, shown[0]+int64(frame)*int64(i), shown[i])
	}
}

func TestFFmpegIsToldWhyItIsRefused(t *testing.T) {
	clip := makeClip(t, "30")
	h := start(t, Options{})
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "info", "-i", clip, "-c", "copy",
		"-f", "flv", "rtmp://"+h.plain+"/live/wrong").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "Stream key not accepted: check it, or ask for a new one.")
	h.log.wait(t, "unknown stream key")
	require.NotContains(t, h.log.String(), "wrong")

	out, err = exec.CommandContext(t.Context(), "ffmpeg", "-v", "info", "-i", clip, "-c", "copy",
		"-f", "flv", "rtmp://"+h.plain+"/elsewhere/secret").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "No such application")

	file := filepath.Join(t.TempDir(), "old.flv")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:duration=1", "-c:v", "flv", file)
	out, err = exec.CommandContext(t.Context(), "ffmpeg", "-v", "info", "-re", "-i", file, "-c", "copy",
		"-f", "flv", "rtmp://"+h.plain+"/live/secret").CombinedOutput()
	require.Error(t, err, "%s", out)
	h.log.wait(t, "codec not served: Sorenson H.263")
}
