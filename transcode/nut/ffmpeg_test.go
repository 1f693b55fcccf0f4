package nut_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/annexb"
	"sluice/transcode/nut"
)

// tool runs a program and returns what it prints.
func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %s\n%s", name, strings.Join(args, " "), &stderr)
	return stdout.Bytes()
}

func words(s ...string) []string { return strings.Fields(strings.Join(s, " ")) }

// The transcoder's own options, but for what differs between encoders.
const (
	exact = "-forced-idr 1 -force_key_frames source -fps_mode passthrough -enc_time_base 1:90000 " +
		"-avoid_negative_ts disabled"
	x264 = "-c:v libx264 -preset superfast -tune zerolatency -threads 1 -pix_fmt yuv420p -crf 24 " +
		"-maxrate 700k -bufsize 1400k -sc_threshold 0 -g 100000 " + exact + " -bsf:v dump_extra=freq=keyframe"
	x265 = "-c:v libx265 -preset ultrafast -tune zerolatency -x265-params log-level=error:keyint=1000 " + exact
	av1  = "-c:v libaom-av1 -cpu-used 8 -usage realtime -lag-in-frames 0 -g 1000 -fps_mode passthrough -enc_time_base 1:90000"
	aac  = "-c:a aac -b:a 128k -af aresample=48000:async=1"
	out  = "-flush_packets 1 -f nut"
)

// source makes a fragmented MP4 as the transcoder feeds it.
func source(t testing.TB, args ...string) string {
	path := filepath.Join(t.TempDir(), "source.mp4")
	tool(t, "ffmpeg", words("-v error", strings.Join(args, " "), "-video_track_timescale 90000",
		"-movflags frag_every_frame+empty_moov+default_base_moof", path)...)
	return path
}

// encode turns a source into NUT, through a pipe as the transcoder does.
func encode(t testing.TB, from string, options ...string) []byte {
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", words("-v error -nostdin -threads 1 -probesize 32 -analyzeduration 0",
		"-ignore_editlist 1 -f mov -copyts -i pipe:0", strings.Join(options, " "), "pipe:1")...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = in, &stderr
	data, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return data
}

// probed is a packet as ffprobe sees it.
type probed struct {
	PTS   int64  `json:"pts"`
	Size  string `json:"size"`
	Flags string `json:"flags"`
	Hash  string `json:"data_hash"`
}

func probe(t testing.TB, data []byte) (packets []probed, stream map[string]any) {
	path := filepath.Join(t.TempDir(), "probed.nut")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	var got struct {
		Packets []probed
		Streams []map[string]any
	}
	require.NoError(t, json.Unmarshal(tool(t, "ffprobe", words("-v error -of json -show_packets -show_streams",
		"-show_data_hash crc32", path)...), &got))
	require.Len(t, got.Streams, 1)
	return got.Packets, got.Streams[0]
}

// seen is one of ours in the same form.
func seen(p nut.Packet) probed {
	flags := "__"
	if p.Key {
		flags = "K_"
	}
	var sum [4]byte
	c := crc32.ChecksumIEEE(p.Data)
	sum[0], sum[1], sum[2], sum[3] = byte(c>>24), byte(c>>16), byte(c>>8), byte(c)
	return probed{p.PTS, strconv.Itoa(len(p.Data)), flags, "CRC32:" + hex.EncodeToString(sum[:])}
}

// all reads a stream to its end, which must be a clean one.
func all(t testing.TB, in io.Reader) (nut.Header, []nut.Packet) {
	t.Helper()
	r := nut.NewReader(in)
	h, err := r.Header()
	require.NoError(t, err)
	var packets []nut.Packet
	for {
		p, err := r.Next()
		if err == io.EOF {
			return h, packets
		}
		require.NoError(t, err)
		packets = append(packets, p)
	}
}

