package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls/hlscheck"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// tag is one of a film in FLV.
type tag struct {
	at   uint32 // ms
	body []byte
	kind byte // as in FLV: 8 is audio, 9 video, 18 a script tag
}

// film encodes six seconds of a test picture and a tone.
func film(t *testing.T, ffmpeg, size string, tone int, more ...string) (tags []tag) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "film.flv")
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=" + size + ":r=30:d=6",
		"-f", "lavfi", "-i", fmt.Sprintf("sine=f=%d:r=48000:d=6", tone), "-c:v", "libx264", "-preset", "ultrafast", "-g", "30",
		"-keyint_min", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"}, more...)
	out, err := exec.CommandContext(t.Context(), ffmpeg, append(args, file)...).CombinedOutput()
	require.NoError(t, err, string(out))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	const header, tagHeader, trailer = 9 + 4, 11, 4
	for b = b[header:]; len(b) >= tagHeader; {
		size := int(binary.BigEndian.Uint32(b) & 0xFFFFFF)
		at := binary.BigEndian.Uint32(b[4:])>>8 | uint32(b[7])<<24
		if kind := b[0]; kind != 18 { // its metadata is the publisher's to send
			tags = append(tags, tag{at, b[tagHeader : tagHeader+size], kind})
		}
		b = b[tagHeader+size+trailer:]
	}
	return tags
}

// firstShown is the presentation time of a film's first picture.
func firstShown(t *testing.T, tags []tag) uint32 {
	t.Helper()
	for _, g := range tags {
		if g.kind != 9 {
			continue
		}
		v, err := flv.ParseVideo(g.body)
		require.NoError(t, err)
		if v.Packet == flv.PacketFrames {
			return g.at + uint32(v.CompositionTime)
		}
	}
	t.Fatal("no picture")
	return 0
}

// second makes a film's tags those of the second track of each kind, so much later.
func second(t *testing.T, tags []tag, later uint32) (all []tag) {
	t.Helper()
	for _, g := range tags {
		switch g.kind {
		case 8:
			a, err := flv.ParseAudio(g.body)
			require.NoError(t, err)
			a.Enhanced, a.Multitrack, a.Track = true, flv.OneTrack, 1
			g.body = a.AppendTo(nil)
		case 9:
			v, err := flv.ParseVideo(g.body)
			require.NoError(t, err)
			v.Enhanced, v.Multitrack, v.Track = true, flv.OneTrack, 1
			g.body = v.AppendTo(nil)
		default:
			continue
		}
		if g.at += later; g.body[1] == 0 {
			g.at = 0 // a configuration
		}
		all = append(all, g)
	}
	return all
}

// publishTags publishes tags at their times.
func publishTags(t *testing.T, addr, key string, metadata amf0.Object, tags []tag) (end func()) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = handshake.Client(conn, handshake.FormSimple)
	require.NoError(t, err)
	r, w := chunk.NewReader(conn, chunk.Options{}), chunk.NewWriter(conn)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			if _, err := r.ReadMessage(); err != nil {
				return
			}
		}
	}()
	send := func(m message.Message) { require.NoError(t, w.WriteMessage(m.Marshal())) }
	send(message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{
		{Key: "app", Value: "live"}, {Key: "capsEx", Value: 3.0},
	}}})
	send(message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}})
	send(message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, key, "live"}})
	send(message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", metadata}})
	start, next := time.Now(), time.NewTimer(0)
	defer next.Stop()
	for _, g := range tags {
		next.Reset(time.Until(start.Add(time.Duration(g.at) * time.Millisecond)))
		select {
		case <-next.C:
		case <-t.Context().Done():
		}
		switch g.kind {
		case 8:
			send(message.Audio{StreamID: 1, Timestamp: g.at, Body: g.body})
		case 9:
			send(message.Video{StreamID: 1, Timestamp: g.at, Body: g.body})
		case 18:
			values, err := amf0.Decode(g.body)
			require.NoError(t, err)
			send(message.Data{StreamID: 1, Timestamp: g.at, Values: values})
		}
	}
	return func() {
		send(message.Command{Name: "FCUnpublish", Transaction: 6, Args: []any{nil, key}})
		require.NoError(t, conn.Close())
		<-read
	}
}

