package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/gate"
	"sluice/ingest/message"
)

// everyFew is how often a slow-loris sends a byte: often enough not to be idle.
const everyFew = 3 * time.Second

// trickle writes bytes one at a time until it's hung up on; the channel says how many
// the other side took.
func trickle(c net.Conn, b []byte) (took <-chan int) {
	done := make(chan int, 1)
	go func() {
		for n := range b {
			if _, err := c.Write(b[n : n+1]); err != nil {
				done <- n
				return
			}
			time.Sleep(everyFew)
		}
		done <- len(b)
	}()
	return done
}

// neighbour publishes to the second stream, a picture a second, while a test goes on;
// the function that it returns ends that, and says that each of them came through.
func neighbour(t *testing.T, d *doorman, p *pipes) (unharmed func()) {
	t.Helper()
	c := greet(t, p.dial())
	code, description := c.publish("live", "other")
	require.Equal(t, "NetStream.Publish.Start", code, description)
	go io.Copy(io.Discard, c.conn)
	c.videoConfig()
	var stop atomic.Bool
	sent := make(chan int)
	go func() {
		n := 0
		for ; !stop.Load(); n++ {
			m := message.Video{StreamID: 1, Timestamp: uint32(1000 * n), Body: pictureTag(true, 0, 100)}
			if c.trySend(m) != nil {
				break
			}
			time.Sleep(time.Second)
		}
		sent <- n
	}()
	return func() {
		t.Helper()
		stop.Store(true)
		n := <-sent
		synctest.Wait()
		r := d.sink(t, "second", 0)
		require.GreaterOrEqual(t, n, 3)
		r.wait(t, "every picture", func() bool { return r.count(videoTrack) == n })
		require.False(t, r.hasEnded())
		c.send(goodbye())
		c.conn.Close()
		synctest.Wait()
	}
}

// clientHello is what a TLS client says first.
func clientHello() []byte {
	var hello recorder
	tls.Client(&hello, &tls.Config{ServerName: "localhost"}).Handshake()
	return hello.Bytes()
}

// recorder is a connection whose other side says nothing.
type recorder struct {
	net.Conn
	bytes.Buffer
}

func (r *recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (r *recorder) Write(b []byte) (int, error)      { return r.Buffer.Write(b) }
func (r *recorder) Close() error                     { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

func TestSlowLorisInTLS(t *testing.T) {
	hello := clientHello()
	require.Greater(t, len(hello), 100)
	synctest.Test(t, func(t *testing.T) {
		config, _ := testTLS(t)
		d, plain, secure, log := newDoorman(map[Key]string{"other": "second"}), newPipes(), newPipes(), newLogBook()
		s := New(Options{Admit: d, Log: log.logger()})
		served := make(chan error)
		go func() { served <- s.Serve(context.Background(), plain) }()
		go func() { served <- s.ServeTLS(context.Background(), secure, config) }()
		unharmed := neighbour(t, d, plain)

		c := secure.dial()
		took := trickle(c, hello)
		require.Equal(t, 5*time.Second, untilClosed(c))
		require.Equal(t, 2, <-took)
		synctest.Wait()
		require.Contains(t, log.String(), "took too long: TLS handshake")

		// One that is done with TLS in time has the rest of the same five seconds.
		time.Sleep(gate.LineEvery) // for a line of its own
		raw := secure.dial()
		inner := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		start := time.Now()
		time.Sleep(2 * time.Second)
		require.NoError(t, inner.Handshake())
		took = trickle(inner, append([]byte{3}, make([]byte, 1536)...))
		io.Copy(io.Discard, inner)
		raw.Close()
		require.Equal(t, 5*time.Second, time.Since(start))
		<-took
		synctest.Wait()
		require.Contains(t, log.String(), "took too long: RTMP handshake")
		unharmed()
		s.Shutdown(context.Background())
		require.NoError(t, <-served)
		require.NoError(t, <-served)
	})
}

func TestSlowLorisInTheHandshake(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
		unharmed := neighbour(t, d, p)
		c := p.dial()
		took := trickle(c, append([]byte{3}, make([]byte, 1536)...))
		require.Equal(t, 5*time.Second, untilClosed(c))
		require.Equal(t, 2, <-took)
		synctest.Wait()
		require.Contains(t, log.String(), "took too long: RTMP handshake")
		unharmed()
	})
}

