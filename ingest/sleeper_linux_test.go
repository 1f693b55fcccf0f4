package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sluice/ingest/chunk"
	"sluice/ingest/message"
)

// tcpPair is a connection over loopback, its receiving end as a socket.
func tcpPair(t *testing.T, encrypted bool, l Limits) (net.Conn, *socket) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	near, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { far.Close(); near.Close() })
	l.setDefaults()
	s := newSocket(near, encrypted, &l, newCounters(nil), time.Now())
	s.phase(0)
	return far, s
}

// option waits until a socket's state is as told.
func await(t *testing.T, s *socket, what string, ok func(fd int) bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		good := false
		require.NoError(t, s.sleeper.raw.Control(func(fd uintptr) { good = ok(int(fd)) }))
		if good {
			return
		}
		require.True(t, time.Now().Before(deadline), "waited in vain for %s", what)
		runtime.Gosched()
	}
}

func asleepFor(n int) func(fd int) bool {
	return func(fd int) bool {
		low, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT)
		return err == nil && low == n
	}
}

func queued(n int) func(fd int) bool {
	return func(fd int) bool {
		have, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
		return err == nil && have == n
	}
}

type result struct {
	n   int
	err error
}

func readOnce(s *socket) chan result {
	out := make(chan result, 1)
	go func() {
		n, err := s.Read(make([]byte, 4096))
		out <- result{n, err}
	}()
	return out
}

func TestSleepsUntilWhatIsMissingIsThere(t *testing.T) {
	far, s := tcpPair(t, false, Limits{})
	s.setWant(1000)
	got := readOnce(s)
	await(t, s, "sleep", asleepFor(1000))
	far.Write(make([]byte, 100))
	await(t, s, "arrival", queued(100))
	far.Write(make([]byte, 900))
	require.Equal(t, result{1000, nil}, <-got, "one wakeup for both")

	// What is unknown is waited for byte by byte.
	s.setWant(0)
	got = readOnce(s)
	await(t, s, "light sleep", asleepFor(1))
	far.Write([]byte{1})
	require.Equal(t, result{1, nil}, <-got)

	// And more than the kernel would hold isn't waited for.
	s.setWant(8 << 20)
	got = readOnce(s)
	await(t, s, "sleep", asleepFor(maxLowWater))
	far.Write(make([]byte, maxLowWater))
	require.Equal(t, result{4096, nil}, <-got)
}

func TestSleepEndsWithTheConnection(t *testing.T) {
	far, s := tcpPair(t, false, Limits{})
	s.setWant(1000)
	got := readOnce(s)
	await(t, s, "sleep", asleepFor(1000))
	far.Write(make([]byte, 100))
	far.(*net.TCPConn).CloseWrite()
	require.Equal(t, result{100, nil}, <-got)
	require.Equal(t, result{0, io.EOF}, <-readOnce(s))

	far, s = tcpPair(t, false, Limits{})
	s.setWant(1000)
	got = readOnce(s)
	await(t, s, "sleep", asleepFor(1000))
	far.(*net.TCPConn).SetLinger(0)
	far.Close() // a reset
	require.ErrorIs(t, (<-got).err, unix.ECONNRESET)

	_, s = tcpPair(t, false, Limits{Idle: time.Hour})
	s.setWant(1000)
	got = readOnce(s)
	await(t, s, "sleep", asleepFor(1000))
	s.interrupt()
	require.ErrorIs(t, (<-got).err, os.ErrDeadlineExceeded)
	require.ErrorIs(t, (<-readOnce(s)).err, os.ErrDeadlineExceeded)
	s.arm(time.Now()) // as a read at that very moment would
	select {
	case r := <-readOnce(s):
		require.ErrorIs(t, r.err, os.ErrDeadlineExceeded)
	case <-time.After(20 * time.Second):
		t.Fatal("an interrupted socket reads on")
	}
}