// What OBS asks before it sends several sizes is answered with the ladder of the
// stream, and with where to publish.
func TestMultitrackConfiguration(t *testing.T) {
	c := onLoopback(t)
	own, err := rung.Parse("source,480p@900k")
	require.NoError(t, err)
	key := catalog.NewKey()
	c.Streams = []config.Stream{{Name: "hall", Key: key, Ladder: &own}}
	c.Ladder = rung.SourceSpec()
	g := open(t, c, Options{})
	serve(t, g)
	a, web := g.Addresses(), client(t, g)
	ask := func(key string) string {
		resp, err := web.Post("https://"+a.HTTPS+"/api/v1/multitrack", "application/json", strings.NewReader(`{"schema_version": "2025-01-25",
			"authentication": "`+key+`", "preferences": {"canvases": [{"width": 1280, "height": 720, "framerate": {"numerator": 30, "denominator": 1}}]}}`))
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode, string(body))
		return string(body)
	}
	_, port, err := net.SplitHostPort(a.RTMPS)
	require.NoError(t, err)
	answer := ask(key.Reveal())
	require.Contains(t, answer, `"rtmps://127.0.0.1:`+port+`/live/{stream_key}"`)
	require.NotContains(t, answer, `"rtmp://`, "plain RTMP is for this machine only")
	require.Equal(t, 2, strings.Count(answer, `"keyint_sec":2`))
	require.Contains(t, answer, `"bitrate":900,`)
	require.NotContains(t, answer, key.Reveal())
	require.Equal(t, 4, strings.Count(ask("unknown"), `"keyint_sec":2`), "what anybody gets")
}

// A publisher of two sizes and two languages: manifests list all of them, nothing is
// encoded, and a player's decoder finds no fault in the second size.
func TestMultitrackIsALadder(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	first := film(t, ffmpeg, "640x360", 440, "-bf", "2", "-b_strategy", "0")
	// Decode times start at 0, so B-frames put the first film's pictures and its sound later.
	other := film(t, ffmpeg, "320x180", 880, "-bf", "0")
	tags := second(t, other, firstShown(t, first)-firstShown(t, other))
	for _, g := range first {
		if g.kind != 18 {
			tags = append(tags, g)
		}
	}
	sort.SliceStable(tags, func(i, j int) bool { return tags[i].at < tags[j].at })

	c := onLoopback(t)
	key := catalog.NewKey()
	c.Streams = []config.Stream{{Name: "hall", Key: key}}
	g := open(t, c, Options{})
	serve(t, g)
	web := client(t, g)
	base := "http://" + g.Addresses().HTTP + "/live/hall/"
	end := publishTags(t, g.Addresses().RTMP, key.Reveal(), amf0.Object{
		{Key: "videocodecid", Value: 7.0}, {Key: "audiocodecid", Value: 10.0},
		{Key: "audioTrackIdInfoMap", Value: amf0.Object{{Key: "1", Value: amf0.Object{
			{Key: "language", Value: "de"}, {Key: "label", Value: "Deutsch"},
		}}}},
		{Key: "videoTrackIdInfoMap", Value: amf0.Object{{Key: "1", Value: amf0.Object{{Key: "width", Value: 320.0}}}}},
	}, tags)

	_, _, master, err := get(web, base+"index.m3u8")
	require.NoError(t, err)
	_, parsed, faults := hlscheck.Parse([]byte(master))
	require.Empty(t, faults)
	require.NotNil(t, parsed)
	for _, want := range []string{
		"RESOLUTION=640x360", "RESOLUTION=320x180", "source/index.m3u8", "180p/index.m3u8", `NAME="audio"`,
		`NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES`, `URI="audio2/index.m3u8"`,
	} {
		require.Contains(t, master, want)
	}
	_, _, mpd, err := get(web, base+"manifest.mpd")
	require.NoError(t, err)
	_, wrong := dashcheck.Parse(base+"manifest.mpd", []byte(mpd))
	require.Empty(t, wrong)
	require.Equal(t, 1, strings.Count(mpd, `contentType="video"`), "one set to switch within")
	require.Contains(t, mpd, `<Representation id="180p"`)
	require.Contains(t, mpd, `lang="de"`)
	_, _, metrics, err := get(web, "http://"+g.Addresses().HTTP+"/metrics")
	require.NoError(t, err)
	require.NotContains(t, metrics, `sluice_rung_frames_out_total{rung=`, "nothing is encoded")
	end()
	for _, name := range []string{"source", "180p"} {
		eventually(t, func() error {
			_, _, body, err := get(web, base+name+"/index.m3u8")
			if err == nil && strings.Count(body, "#EXTINF") < 3 {
				err = fmt.Errorf("%s", body)
			}
			return err
		})
	}
	for _, name := range []string{"source", "180p"} {
		require.InDelta(t, 180, decoded(t, ffmpeg, web, base+name+"/"), 1, name)
	}
}

// decoded lets ffmpeg look at all that a playlist lists, and counts the frames.
func decoded(t *testing.T, ffmpeg string, c *http.Client, base string) int {
	t.Helper()
	fetch := func(path string) string {
		status, _, body, err := get(c, base+path)
		require.NoError(t, err)
		require.Equal(t, 200, status)
		return body
	}
	var all bytes.Buffer
	for line := range strings.Lines(fetch("index.m3u8")) {
		line = strings.TrimSpace(line)
		if _, uri, ok := strings.Cut(line, `#EXT-X-MAP:URI="`); ok {
			line, _, _ = strings.Cut(uri, `"`)
		} else if line == "" || line[0] == '#' {
			continue
		}
		all.WriteString(fetch(line))
	}
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-xerror", "-i", "pipe:0", "-f", "framecrc", "-")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = &all, &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	require.Empty(t, said.String())
	return strings.Count(string(out), "\n0,")
}
