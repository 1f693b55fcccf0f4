package ingest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/media"
)

// TestFiftyGoodStreamsBesideBadOnes publishes fifty streams, and beside them all that
// a bad publisher may do. Every picture of the good ones comes through, in order, and
// none of them ends.
func TestFiftyGoodStreamsBesideBadOnes(t *testing.T) {
	const good, frames = 50, 300
	keys := map[Key]string{}
	for n := range good {
		keys[Key(fmt.Sprintf("good-%d", n))] = fmt.Sprintf("stream-%d", n)
	}
	for n := range len(mischief) {
		keys[Key(fmt.Sprintf("bad-%d", n))] = fmt.Sprintf("bad-%d", n)
	}
	doorman := newDoorman(keys)
	h := start(t, Options{Admit: doorman, Limits: Limits{Bitrate: 2_000_000}})
	clients := make([]*client, good)
	for n := range clients {
		clients[n] = dial(t, h.plain)
		code, description := clients[n].publish("live", fmt.Sprintf("good-%d", n))
		require.Equal(t, "NetStream.Publish.Start", code, description)
		clients[n].videoConfig()
	}
	bad := make(chan struct{})
	go func() {
		defer close(bad)
		var all sync.WaitGroup
		for n, m := range mischief {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), 4))
				for range 20 {
					m.do(h, fmt.Sprintf("bad-%d", n), random)
				}
			})
		}
		all.Wait()
	}()
	sent := 0
	for over := false; sent < frames || !over; sent++ { // to the end of the mischief
		for n, c := range clients {
			c.send(message.Video{StreamID: 1, Timestamp: uint32(40 * sent), Body: stamped(n, sent)})
		}
		select {
		case <-bad:
			over = true
		default:
		}
	}
	for n := range clients {
		r := doorman.sink(t, fmt.Sprintf("stream-%d", n), 0)
		r.wait(t, "every picture", func() bool { return r.count(videoTrack) == sent })
		require.False(t, r.hasEnded(), n)
		require.Len(t, r.epochs, 1, "no seam")
		for i, sample := range r.epochs[0].samples[videoTrack] {
			if want := stamped(n, i)[5:]; !bytes.Equal(want, sample.Data) || sample.DTS != media.Ticks(3600*i) {
				t.Fatalf("stream %d, picture %d: at %d, %x", n, i, sample.DTS, sample.Data)
			}
		}
	}
	require.GreaterOrEqual(t, len(h.Statuses()), good)
	// And the mischief was one. What hangs up at once may be read by nobody: it is done again.
	random := rand.New(rand.NewPCG(5, 4))
	for name, count := range map[string]prometheus.Collector{
		"malformed": h.counts.dropped.WithLabelValues(dropMalformed),
		"bitrate":   h.counts.ends.WithLabelValues("bitrate"),
		"jumps":     h.counts.jumps,
	} {
		require.Eventually(t, func() bool {
			for n, m := range mischief {
				if testutil.ToFloat64(count) > 0 {
					break
				}
				m.do(h, fmt.Sprintf("bad-%d", n), random)
			}
			return testutil.ToFloat64(count) > 0
		}, time.Minute, 10*time.Millisecond, name)
	}
	for _, c := range clients {
		c.send(goodbye())
		c.conn.Close()
	}
}

// stamped is a picture of a stream with its number in it, a keyframe now and then.
func stamped(stream, n int) []byte {
	unit := slice(nalSlice, 100)
	frame := flv.FrameInter
	if n%25 == 0 {
		unit, frame = slice(nalIDR, 100), flv.FrameKey
	}
	binary.BigEndian.PutUint32(unit[10:], uint32(stream)|1<<31)
	binary.BigEndian.PutUint32(unit[20:], uint32(n)|1<<31)
	return flv.VideoTag{Frame: frame, Codec: flv.VideoAVC, Packet: flv.PacketFrames, Payload: nal(unit)}.AppendTo(nil)
}

