package ingest

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
)

// bystander publishes to the second stream while others send garbage; check says
// that it was left alone.
func bystander(t *testing.T, h *harness) (check func()) {
	t.Helper()
	c := dial(t, h.plain)
	code, _ := c.publish("live", "other")
	require.Equal(t, "NetStream.Publish.Start", code)
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	r := h.doorman.sink(t, "second", 0)
	n := uint32(0)
	return func() {
		t.Helper()
		n++
		before := n
		c.picture(33*n, false)
		r.wait(t, "a picture of the other stream", func() bool { return r.count(videoTrack) == int(before)+1 })
		require.False(t, r.hasEnded())
	}
}

func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// answerTo sends bytes and returns all that comes back until the server closes.
func answerTo(t *testing.T, addr string, b []byte) string {
	t.Helper()
	c := dialRaw(t, addr)
	c.Write(b)
	c.(*net.TCPConn).CloseWrite()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := io.ReadAll(c)
	if err != nil {
		require.NotContains(t, err.Error(), "timeout")
	}
	return string(answer)
}

func TestOtherProtocols(t *testing.T) {
	h := start(t, Options{Ports: Ports{RTMPS: ":1936", RTMP: "127.0.0.1:1935", HTTP: "[::]:8080"}})
	check := bystander(t, h)

	_, err := tls.Dial("tcp", h.plain, &tls.Config{ServerName: "localhost"})
	require.ErrorContains(t, err, "handshake failure", "it need not wait for a timeout")
	h.log.wait(t, "a TLS client on the RTMP port: the encoder's server is to be rtmps://HOST:1936/live or rtmp://HOST:1935/live")
	check()

	require.Empty(t, answerTo(t, h.secure, append([]byte{3}, make([]byte, 1536)...)))
	h.log.wait(t, "a plain RTMP client on the RTMPS port: the encoder's server is to be rtmps://HOST:1936/live or rtmp://HOST:1935/live")
	check()

	request := []byte("GET /live/show HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for _, addr := range []string{h.plain, h.secure} {
		require.Contains(t, answerTo(t, addr, request), "HTTP/1.0 400 Bad Request")
	}
	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots, ServerName: "localhost"}, DisableKeepAlives: true}}
	answer, err := secure.Get("https://" + h.secure + "/live/show")
	require.NoError(t, err, "in TLS too")
	answer.Body.Close()
	require.Equal(t, 400, answer.StatusCode)
	h.log.wait(t, "an HTTP client on a port for publishers: viewers and the dashboard are at http://HOST:8080/")
	check()

	require.Empty(t, answerTo(t, h.plain, []byte{6, 1, 2, 3}))
	h.log.wait(t, "RTMPE")
	check()

	// A port check says nothing, and is told nothing.
	lines := h.log.String()
	for _, addr := range []string{h.plain, h.secure} {
		require.Empty(t, answerTo(t, addr, nil))
	}
	require.Equal(t, lines, h.log.String())
}

// RTMPE's port too says of a client without a usable key what it is.
func TestRTMPEWithoutAKey(t *testing.T) {
	h := start(t, Options{RTMPE: true})
	require.Empty(t, answerTo(t, h.plain, append([]byte{6}, make([]byte, 1536)...)))
	h.log.wait(t, "not an RTMP client: peer's RTMPE handshake has no usable key")
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.refused.WithLabelValues("not_rtmp")))
}

func TestRandomBytes(t *testing.T) {
	h := start(t, Options{})
	check := bystander(t, h)
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	for range 20 {
		b := random(5000)
		b[0] = 0xa0 // of no protocol that is known by name
		answerTo(t, h.plain, b)
		answerTo(t, h.secure, b)
		// Behind a good handshake.
		b[0] = 3
		answerTo(t, h.plain, b)
	}
	h.log.wait(t, "not an RTMP client")
	check()

	// And from a publisher.
	for range 20 {
		c := dial(t, h.plain)
		c.mustPublish()
		c.conn.Write(random(20_000))
		c.conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c.conn)
		c.conn.Close()
	}
	check()
	require.Less(t, countOf(h.log.String(), "\n"), 200, "few lines of one address")
}