// A publisher so slow that a message takes longer than the idle time isn't idle,
// and its rivals hear that it lives.
func TestSlowIsNotIdle(t *testing.T) {
	far, s := tcpPair(t, false, Limits{Idle: 300 * time.Millisecond})
	s.epoch = s.epoch.Add(-time.Hour)
	s.setWant(1000)
	got := readOnce(s)
	await(t, s, "sleep", asleepFor(1000))
	far.Write(make([]byte, 100))
	await(t, s, "arrival", queued(100))
	require.Less(t, s.silence(), 10*time.Minute)
	require.Equal(t, result{100, nil}, <-got)
	require.ErrorIs(t, (<-readOnce(s)).err, os.ErrDeadlineExceeded, "now it is")
}

// Whatever pieces a publisher sends a message in, and however TLS cuts those
// into records: each message is read without a byte of the next one.
func TestNoMessageWaitsForTheNext(t *testing.T) {
	for _, version := range []uint16{0, tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			far, s := tcpPair(t, version != 0, Limits{Idle: time.Hour})
			var near net.Conn = s
			if version != 0 {
				config, roots := testTLS(t)
				near = tls.Server(s, config)
				far = tls.Client(far, &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: version})
			}
			seen := make(chan int)
			go func() {
				defer close(seen)
				r := chunk.NewReader(near, chunk.Options{Want: s.setWant})
				for {
					m, err := r.ReadMessage()
					if err != nil {
						if !errors.Is(err, io.EOF) {
							t.Error(err)
						}
						return
					}
					seen <- len(m.Body)
				}
			}()
			rnd := rand.New(rand.NewPCG(5, uint64(version)))
			w := chunk.NewWriter(io.Discard)
			for range 400 {
				n := 1 + rnd.IntN(1<<(4+rnd.IntN(15)))
				var b []byte
				if rnd.IntN(10) == 0 {
					b, _ = w.AppendMessage(b, message.SetChunkSize{Size: uint32(1 + rnd.IntN(1<<(7+rnd.IntN(10))))}.Marshal())
				}
				b, err := w.AppendMessage(b, message.Video{StreamID: 1, Body: make([]byte, n)}.Marshal())
				require.NoError(t, err)
				for len(b) > 0 {
					k := min(len(b), 1+rnd.IntN(1+len(b)))
					_, err := far.Write(b[:k])
					require.NoError(t, err)
					b = b[k:]
					if rnd.IntN(3) == 0 {
						runtime.Gosched()
					}
				}
				select {
				case got := <-seen:
					require.Equal(t, n, got)
				case <-time.After(20 * time.Second):
					t.Fatalf("a message of %d bytes isn't read", n)
				}
			}
			far.Close()
			<-seen
		})
	}
}

// TestLineIsTold looks at what the kernel says of a connection: its round-trip time, and
// what has come and isn't read yet, which is what a session leaves that is held up.
func TestLineIsTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := start(t, Options{Metrics: registry})
	stuck, freed := make(chan struct{}), make(chan struct{})
	h.doorman.giving(func() *recording {
		r, once := newRecording(), sync.Once{}
		r.onWrite = func(context.Context) error {
			once.Do(func() { close(stuck); <-freed })
			return nil
		}
		return r
	})
	c := dial(t, h.plain)
	c.mustPublish()
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	c.sound(0)
	<-stuck
	const more = 20 * 10_000
	for n := range 20 {
		c.send(message.Video{StreamID: 1, Timestamp: uint32(n+1) * 33, Body: pictureTag(false, 0, 10_000)})
	}
	var s Status
	require.Eventually(t, func() bool { s, _ = h.Status("show", false); return s.Queue > more/2 }, time.Minute, time.Millisecond)
	require.Positive(t, s.RTT)
	require.Less(t, s.RTT, time.Minute)
	n, err := testutil.GatherAndCount(registry, "sluice_publisher_round_trip_seconds", "sluice_publisher_receive_queue_bytes")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	close(freed)
	require.Eventually(t, func() bool { s, _ = h.Status("show", false); return s.Queue == 0 }, time.Minute, time.Millisecond)
}
