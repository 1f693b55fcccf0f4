package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
// ended at their first byte, counted, and logged with what to change; that no address
// has too many connections; and that slow peers are told from dead ones.
type Door struct {
	net.Listener
	log         *slog.Logger
	connections *connections
	crowded     atomic.Int64 // when a line was written last that there are too many, in Unix nanoseconds

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
	d := &Door{Listener: l, log: s.log, connections: s.connections}
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
		if v := d.enter(c); v != nil {
			return v, nil
		}
	}
}

// enter lets a connection in, or closes it and returns nil.
func (d *Door) enter(c net.Conn) *visitor {
	v := &visitor{Conn: c, door: d, from: sourceOf(c.RemoteAddr())}
	if !d.connections.enter(d.connections.tcp, v.from) {
		if due(&d.crowded) {
			d.log.Warn("connection refused", "remote", c.RemoteAddr().String(), "err", "its address has too many (--http-connections)")
		}
		c.Close()
		return nil
	}
	if d.porch != nil && !d.porch.enter(v) {
		v.Close()
		return nil
	}
	limitUnsent(c, maxUnsent)
	return v
}

// due reports whether a line may be written again, and notes that it is.
func due(said *atomic.Int64) bool {
	now, last := time.Now().UnixNano(), said.Load()
	return now-last >= int64(wrongPortLog) && said.CompareAndSwap(last, now)
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
	if due(&s.said) {
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
