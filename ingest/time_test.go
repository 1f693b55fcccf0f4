package ingest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/handshake"
	"sluice/ingest/message"
)

// pipes is a listener of in-memory connections.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	a, b := net.Pipe()
	p.conns <- b
	return a
}

// inBubble runs a test against a server whose clock is the bubble's.
func inBubble(t *testing.T, test func(t *testing.T, d *doorman, p *pipes, log *logBook)) {
	synctest.Test(t, func(t *testing.T) {
		d, p, log := newDoorman(map[Key]string{"secret": "show", "other": "second"}), newPipes(), newLogBook()
		s := New(Options{Admit: d, Log: log.logger()})
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error)
		go func() { served <- s.Serve(ctx, p) }()
		defer func() {
			cancel()
			require.NoError(t, <-served)
			require.True(t, s.gate.Empty(), "everyone was counted out")
			require.Empty(t, s.owners.of)
		}()
		test(t, d, p, log)
	})
}

// untilClosed reads until the peer closes, and returns how long that took.
func untilClosed(c net.Conn) time.Duration {
	start := time.Now()
	io.Copy(io.Discard, c)
	c.Close()
	return time.Since(start)
}

func TestHandshakeDeadline(t *testing.T) {
	for name, begin := range map[string][]byte{
		"nothing at all":       nil,
		"a version":            {3},
		"half of C1":           make([]byte, 700),
		"all but a byte of C2": make([]byte, 2*1536),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, _ *doorman, p *pipes, log *logBook) {
				c := p.dial()
				if begin != nil {
					begin[0] = 3
				}
				go c.Write(begin)
				require.Equal(t, 5*time.Second, untilClosed(c))
				synctest.Wait()
				require.Contains(t, log.String(), "took too long: RTMP handshake")
			})
		})
	}
	// TLS's handshake is within the same five seconds.
	synctest.Test(t, func(t *testing.T) {
		config, _ := testTLS(t)
		p, log := newPipes(), newLogBook()
		s := New(Options{Admit: newDoorman(nil), Log: log.logger()})
		served := make(chan error)
		go func() { served <- s.ServeTLS(context.Background(), p, config) }()
		c := p.dial()
		go c.Write([]byte{22, 3, 1, 2, 0, 1, 0})
		require.Equal(t, 5*time.Second, untilClosed(c))
		s.Shutdown(context.Background())
		require.NoError(t, <-served)
		require.Contains(t, log.String(), "took too long: TLS handshake")
	})
	// One byte a second is no way around it: the deadline is for all of it.
	inBubble(t, func(t *testing.T, _ *doorman, p *pipes, _ *logBook) {
		c := p.dial()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for b := byte(3); ; b = 0 {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		require.Equal(t, 5*time.Second, untilClosed(c))
		<-gone
	})
}

func TestPublishDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *doorman, p *pipes, log *logBook) {
		c := greet(t, p.dial())
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for {
				// Busy, but never to the point.
				if c.trySend(message.UserControl{Event: message.EventSetBufferLength, BufferLength: 1}) != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		// The time to read a reason comes on top, since the client doesn't close.
		require.Equal(t, 12*time.Second, untilClosed(c.conn))
		<-gone
		require.Contains(t, log.String(), "took too long: no publish")
	})
}

func TestIdle(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
		c := greet(t, p.dial())
		c.mustPublish()
		go io.Copy(io.Discard, c.conn)
		c.videoConfig()
		c.audioConfig()
		for n := range uint32(10) { // slow, but not idle
			time.Sleep(14 * time.Second)
			c.picture(n*14_000, true)
		}
		r := d.sink(t, "show", 0)
		synctest.Wait()
		require.False(t, r.hasEnded())
		start := time.Now()
		require.ErrorIs(t, r.waitEnd(t), errIdle)
		require.InDelta(t, 15, time.Since(start).Seconds(), 15/rearm)
		synctest.Wait()
		require.Contains(t, log.String(), "nothing came for too long")
	})
}

// A publisher that stalls in the middle of a message: idle like any other.
func TestStallWithinAMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
		c := greet(t, p.dial())
		c.mustPublish()
		go io.Copy(io.Discard, c.conn)
		c.videoConfig()
		c.audioConfig()
		c.picture(0, true)
		// A header that announces 1 MB, and a little of it.
		c.conn.Write(append([]byte{6, 0, 0, 0, 0x10, 0, 0, message.TypeVideo, 1, 0, 0, 0}, make([]byte, 100)...))
		start := time.Now()
		r := d.sink(t, "show", 0)
		require.ErrorIs(t, r.waitEnd(t), errIdle)
		require.InDelta(t, 15, time.Since(start).Seconds(), 15/rearm)
		require.Equal(t, 1, r.count(videoTrack))
		synctest.Wait()
	})
}

// The sequence of a publisher that hangs and comes back, at the default times.
func TestTakeoverTimes(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
		first := greet(t, p.dial())
		first.mustPublish()
		go io.Copy(io.Discard, first.conn)
		first.videoConfig()
		first.audioConfig()
		first.picture(0, true)

		// OBS is back after two seconds: let in at once.
		time.Sleep(2 * time.Second)
		second := greet(t, p.dial())
		start := time.Now()
		second.mustPublish()
		require.Zero(t, time.Since(start))
		require.ErrorIs(t, d.sink(t, "show", 0).waitEnd(t), ErrTakenOver)
		go io.Copy(io.Discard, second.conn)

		// One that is back at once waits until the silence is long enough.
		third := greet(t, p.dial())
		start = time.Now()
		third.mustPublish()
		require.InDelta(t, 1.5, time.Since(start).Seconds(), 1e-6)
		third.conn.Close()
		require.ErrorIs(t, d.sink(t, "show", 2).waitEnd(t), errGone)
		synctest.Wait()
		require.Equal(t, 2, countOf(log.String(), "another publisher took over"))
	})
}

func TestOldSinkEndsBeforeTheNewOneBegins(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, _ *logBook) {
		mayEnd := make(chan struct{})
		d.giving(func() *recording {
			r := newRecording()
			r.onEnd = func() { <-mayEnd }
			return r
		})
		first := greet(t, p.dial())
		first.mustPublish()
		go io.Copy(io.Discard, first.conn)
		time.Sleep(2 * time.Second)

		d.giving(newRecording)
		second := greet(t, p.dial())
		admitted := make(chan struct{})
		go func() { second.mustPublish(); close(admitted) }()
		time.Sleep(time.Second) // the first one's Sink is ending
		select {
		case <-admitted:
			t.Error("let in while the old Sink was ending")
		default:
		}
		close(mayEnd)
		<-admitted
		second.conn.Close()
		synctest.Wait()
	})
}

// A peer that doesn't read is given up after Write, and doesn't delay Shutdown.
func TestPeerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *doorman, p *pipes, _ *logBook) {
		conn := p.dial()
		// In memory a write waits for its reader: S0 to S2 is the first.
		start := time.Now()
		go conn.Write(append([]byte{3}, make([]byte, 1536)...))
		time.Sleep(6 * time.Second)
		_, err := handshake.Client(conn, handshake.FormSimple)
		require.Error(t, err)
		require.Equal(t, 6*time.Second, time.Since(start))
		conn.Close()
	})
}

func countOf(s, sub string) int {
	n := 0
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i:i+len(sub)] == sub {
			n++
		}
	}
	return n
}
