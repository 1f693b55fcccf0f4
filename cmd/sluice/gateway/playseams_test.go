package gateway

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// told is a message of media or metadata as a player has it.
type told struct {
	kind   string // video, audio, config of either; or a script tag's name
	at     uint32
	sync   bool
	data   string
	values []any
}

// listener plays a stream, and remembers all that it is told.
type listener struct {
	mu   sync.Mutex
	told []told
	over chan struct{} // closed at the end
}

func listen(t *testing.T, addr, stream string) *listener {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = handshake.Client(c, handshake.FormSimple)
	require.NoError(t, err)
	w := chunk.NewWriter(c)
	for _, m := range []message.Message{
		message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{{Key: "app", Value: ingest.ServedApp}}}},
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "play", Transaction: 3, Args: []any{nil, stream}},
	} {
		require.NoError(t, w.WriteMessage(m.Marshal()))
	}
	l := &listener{over: make(chan struct{})}
	go func() {
		defer close(l.over)
		r := chunk.NewReader(c, chunk.Options{})
		for {
			m, err := r.ReadMessage()
			if err != nil {
				return
			}
			l.hear(t, m)
		}
	}()
	t.Cleanup(func() { c.Close(); <-l.over })
	return l
}

func (l *listener) hear(t *testing.T, m chunk.Message) {
	parsed, err := message.Parse(m)
	if err != nil {
		t.Error(err)
		return
	}
	var h told
	switch v := parsed.(type) {
	case *message.Video:
		tag, err := flv.ParseVideo(v.Body)
		if err != nil {
			t.Error(err)
		}
		h = told{kind: "video", at: v.Timestamp, sync: tag.Sync(), data: string(tag.Payload)}
		if tag.Packet == flv.PacketConfig {
			h.kind = "video config"
		}
	case *message.Audio:
		tag, err := flv.ParseAudio(v.Body)
		if err != nil {
			t.Error(err)
		}
		h = told{kind: "audio", at: v.Timestamp, data: string(tag.Payload)}
		if tag.Packet == flv.PacketConfig {
			h.kind = "audio config"
		}
	case message.Data:
		h = told{kind: fmt.Sprint(v.Values[0]), at: v.Timestamp, values: v.Values[1:]}
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, h)
}

func (l *listener) all() []told {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[:len(l.told):len(l.told)]
}

// pictures is how many there were since the newest metadata, and how wide that says they are.
func (l *listener) pictures() (width any, n int) {
	for _, h := range l.all() {
		switch h.kind {
		case "onMetaData":
			o, _ := amf0.AsObject(h.values[0])
			width, _ = o.Get("width")
			n = 0
		case "video":
			n++
		}
	}
	return width, n
}

// A player over RTMP stays through whatever is on air: the primary, the backup that takes
// over, the slate, and who comes back. Each begins with its own configurations and a
// keyframe, no time goes back, and a decoder has nothing to say.
func TestPlaysOverRTMPAcrossInputs(t *testing.T) {
	c := onLoopback(t)
	c.Ladder = rung.SourceSpec()
	c.Grace = time.Minute
	c.Continuity.Slate, c.Continuity.SlateAfter = config.SlateOn, 500*time.Millisecond
	g := open(t, c, Options{})
	end := serve(t, g)
	first, _ := g.FirstKey()
	spare, again := catalog.NewKey(), catalog.NewKey()
	edit := func(change func(s *catalog.Stream)) { editBeside(t, c.Data, change) }
	edit(func(s *catalog.Stream) {
		k := catalog.NewStreamKey(spare.Hash(), time.Now())
		k.Purpose = catalog.Backup
		s.Keys = append(s.Keys, k, catalog.NewStreamKey(again.Hash(), time.Now()))
	})
	const picture = "testsrc=size=%s:rate=10[out0];sine=r=48000[out1]"
	ended := pushPicture(t, g, first.Reveal(), fmt.Sprintf(picture, "128x72"))
	isLive(t, g, "live")
	listener := listen(t, g.Addresses().RTMP, "live")
	ffmpeg := tool(t, "ffmpeg", "-v", "error", "-i", "rtmp://"+g.Addresses().RTMP+"/live/live", "-map", "0:v", "-map", "0:a",
		"-vsync", "vfr", "-f", "null", "-")
	var said strings.Builder
	ffmpeg.Stderr = &said
	require.NoError(t, ffmpeg.Start())
	plays := func(width float64) {
		t.Helper()
		eventually(t, func() error {
			if w, n := listener.pictures(); w != width || n < 15 {
				return fmt.Errorf("%d pictures of width %v", n, w)
			}
			return nil
		})
	}
	plays(128)
	lost := pushPicture(t, g, spare.Reveal(), fmt.Sprintf(picture, "192x108"))
	eventually(t, func() error {
		if s := shows(t, g, "primary"); s.Backup == nil || s.Backup.Video == nil || s.Backup.Video.KeyframesMS == nil {
			return fmt.Errorf("the backup isn't hot: %+v", s)
		}
		return nil
	})
	edit(func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
	<-ended
	shows(t, g, "backup")
	plays(192)
	edit(func(s *catalog.Stream) { s.Keys[1].Revoked = time.Now() })
	<-lost
	before := len(listener.all())
	shows(t, g, "slate")
	eventually(t, func() error {
		if n := len(listener.all()); n < before+20 {
			return fmt.Errorf("%d messages of the slate", n-before)
		}
		return nil
	})
	pushPicture(t, g, again.Reveal(), fmt.Sprintf(picture, "128x72"))
	shows(t, g, "primary")
	plays(128)
	require.NoError(t, end())
	<-listener.over
	require.NoError(t, ffmpeg.Wait())
	for _, complaint := range []string{"[", "rror while"} { // beside the connection's end
		require.NotContains(t, said.String(), complaint)
	}
	requireSeams(t, listener.all(), 128, 192, 192, 128)
}

// requireSeams says that a player was told of pictures of these widths, one after the
// other, with what a decoder needs at each seam.
func requireSeams(t *testing.T, all []told, widths ...float64) {
	t.Helper()
	var got []float64
	last := map[string]uint32{}
	fresh := map[string]bool{} // since the newest metadata, of that kind nothing came
	var newest uint32
	for i, h := range all {
		require.GreaterOrEqual(t, h.at, last[h.kind], "message %d, %s", i, h.kind)
		last[h.kind] = h.at
		switch h.kind {
		case "onMetaData":
			o, _ := amf0.AsObject(h.values[0])
			width, _ := o.Number("width")
			got = append(got, width)
			fresh["video"], fresh["audio"] = true, true
			require.True(t, i == 0 || h.at > newest, "message %d: a seam takes time", i)
		case "video config", "audio config":
			require.NotEmpty(t, h.data)
			kind, _, _ := strings.Cut(h.kind, " ")
			require.True(t, fresh[kind], "message %d: a second %s", i, h.kind)
			fresh[kind] = false
			next := all[i+1]
			require.Equal(t, kind, next.kind, "message %d", i+1)
			require.True(t, next.sync || kind == "audio", "message %d: no keyframe", i+1)
		case "video", "audio":
			require.False(t, fresh[h.kind], "message %d: %s without a configuration", i, h.kind)
			newest = max(newest, h.at)
		}
	}
	require.Equal(t, widths, got)
	require.False(t, fresh["video"] || fresh["audio"])
}
