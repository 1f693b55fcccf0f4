package gateway

import (
	"context"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/amf0"
	"sluice/ingest/flv"
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
	send, heard := publishing(t, c)
	send(
		message.Data{StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", amf0.Object{{Key: "videocodecid", Value: 7.0}}}},
		shotConfig(0), shot(0, flv.FrameKey, 0, idr),
	)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	<-heard // the session is over
}