// mischief is what publishers do to a server, each time on a new connection. What
// goes wrong for them is theirs.
var mischief = []struct {
	name string
	do   func(h *harness, key string, random *rand.Rand)
}{
	{"NAL units with wrong lengths", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) {
			c.trySend(message.Video{StreamID: 1, Body: avcConfigTag()})
			for n := range 50 {
				body := pictureTag(n == 0, 0, 200)
				body[5+random.IntN(4)] ^= byte(1 + random.IntN(255))
				c.trySend(message.Video{StreamID: 1, Timestamp: uint32(33 * n), Body: body})
			}
		})
	}},
	{"no parameter sets", func(h *harness, key string, _ *rand.Rand) {
		misbehave(h, key, func(c *client) {
			for n := range 50 {
				c.trySend(message.Video{StreamID: 1, Timestamp: uint32(33 * n), Body: pictureTag(n == 0, 0, 200)})
			}
		})
	}},
	{"parameter sets of rubbish", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) {
			for n := range 50 {
				c.trySend(message.Video{StreamID: 1, Timestamp: uint32(n), Body: videoConfigTag(noise(random, 40))})
				c.trySend(message.Audio{StreamID: 1, Timestamp: uint32(n), Body: audioConfigTag(noise(random, 5))})
			}
		})
	}},
	{"truncated sound", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) {
			c.trySend(message.Audio{StreamID: 1, Body: aacConfigTag()})
			for n := range 50 {
				c.trySend(message.Audio{StreamID: 1, Timestamp: uint32(21 * n), Body: soundTag(50)[:random.IntN(5)]})
			}
		})
	}},
	{"tags of rubbish", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) {
			for n := range 100 {
				c.trySend(message.Video{StreamID: 1, Timestamp: uint32(n), Body: noise(random, 1+random.IntN(100))})
				c.trySend(message.Audio{StreamID: 1, Timestamp: uint32(n), Body: noise(random, 1+random.IntN(100))})
			}
		})
	}},
	{"a clock that jumps about", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) {
			c.trySend(message.Video{StreamID: 1, Body: avcConfigTag()})
			for range 100 {
				c.trySend(message.Video{StreamID: 1, Timestamp: random.Uint32(), Body: pictureTag(true, int32(random.Uint32()), 100)})
			}
		})
	}},
	{"ten times the bitrate", func(h *harness, key string, _ *rand.Rand) {
		misbehave(h, key, func(c *client) {
			c.trySend(message.Video{StreamID: 1, Body: avcConfigTag()})
			for n := range 40 {
				if c.trySend(message.Video{StreamID: 1, Timestamp: uint32(33 * n), Body: pictureTag(true, 0, 100_000)}) != nil {
					return
				}
			}
		})
	}},
	{"bytes of rubbish from a publisher", func(h *harness, key string, random *rand.Rand) {
		misbehave(h, key, func(c *client) { c.conn.Write(noise(random, 20_000)) })
	}},
	{"bytes of rubbish from a stranger", func(h *harness, _ string, random *rand.Rand) {
		for _, addr := range []string{h.plain, h.secure} {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Write(noise(random, 5000))
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
				c.Close()
			}
		}
	}},
	{"handshakes that are broken off", func(h *harness, _ string, _ *rand.Rand) {
		if c, err := net.Dial("tcp", h.plain); err == nil {
			c.Write([]byte{3, 1, 2, 3})
			c.Close()
		}
	}},
	{"a flood of TLS handshakes", func(h *harness, _ string, _ *rand.Rand) {
		for range 5 {
			if c, err := tls.Dial("tcp", h.secure, &tls.Config{RootCAs: h.roots, ServerName: "localhost"}); err == nil {
				c.Close()
			}
		}
	}},
}

// misbehave publishes, does something, and hangs up.
func misbehave(h *harness, key string, do func(*client)) {
	conn, err := net.Dial("tcp", h.plain)
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := handshake.Client(conn, handshake.FormSimple); err != nil {
		return
	}
	c := &client{conn: conn, w: chunk.NewWriter(conn)}
	go io.Copy(io.Discard, conn) // what it is told isn't read
	c.trySend(connectTo("live"), message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, key, "live"}})
	do(c)
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
