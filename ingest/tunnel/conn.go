package tunnel

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a session as its reader sees it: a connection. What the client sends comes
// by a pipe, what it is to hear waits for its next request.
type conn struct {
	net.Conn // the pipe's far end: deadlines and reads
	near     net.Conn
	remote   net.Addr
	local    net.Addr
	tls      *tls.ConnectionState // HTTP's; nil without
	ended    func()               // forgets the session

	mu       sync.Mutex
	out      []byte
	deadline time.Time     // of writes
	changed  chan struct{} // closed and replaced when anything here changes
	reading  bool          // the reader waits for bytes
	fed      int64         // bytes that requests brought
	taken    int64         // and of those, what the reader has
	closed   bool
}

func newConn(local, remote net.Addr, secure *tls.ConnectionState) *conn {
	near, far := net.Pipe()
	return &conn{Conn: far, near: near, local: local, remote: remote, tls: secure, changed: make(chan struct{})}
}

// LocalAddr implements net.Conn: the HTTP server's.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn: the HTTP client's when it opened the session.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// Protocol names the tunnel, rtmpt or rtmpts, for logs.
func (c *conn) Protocol() string {
	if c.tls != nil {
		return "rtmpts"
	}
	return "rtmpt"
}

// TLS is that of the request which opened the session; nil for RTMPT.
func (c *conn) TLS() *tls.ConnectionState { return c.tls }

// wake tells whoever waits; mu is held.
func (c *conn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.setReading(true, 0)
	n, err := c.Conn.Read(p)
	c.setReading(false, n)
	return n, err
}

func (c *conn) setReading(now bool, took int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = now
	c.taken += int64(took)
	c.wake()
}

// Write implements net.Conn. It waits for the client to fetch what is too much.
func (c *conn) Write(p []byte) (int, error) {
	done := 0
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return done, net.ErrClosed
		}
		n := min(len(p)-done, maxOut-len(c.out))
		if n > 0 {
			c.out = append(c.out, p[done:done+n]...)
			done += n
			c.wake()
		}
		changed, deadline := c.changed, c.deadline
		c.mu.Unlock()
		if done == len(p) {
			return done, nil
		}
		if err := await(changed, deadline); err != nil {
			return done, err
		}
	}
}

// await waits for a change, until the deadline; zero is none.
func await(changed <-chan struct{}, deadline time.Time) error {
	if deadline.IsZero() {
		<-changed
		return nil
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.wake()
	return nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite says that nothing more comes. The client hears the rest by its next
// requests, as long as the connection isn't closed.
func (c *conn) CloseWrite() error { return nil }

// Close implements net.Conn: the session is over.
func (c *conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.wake()
	c.mu.Unlock()
	if first {
		c.near.Close()
		c.Conn.Close()
		c.ended()
	}
	return nil
}

// feed hands a request's bytes to the reader as they come.
func (c *conn) feed(body io.Reader) error {
	c.near.SetWriteDeadline(time.Now().Add(bodyTime))
	n, err := io.Copy(c.near, body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fed += n
	return err
}

// hangUp tells the reader that nothing more comes.
func (c *conn) hangUp() { c.near.Close() }

// settle waits until the reader has taken everything and waits for more, or for
// answerTime: what it had to say to that is there by then.
func (c *conn) settle() {
	deadline := time.Now().Add(answerTime)
	for {
		c.mu.Lock()
		done, changed := c.reading && c.taken >= c.fed || c.closed, c.changed
		c.mu.Unlock()
		if done || await(changed, deadline) != nil {
			return
		}
	}
}

// fetch takes what the client is to hear next.
func (c *conn) fetch() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.out), maxAnswer)
	taken := append([]byte{}, c.out[:n]...)
	c.out = append(c.out[:0], c.out[n:]...)
	if n > 0 {
		c.wake()
	}
	return taken
}