// A message longer than the limit, and the longest that a header can announce.
// (Its length has 24 bits: what claims 4 GB is an AMF string.)
func TestLengthsBeyondTheLimit(t *testing.T) {
	h := start(t, Options{})
	check := bystander(t, h)
	for name, header := range map[string][]byte{
		"before publish": {6, 0, 0, 0, 0xff, 0xff, 0xff, message.TypeVideo, 1, 0, 0, 0},
		"after publish":  {6, 0, 0, 0, 0xff, 0xff, 0xff, message.TypeVideo, 1, 0, 0, 0},
		"four gigabytes": append([]byte{6, 0, 0, 0, 0, 0, 7, message.TypeDataAMF0, 1, 0, 0, 0}, 0x0c, 0xff, 0xff, 0xff, 0xff, 'a', 'b'),
	} {
		before := heap()
		c := dial(t, h.plain)
		if name != "before publish" {
			c.mustPublish()
		}
		c.conn.Write(header)
		if name == "four gigabytes" {
			// Metadata that makes no sense is passed over; the session goes on.
			c.videoConfig()
			c.audioConfig()
			c.picture(0, true)
			sinks := h.doorman.sink(t, "show", 0)
			if sinks.hasEnded() {
				sinks = h.doorman.sink(t, "show", 1)
			}
			sinks.wait(t, "a picture", func() bool { return sinks.count(videoTrack) == 1 })
			c.send(goodbye())
			c.conn.Close()
			continue
		}
		c.ended()
		h.log.wait(t, "message of 16777215 bytes")
		require.Less(t, heap()-before, int64(4<<20), name)
	}
	check()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A metadata object without end, in one message and in many chunks.
func TestEndlessMetadata(t *testing.T) {
	h := start(t, Options{})
	check := bystander(t, h)
	members := amf0.Object{}
	for range amf0.MaxValues {
		members = append(members, amf0.Pair{Key: "key", Value: 1.0})
	}
	c := dial(t, h.plain)
	c.mustPublish()
	c.send(message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", members}})
	code, _ := c.status()
	require.Equal(t, "NetStream.Publish.Failed", code)
	c.ended()
	h.log.wait(t, "AMF limit exceeded")
	check()

	// In messages that go on for ever, before publish: bounded by bytes.
	c = dial(t, h.plain)
	c.send(connectTo("live"))
	data := message.Data{Values: []any{"onMetaData", strings.Repeat("x", 10_000)}}
	for range 100 {
		if c.trySend(data) != nil {
			break
		}
	}
	h.log.wait(t, "before publish")
	c.conn.Close()
	check()
}

// Ten thousand connections that get no further than the first bytes.
func TestHalfOpenConnections(t *testing.T) {
	const many = 10_000
	h := start(t, Options{Limits: Limits{HalfOpen: 300, HalfOpenPerAddress: 200}})
	check := bystander(t, h)
	before := heap()
	open := make([]net.Conn, 0, 400)
	for i := range many {
		addr := h.plain
		if i%2 == 1 {
			addr = h.secure
		}
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		if i%2 == 0 {
			c.Write([]byte{3, 0, 0})
		} else {
			c.Write([]byte{22, 3, 1, 2, 0, 1})
		}
		if len(open) < cap(open) {
			open = append(open, c)
		} else {
			c.Close()
		}
	}
	h.log.wait(t, "too many connections of one address")
	require.Less(t, heap()-before, int64(32<<20))
	_, halfOpen, _ := h.gate.Counts()
	require.LessOrEqual(t, halfOpen, 200)
	check()
	require.Less(t, countOf(h.log.String(), "too many connections"), 10, "not a line for each")
	for _, c := range open {
		c.Close()
	}
	check()
}

// A flood of each kind of small message keeps nobody else waiting, and ends.
func TestUselessMessages(t *testing.T) {
	h := start(t, Options{})
	check := bystander(t, h)
	c := dial(t, h.plain)
	c.mustPublish()
	chunkSize := []byte{2, 0, 0, 0, 0, 0, 4, message.TypeSetChunkSize, 0, 0, 0, 0, 0, 0, 0x10, 0}
	c.conn.Write(bytes.Repeat(chunkSize, 1000))
	c.ended()
	h.log.wait(t, "to no purpose")

	c = dial(t, h.plain)
	c.send(connectTo("live"))
	for n := range 20 {
		if c.trySend(message.Command{Name: "createStream", Transaction: float64(n)}) != nil {
			break
		}
	}
	h.log.wait(t, "message streams")
	c.conn.Close()

	// Chunk streams are bounded too.
	c = dial(t, h.plain)
	c.mustPublish()
	var b []byte
	for id := range 100 {
		b = append(b, 0, byte(id), 0, 0, 0, 0, 0, 9, message.TypeAudio, 1, 0, 0, 0)
		b = append(b, 0xaf, 1, 0, 0, 0, 0, 0, 0, 0)
	}
	c.conn.Write(b)
	c.ended()
	h.log.wait(t, "chunk streams")
	check()
}
