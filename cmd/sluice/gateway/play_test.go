package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool runs a program that the test needs, and returns what it says.
func tool(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed (Debian: apt install ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-bad rtmpdump nginx libnginx-mod-rtmp)", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// packet is what ffprobe says of one.
type packet struct {
	PTS, DTS float64
	Hash     string
	Key      bool
}

func packets(t *testing.T, file, kind string) (all []packet) {
	t.Helper()
	out, err := tool(t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash", "MD5",
		"-show_entries", "packet=pts_time,dts_time,flags,data_hash", "-of", "json", file).Output()
	require.NoError(t, err)
	var said struct {
		Packets []struct {
			PTS   string `json:"pts_time"`
			DTS   string `json:"dts_time"`
			Flags string `json:"flags"`
			Hash  string `json:"data_hash"`
		}
	}
	require.NoError(t, json.Unmarshal(out, &said))
	for _, p := range said.Packets {
		pts, err := strconv.ParseFloat(p.PTS, 64)
		require.NoError(t, err)
		dts, err := strconv.ParseFloat(p.DTS, 64)
		require.NoError(t, err)
		all = append(all, packet{pts, dts, p.Hash, strings.HasPrefix(p.Flags, "K")})
	}
	return all
}

// requirePartOf looks for what was played in what was published: a run of it, with
// the same data, and times that differ by the same.
func requirePartOf(t *testing.T, published, played []packet, least int) {
	t.Helper()
	require.GreaterOrEqual(t, len(played), least)
	at := 0
	for ; at < len(published) && published[at].Hash != played[0].Hash; at++ {
	}
	require.LessOrEqual(t, at+len(played), len(published), "it starts at packet %d", at)
	require.True(t, played[0].Key)
	shift := played[0].DTS - published[at].DTS
	for i, p := range played {
		want := published[at+i]
		require.Equal(t, want.Hash, p.Hash, "packet %d of %d", i, len(played))
		require.InDelta(t, want.DTS+shift, p.DTS, 0.0021, "decode time of packet %d", i)
		require.InDelta(t, want.PTS+shift, p.PTS, 0.0021, "presentation time of packet %d", i)
		require.Equal(t, want.Key, p.Key)
	}
}

// What ffmpeg publishes is what ffmpeg, GStreamer and librtmp play, to the byte and to the
// millisecond: those that wait for the stream, those that come in the middle, over RTMP
// and over RTMPS. All of them end with the broadcast.
func TestPlaysOverRTMP(t *testing.T) {
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.flv")
	out, err := tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30000/1001:duration=7",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=7", "-c:v", "libx264", "-preset", "ultrafast",
		"-bf", "2", "-b_strategy", "0", "-g", "45", "-pix_fmt", "yuv420p", "-c:a", "aac", clip).CombinedOutput()
	require.NoError(t, err, string(out))

	g, key, end := hall(t)
	ca := filepath.Join(dir, "ca.crt")
	require.NoError(t, os.WriteFile(ca, g.certs.CA(), 0o600))
	plain := "rtmp://" + g.Addresses().RTMP + "/live/hall"
	_, port, _ := strings.Cut(g.Addresses().RTMPS, ":")
	secure := "rtmps://localhost:" + port + "/live/hall"

	type playing struct {
		file string
		cmd  *exec.Cmd
		said bytes.Buffer
	}
	var players []*playing
	play := func(name string, args ...string) *playing {
		p := &playing{file: filepath.Join(dir, fmt.Sprint(len(players), ".flv"))}
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "OUT", p.file)
		}
		p.cmd = tool(t, name, args...)
		p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
		require.NoError(t, p.cmd.Start())
		players = append(players, p)
		return p
	}
	ffmpeg := func(url string, args ...string) {
		play("ffmpeg", append(append([]string{"-v", "warning"}, args...), "-i", url, "-c", "copy", "OUT")...)
	}
	ffmpeg(plain)
	play("gst-launch-1.0", "-e", "rtmp2src", "location="+plain, "!", "filesink", "location=OUT")
	play("rtmpdump", "-q", "--live", "-r", plain, "--subscribe", "hall", "-o", "OUT")
	early := len(players)
	eventually(t, func() error {
		if n := metric(t, g, "sluice_rtmp_players"); n != float64(early) {
			return fmt.Errorf("%v players", n)
		}
		return nil
	})
	publisher := tool(t, "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", plain[:len(plain)-len("hall")]+key.Reveal())
	require.NoError(t, publisher.Start())
	eventually(t, func() error {
		if metric(t, g, "sluice_rtmp_played_bytes_total") < 20_000 {
			return fmt.Errorf("nothing is played")
		}
		return nil
	})
	ffmpeg(secure, "-ca_file", ca, "-tls_verify", "1")
	ffmpeg(plain + "/source")
	require.NoError(t, publisher.Wait())

	video, audio := packets(t, clip, "v"), packets(t, clip, "a")
	for i, p := range players {
		require.NoError(t, p.cmd.Wait(), "player %d: %s", i, &p.said)
		least := 45
		if i < early {
			least = len(video) // they were there from the start
		}
		requirePartOf(t, video, packets(t, p.file, "v"), least)
		requirePartOf(t, audio, packets(t, p.file, "a"), 60)
	}
	unknown := tool(t, "ffmpeg", "-v", "error", "-i", plain+"2", "-c", "copy", "-f", "null", "-")
	text, err := unknown.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(text), "No such stream")
	require.NoError(t, end())
}

// metric reads one number of /metrics.
func metric(t *testing.T, g *Gateway, name string) float64 {
	t.Helper()
	_, _, body, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(t, err)
			return v
		}
	}
	return math.NaN()
}
