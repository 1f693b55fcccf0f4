package gateway

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
	"sluice/packager"
	"sluice/storage/journal/memory"
)

// TestTenThousandReconnects lets a publisher come and go: each time there is a
// picture, and no goodbye. Nothing is left of it but the window.
func TestTenThousandReconnects(t *testing.T) {
	const warm, reconnects = 1000, 10_000
	ctx, cancel := context.WithCancel(t.Context())
	journal := memory.New(memory.Options{})
	pack := packager.New(journal, packager.Options{})
	server := ingest.New(ingest.Options{Admit: admits(func() ingest.Grant {
		return ingest.Grant{Stream: "live", Sink: pack.Stream("live", packager.Settings{})}
	})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, l) })
	serving.Go(func() { _ = pack.Serve(ctx) })
	defer serving.Wait()
	defer cancel()

	come := func(n int) {
		for range n {
			glance(t, l.Addr().String())
		}
		require.Eventually(t, func() bool { return len(server.Statuses()) == 0 }, time.Minute, time.Millisecond)
	}
	come(warm) // caches, pools, the window
	goroutines, files, heap := left()
	come(reconnects)
	require.Eventually(t, func() bool {
		g, f, _ := left()
		return g <= goroutines+5 && f <= files+5
	}, time.Minute, 10*time.Millisecond, "goroutines or descriptors are left")
	feed, err := journal.Follow(ctx, "live")
	require.NoError(t, err)
	require.Greater(t, feed.Current().Next.Epoch, uint64(warm+reconnects), "each one was taken in")
	_, _, now := left()
	require.Less(t, now-heap, int64(8<<20), "memory is left")
}

// left counts goroutines, descriptors and bytes on the heap.
func left() (goroutines, files int, heap int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		open = nil // not everywhere is Linux
	}
	return runtime.NumGoroutine(), len(open), int64(m.HeapAlloc)
}

// glance publishes one picture and hangs up.
func glance(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	_, err = handshake.Client(c, handshake.FormSimple)
	require.NoError(t, err)
	record := flv.AVCConfig{Profile: sps[1], Compatibility: sps[2], Level: sps[3], LengthSize: 4, SPS: [][]byte{sps}, PPS: [][]byte{pps}}
	tag := func(packet flv.Packet, data []byte) []byte {
		return flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: packet, Payload: data}.AppendTo(nil)
	}
	var all []chunk.Message
	for _, m := range []message.Message{
		message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{{Key: "app", Value: ingest.ServedApp}}}},
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}},
		message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", amf0.Object{{Key: "videocodecid", Value: 7.0}}}},
		message.Video{StreamID: 1, Body: tag(flv.PacketConfig, record.AppendTo(nil))},
		message.Video{StreamID: 1, Body: tag(flv.PacketFrames, idr)},
	} {
		all = append(all, m.Marshal())
	}
	require.NoError(t, chunk.NewWriter(c).WriteMessage(all...))
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	_, err = io.Copy(io.Discard, c) // until the session is over
	_ = err                         // it may be reset: what it is told isn't read
}