// What ffmpeg writes with the transcoder's options is what ffprobe sees in it.
func TestFFmpegAgrees(t *testing.T) {
	for _, c := range []struct {
		name, source, options string
		codec                 nut.Codec
		keys, frames          int
	}{
		{"h264 of 29.97 with B-frames", "-f lavfi -i testsrc2=s=320x180:r=30000/1001 -frames:v 90 -c:v libx264 -g 30 -bf 2", x264, nut.H264, 3, 90},
		{"h264 of 60", "-f lavfi -i testsrc2=s=160x90:r=60 -frames:v 90 -c:v libx264 -g 30", x264, nut.H264, 3, 90},
		{"h264 of 2", "-f lavfi -i testsrc2=s=160x90:r=2 -frames:v 12 -c:v libx264 -sc_threshold 0 -g 4", x264, nut.H264, 3, 12},
		{"h264 of 4, a delta of more than 14 bits", "-f lavfi -i testsrc2=s=160x90:r=4 -frames:v 12 -c:v libx264 -sc_threshold 0 -g 4", x264, nut.H264, 3, 12},
		{"h264 with a gap of 40 s", "-f lavfi -i testsrc2=s=160x90:r=30,setpts=PTS+gte(N\\,30)*40/TB -fps_mode passthrough -frames:v 60 -c:v libx264 -g 30", x264, nut.H264, 2, 60},
		{"large frames", "-f lavfi -i nullsrc=s=1280x720:r=30,geq=random(1)*255:128:128 -frames:v 3 -c:v libx264 -preset ultrafast -qp 10 -g 2",
			strings.ReplaceAll(x264, "-crf 24 -maxrate 700k -bufsize 1400k", "-qp 8"), nut.H264, 2, 3},
		{"h265", "-f lavfi -i testsrc2=s=320x180:r=30 -frames:v 60 -c:v libx264 -g 30 -bf 2", x265, nut.H265, 2, 60},
		{"av1", "-f lavfi -i testsrc2=s=160x90:r=30 -frames:v 30 -c:v libx264", av1, nut.AV1, 1, 30},
		{"aac", "-f lavfi -i sine=r=44100 -t 2 -ac 2 -c:a libmp3lame", aac, nut.AAC, 97, 97},
		{"side data", "-f lavfi -i testsrc2=s=160x90:r=30 -frames:v 30 -c:v libx264", av1 + " -strict experimental -syncpoints none", nut.AV1, 1, 30},
		{"syncpoints with a clock", "-f lavfi -i testsrc2=s=320x180:r=30 -frames:v 60 -c:v libx264 -g 30", x264 + " -strict experimental -syncpoints timestamped", nut.H264, 2, 60},
		{"no index", "-f lavfi -i testsrc2=s=320x180:r=30 -frames:v 60 -c:v libx264 -g 30", x264 + " -write_index 0", nut.H264, 2, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := encode(t, source(t, c.source), c.options, out)
			want, stream := probe(t, data)
			h, packets := all(t, bytes.NewReader(data))
			var got []probed
			keys := 0
			for _, p := range packets {
				got = append(got, seen(p))
				if c.codec == nut.H264 {
					isSample(t, p)
				}
				if p.Key {
					keys++
				}
			}
			require.Equal(t, want, got)
			require.Equal(t, c.frames, len(packets))
			require.Equal(t, c.keys, keys)
			require.Equal(t, c.codec, h.Codec)
			require.Equal(t, strings.HasPrefix(c.name, "side data"), bytes.Contains(data, []byte("Extradata")))
			if c.codec != nut.AV1 { // libaom's comes with the first packet
				require.EqualValues(t, stream["extradata_size"], len(h.Extradata))
			}
			if h.Kind == media.Video {
				require.Equal(t, nut.TimeBase{1, 90_000}, h.TimeBase)
				require.EqualValues(t, stream["width"], h.Width)
				require.EqualValues(t, stream["height"], h.Height)
				return
			}
			require.Equal(t, nut.TimeBase{1, 48_000}, h.TimeBase)
			require.Equal(t, stream["sample_rate"], strconv.Itoa(h.SampleRate))
			require.EqualValues(t, stream["channels"], h.Channels)
			codec, err := media.NewAAC(h.Extradata)
			require.NoError(t, err)
			require.Equal(t, 48_000, codec.SampleRate())
		})
	}
}

// isSample holds a picture against what the packager takes.
func isSample(t *testing.T, p nut.Packet) {
	t.Helper()
	data, sps, pps, err := annexb.AppendLengthPrefixed(nil, p.Data)
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), annexb.MaxSize(p.Data))
	if p.Key {
		_, err := media.NewH264(sps, pps)
		require.NoError(t, err)
	} else {
		require.Nil(t, sps)
		require.Nil(t, pps)
	}
}