// In the chunks of a stranger, whatever they are: the time to publish is for all of it.
func TestSlowLorisInChunks(t *testing.T) {
	connect, err := chunk.NewWriter(nil).AppendMessage(nil, connectTo("live").Marshal())
	require.NoError(t, err)
	empty := bytes.Repeat([]byte{6, 0, 0, 0, 0, 0, 0, message.TypeAudio, 0, 0, 0, 0}, 100) // messages of nothing
	for name, b := range map[string][]byte{"connect": connect, "empty messages": empty} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
				unharmed := neighbour(t, d, p)
				c := greet(t, p.dial())
				took := trickle(c.conn, b)
				require.LessOrEqual(t, untilClosed(c.conn), 12*time.Second, "ten, and two to read why")
				<-took
				synctest.Wait()
				require.Contains(t, log.String(), "took too long: no publish")
				unharmed()
			})
		})
	}
}

// In a publisher's chunks. It's not idle, but its message is never finished.
func TestSlowLorisThatPublishes(t *testing.T) {
	inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
		unharmed := neighbour(t, d, p)
		c := greet(t, p.dial())
		c.mustPublish()
		go io.Copy(io.Discard, c.conn)
		c.videoConfig()
		c.picture(0, true)
		// Slow, and yet each message is finished in time: as long as it likes.
		slow, err := chunk.NewWriter(nil).AppendMessage(nil, message.Video{ChunkStreamID: 9, StreamID: 1, Timestamp: 1000, Body: pictureTag(true, 0, 20)}.Marshal())
		require.NoError(t, err)
		c.conn.Write(slow[:len(slow)-18]) // the last 18 bytes take 54 seconds
		<-trickle(c.conn, slow[len(slow)-18:])
		c.picture(1033, true)
		time.Sleep(14 * time.Second)
		c.picture(1066, true)
		r := d.sink(t, "show", 0)
		synctest.Wait()
		require.Equal(t, 4, r.count(videoTrack), log.String())
		require.False(t, r.hasEnded())

		start := time.Now()
		took := trickle(c.conn, append([]byte{10, 0, 0, 0, 0x10, 0, 0, message.TypeVideo, 1, 0, 0, 0}, make([]byte, 100)...))
		time.Sleep(50 * time.Second)
		require.False(t, r.hasEnded())
		require.ErrorIs(t, r.waitEnd(t), errIdle)
		require.InDelta(t, 60, time.Since(start).Seconds(), 1)
		synctest.Wait()
		require.Contains(t, log.String(), "no message was finished")
		c.conn.Close()
		<-took
		unharmed()
	})
}

