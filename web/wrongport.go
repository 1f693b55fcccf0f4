package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest/gate"
)

// wrongPortLog is how often peers at the wrong port are logged, of each kind: ports
// for HTTP are scanned by half the world.
const wrongPortLog = 10 * time.Second

// tlsAlert is a TLS record with a fatal handshake_failure (RFC 5246 §7.2).
const tlsAlert = "\x15\x03\x01\x00\x02\x02\x28"

var errWrongPort = errors.New("another protocol's client")

// stray is a protocol that doesn't belong to a port.
type stray struct {
	text   string // what a line says
	answer string // what the peer is told
	pass   bool   // net/http answers it
	count  prometheus.Counter
	said   atomic.Int64 // when a line was written last, in Unix nanoseconds
}

// Door wraps a listener for HTTP, so that peers which speak another protocol are
// ended at their first byte, counted, and logged with what to change.
type Door struct {
	net.Listener
	log *slog.Logger

	rtmp, tls, http *stray // nil: it belongs here
	inside          *stray // of what is in TLS; nil on the port of HTTP

	porch *porch // of HTTPS; nil on the port of HTTP
}

// NewDoor wraps the listener of HTTPS, where encrypted, or of HTTP. advice is
// where publishers are to go, in words for the log.
func (s *Server) NewDoor(l net.Listener, encrypted bool, advice string) *Door {
	port := "http"
	if encrypted {
		port = "https"
	}
	kind := func(protocol, text string) *stray {
		return &stray{text: text, count: s.strays.WithLabelValues(port, protocol)}
	}
	d := &Door{Listener: l, log: s.log}
	if encrypted {
		d.porch = newPorch(s.log, s.refused)
		d.rtmp = kind("rtmp", "an RTMP client on the HTTPS port: "+advice)
		d.http = kind("http", "an HTTP client on the HTTPS port: the URL is to begin with https")
		d.http.pass = true // with a page that says so
		d.inside = kind("rtmps", "a client without HTTP inside TLS on the HTTPS port, such as an encoder with an rtmps URL: "+advice)
		return d
	}
	d.rtmp = kind("rtmp", "an RTMP client on the HTTP port: "+advice)
	d.tls = kind("tls", "a TLS client on the HTTP port: the URL is to begin with http, or to have the HTTPS port; for rtmps, "+advice)
	d.tls.answer = tlsAlert
	return d
}

// Accept implements net.Listener. Whoever isn't let in never comes out of it.
func (d *Door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v := &visitor{Conn: c, door: d}
		if d.porch == nil || d.porch.enter(v) {
			return v, nil
		}
		c.Close()
	}
}

// stray returns what a connection's first byte says it speaks, or nil.
func (d *Door) stray(first byte) *stray {
	switch {
	case first == 3 || first == 6: // C0 of RTMP, and of RTMPE
		return d.rtmp
	case first == 0x16: // the handshake of a TLS record
		return d.tls
	case 'A' <= first && first <= 'Z':
		return d.http
	}
	return nil
}

// refuse counts a stray, and logs it unless one like it was logged just now.
func (d *Door) refuse(s *stray, c net.Conn) {
	s.count.Inc()
	now := time.Now()
	if last := s.said.Load(); now.UnixNano()-last >= int64(wrongPortLog) && s.said.CompareAndSwap(last, now.UnixNano()) {
		d.log.Warn("connection refused", "remote", c.RemoteAddr().String(), "err", s.text)
	}
}

// Watch has the server of HTTPS tell of clients that said something inside TLS which
// was no request: encoders, if they came with an rtmps URL. What that was, net/http
// keeps to itself; but whoever speaks HTTP there offers it by ALPN (RFC 7301), or
// sends a request. It also tells the door when a connection has asked for something.
// It must be called before the server serves.
func (d *Door) Watch(srv *http.Server) {
	type visit struct{ asked, spoke atomic.Bool }
	type key struct{}
	var visits sync.Map // of connections that are open
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := r.Context().Value(key{}).(*visit); ok {
			v.asked.Store(true)
		}
		next.ServeHTTP(w, r)
	})
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		v := &visit{}
		visits.Store(c, v)
		return context.WithValue(ctx, key{}, v)
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		d.porch.notice(c, state)
		found, _ := visits.Load(c)
		v, ok := found.(*visit)
		switch {
		case !ok:
		case state == http.StateActive:
			v.spoke.Store(true)
		case state == http.StateClosed || state == http.StateHijacked:
			visits.Delete(c)
			t, ok := c.(*tls.Conn)
			if !ok || !v.spoke.Load() || v.asked.Load() {
				return
			}
			if with := t.ConnectionState(); with.HandshakeComplete && with.NegotiatedProtocol == "" {
				d.refuse(d.inside, c)
			}
		}
	}
}

// visitor is a connection of which the first byte is looked at.
type visitor struct {
	net.Conn
	door  *Door
	seen  bool        // the reader's own
	place *gate.Place // nil on the port of HTTP
	left  sync.Once
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
	v.Conn.Close()
	return 0, errWrongPort
}

// Close implements net.Conn, and counts the connection out.
func (v *visitor) Close() error {
	v.left.Do(func() {
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
