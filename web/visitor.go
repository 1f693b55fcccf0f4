package web

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sluice/ingest/gate"
)

// visitor is a connection over TCP. Its first byte is looked at; it counts for its
// address; and a write ends at its deadline only if the peer has taken next to nothing
// since that was set: who is slow isn't dead, however long a piece takes him.
type visitor struct {
	net.Conn
	door *Door
	from netip.Addr
	seen bool // the reader's own

	place *gate.Place // until the first request; nil on the port of HTTP

	taken atomic.Int64 // bytes since the deadline was set
	gone  sync.Once
}

// Read implements net.Conn.
func (v *visitor) Read(p []byte) (int, error) {
	n, err := v.Conn.Read(p)
	if v.seen || n == 0 {
		return n, err
	}
	v.seen = true
	s := v.door.stray(p[0])
	if s == nil {
		return n, err
	}
	v.door.refuse(s, v)
	if s.pass {
		return n, err
	}
	io.WriteString(v.Conn, s.answer)
	v.Close()
	return 0, errWrongPort
}

// Write implements net.Conn.
func (v *visitor) Write(p []byte) (int, error) {
	sent := 0
	for {
		n, err := v.Conn.Write(p[sent:])
		sent += n
		taken := v.taken.Add(int64(n))
		if err == nil || taken < writeLeast || !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
		if err := v.SetWriteDeadline(time.Now().Add(writeStall)); err != nil {
			return sent, err
		}
	}
}

// SetWriteDeadline implements net.Conn.
func (v *visitor) SetWriteDeadline(t time.Time) error {
	v.taken.Store(0)
	return v.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (v *visitor) SetDeadline(t time.Time) error {
	v.taken.Store(0)
	return v.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.gone.Do(func() {
		v.door.connections.leave(v.door.connections.tcp, v.from)
		if v.place != nil {
			v.place.Leave()
		}
	})
	return v.Conn.Close()
}

// CloseWrite lets net/http end a connection without losing the last answer.
func (v *visitor) CloseWrite() error {
	if c, ok := v.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