// In AMF: commands that are whole, and as deep, long and many as a value may be, or
// that never end. Bytes and time before publish are bounded, whatever they say.
func TestSlowLorisInAMF(t *testing.T) {
	nested := any(amf0.Object{{Key: "x", Value: strings.Repeat("y", 100)}})
	for range amf0.MaxDepth - 2 {
		nested = amf0.Object{{Key: "x", Value: nested}}
	}
	var wide amf0.Object
	for range amf0.MaxValues / 2 {
		wide = append(wide, amf0.Pair{Key: "k", Value: 1.0})
	}
	// never is a connect of 60 kB, in chunks, whose object has no end.
	body := append(message.Command{Name: "connect", Transaction: 1}.Marshal().Body, 3)
	body = append(body, bytes.Repeat([]byte{0, 1, 'k', 0, 0, 0, 0, 0, 0, 0, 0, 0}, 60_000/12)...)
	never, err := chunk.NewWriter(nil).AppendMessage(nil, chunk.Message{ChunkStreamID: 3, Type: message.TypeCommandAMF0, Body: body})
	require.NoError(t, err)
	const piece = 129 // a chunk, most of the time
	for name, send := range map[string]func(c *client, n int) error{
		"nested objects": func(c *client, n int) error {
			return c.trySend(message.Command{Name: "releaseStream", Transaction: float64(n), Args: []any{nested}})
		},
		"wide objects": func(c *client, n int) error {
			return c.trySend(message.Command{Name: "releaseStream", Transaction: float64(n), Args: []any{wide}})
		},
		"long strings": func(c *client, n int) error {
			return c.trySend(message.Command{Name: "releaseStream", Transaction: float64(n), Args: []any{strings.Repeat("s", 10_000)}})
		},
		"an object without end": func(c *client, n int) error {
			at := n * piece
			if at+2*piece > len(never) {
				io.Copy(io.Discard, c.conn) // and never the rest
				return io.EOF
			}
			_, err := c.conn.Write(never[at : at+piece])
			return err
		},
	} {
		for _, every := range []time.Duration{0, time.Second} { // as fast as it goes, and slowly
			t.Run(name+" every "+every.String(), func(t *testing.T) {
				inBubble(t, func(t *testing.T, d *doorman, p *pipes, log *logBook) {
					unharmed := neighbour(t, d, p)
					c := greet(t, p.dial())
					gone := make(chan struct{})
					go func() {
						defer close(gone)
						for n := 0; send(c, n) == nil; n++ {
							time.Sleep(every)
						}
					}()
					require.LessOrEqual(t, untilClosed(c.conn), 12*time.Second)
					<-gone
					synctest.Wait()
					text := log.String()
					require.True(t, strings.Contains(text, "took too long: no publish") ||
						strings.Contains(text, "limit exceeded") || strings.Contains(text, "malformed"), "%s", text)
					time.Sleep(5 * time.Second)
					unharmed()
				})
			})
		}
	}
}

// elsewhere is a connection from an address.
type elsewhere struct {
	net.Conn
	addr net.TCPAddr
}

func (e *elsewhere) RemoteAddr() net.Addr { return &e.addr }

// A slow-loris from many addresses fills the gate, and goes on and on. Whoever means to
// publish gets in all the same: the oldest of those that don't makes room.
func TestSlowLorisFromManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, loris = 50, 1000
		d, p, log := newDoorman(map[Key]string{"secret": "show", "other": "second"}), newPipes(), newLogBook()
		s := New(Options{Admit: d, Log: log.logger(), Limits: Limits{HalfOpen: room, Handshake: time.Hour}})
		served := make(chan error)
		go func() { served <- s.Serve(context.Background(), p) }()
		unharmed := neighbour(t, d, p)
		var slow []net.Conn
		for n := range loris {
			near, far := net.Pipe()
			p.conns <- &elsewhere{far, net.TCPAddr{IP: net.IPv4(198, 51, byte(n>>8), byte(n)), Port: 1}}
			go near.Write([]byte{3})
			slow = append(slow, near)
			time.Sleep(50 * time.Millisecond)
			if n%100 != 99 {
				continue
			}
			c := greet(t, p.dial())
			c.mustPublish()
			c.send(goodbye())
			c.conn.Close()
			require.NoError(t, d.sink(t, "show", n/100).waitEnd(t))
		}
		synctest.Wait()
		_, halfOpen, _ := s.gate.Counts()
		require.Equal(t, room-1, halfOpen, "the last publisher left a place")
		require.Equal(t, float64(loris-room+1), testutil.ToFloat64(s.counts.refused.WithLabelValues("evicted")))
		require.Equal(t, 1, strings.Count(log.String(), "the oldest one made room"), "%s", log)
		unharmed()
		s.Shutdown(context.Background())
		require.NoError(t, <-served)
		for _, c := range slow {
			c.Close()
		}
		require.True(t, s.gate.Empty())
	})
}
