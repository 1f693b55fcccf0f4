package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/stretchr/testify/require"
)

// sender publishes tags as they are told to be, which no encoder would send so:
// with clocks that jump, or another picture size from one frame to the next.
type sender struct {
	t     *testing.T
	conn  net.Conn
	stop  context.CancelFunc
	whole atomic.Bool   // it stops before the next keyframe
	over  chan struct{} // closed when all is sent, or sending has ended otherwise
	err   error         // why it has, once over is closed
	spent sync.WaitGroup
}

// connect opens a session over plain RTMP with an independent client.
func (g *gateway) connect(key string) net.Conn {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := &gortmplib.Client{URL: &url.URL{Scheme: "rtmp", Host: g.rtmp, Path: "/live/" + key}, Publish: true}
	require.NoError(g.t, c.Initialize(ctx))
	return c.NetConn()
}

// send publishes the clip once, in its own time, and hangs up.
func (g *gateway) send(c clip) *sender { return g.sendTags(key, c, false) }

// loop publishes the clip over and over, as long as the test lasts.
func (g *gateway) loop(c clip) *sender { return g.loopWith(key, c) }

// loopWith does so with another key than the usual one.
func (g *gateway) loopWith(key string, c clip) *sender { return g.sendTags(key, c, true) }

func (g *gateway) sendTags(key string, c clip, again bool) *sender {
	g.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &sender{t: g.t, conn: g.connect(key), stop: stop, over: make(chan struct{})}
	s.spent.Add(2)
	go func() {
		defer s.spent.Done()
		_, _ = io.Copy(io.Discard, s.conn) // acknowledgements
	}()
	go func() {
		defer s.spent.Done()
		defer close(s.over)
		defer s.conn.Close()
		s.err = s.publish(ctx, c, again)
	}()
	g.t.Cleanup(s.end)
	return s
}

// end hangs up, in the middle of whatever is being sent.
func (s *sender) end() {
	s.stop()
	s.conn.Close()
	s.spent.Wait()
}

// endWhole hangs up where a GOP is whole. What breaks off between a picture and those
// that are shown before it leaves a hole.
func (s *sender) endWhole() {
	s.t.Helper()
	s.whole.Store(true)
	s.wait(patience)
	s.end()
}

// wait returns when all is sent.
func (s *sender) wait(longest time.Duration) {
	s.t.Helper()
	select {
	case <-s.over:
		require.NoError(s.t, s.err)
	case <-time.After(longest + patience):
		s.t.Fatal("sending doesn't end")
	}
}

func (s *sender) publish(ctx context.Context, c clip, again bool) error {
	var b []byte
	for _, g := range c.headers {
		b = appendMessage(b, g, 0)
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("send headers: %w", err)
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for loop := time.Duration(0); loop == 0 || again; loop += c.length {
		for _, g := range c.frames {
			if g.key() && s.whole.Load() {
				return nil
			}
			if wait := time.Until(start.Add(loop + g.due)); wait > 0 {
				timer.Reset(wait)
				select {
				case <-timer.C:
				case <-ctx.Done():
					return nil
				}
			}
			if _, err := s.conn.Write(appendMessage(b[:0], g, loop)); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("send at %v: %w", g.due, err)
			}
		}
	}
	return nil
}

// chunkSize is what gortmplib's client has announced.
const chunkSize = 65536

// appendMessage appends an RTMP message in chunks (RTMP 1.0 §5.3.1): a full
// header, then type 3 headers. Timestamps stay below the extended ones.
func appendMessage(dst []byte, g tag, later time.Duration) []byte {
	const chunkStream = 8 // gortmplib's client uses those up to 6
	at := uint32((g.at + later).Milliseconds())
	body := g.body
	dst = append(dst, chunkStream, byte(at>>16), byte(at>>8), byte(at),
		byte(len(body)>>16), byte(len(body)>>8), byte(len(body)), g.kind, 1, 0, 0, 0)
	for len(body) > chunkSize {
		dst = append(append(dst, body[:chunkSize]...), 0xc0|chunkStream)
		body = body[chunkSize:]
	}
	return append(dst, body...)
}
