package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// QUIC serves HTTP/3 (RFC 9114) on a UDP socket: the same handler as HTTPS, and the
// same limits. Its methods are those of an http.Server.
//
// There is no 0-RTT: who records such a request can send it again, and one may be a cue.
type QUIC struct {
	web       *Server
	next      http.Handler
	server    *http3.Server
	transport *quic.Transport
	tls       *tls.Config
	stopping  context.Context
	stop      context.CancelCauseFunc

	unproven atomic.Int64 // handshakes whose address may be made up
	shaking  atomic.Int64 // all handshakes
	shakers  *crowd       // handshakes by address, of those that are proven

	mu       sync.Mutex
	listener *quic.Listener // nil until Serve
	closed   bool
}

// errCrowded refuses a connection.
var errCrowded = errors.New("too many connections")

// NewQUIC returns a server of HTTP/3 on conn, which it closes at its end. c is HTTPS's
// configuration. secret is to be the same after a restart: with it, clients of the
// process before hear at once that their connections are gone (RFC 9000 §10.3), and
// needn't prove their addresses again.
func (s *Server) NewQUIC(conn net.PacketConn, c *tls.Config, h http.Handler, secret []byte) *QUIC {
	derive := func(purpose string) (key [sha256.Size]byte) {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(purpose))
		return [sha256.Size]byte(mac.Sum(nil))
	}
	q := &QUIC{web: s, next: h, tls: http3.ConfigureTLSConfig(c), shakers: newCrowd(shakesOfOne)}
	q.stopping, q.stop = context.WithCancelCause(context.Background())
	q.server = &http3.Server{
		Handler: http.HandlerFunc(q.serveHTTP), MaxHeaderBytes: maxHeaderBytes, ConnContext: q.welcome,
	}
	reset, token := quic.StatelessResetKey(derive("stateless reset")), quic.TokenGeneratorKey(derive("address validation"))
	q.transport = &quic.Transport{
		Conn: conn, StatelessResetKey: &reset, TokenGeneratorKey: &token,
		VerifySourceAddress: q.doubts, ConnContext: q.meet,
	}
	return q
}

// config are the limits of a connection. A request's body is small, and so is what a
// client may send before somebody reads it.
func (q *QUIC) config() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: shakeTime, MaxIdleTimeout: silenceTime, KeepAlivePeriod: pingTime,
		MaxIncomingStreams: streamsOfOne, MaxIncomingUniStreams: controlsOfOne,
		InitialStreamReceiveWindow: receiveStream, MaxStreamReceiveWindow: receiveStream,
		InitialConnectionReceiveWindow: receiveAll, MaxConnectionReceiveWindow: receiveAll,
	}
}

// Serve serves until Shutdown or Close, and then returns http.ErrServerClosed.
func (q *QUIC) Serve() error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return http.ErrServerClosed
	}
	// Connections come out of it when their handshakes are complete: then the address is proven.
	l, err := q.transport.Listen(q.tls, q.config())
	q.listener = l
	q.mu.Unlock()
	if err != nil {
		return err
	}
	return q.server.ServeListener(quicDoor{l, q})
}

// Shutdown answers those who wait, sends GOAWAY, and waits for clients to leave until ctx
// ends, whose error it returns. Then all connections are closed.
func (q *QUIC) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	l := q.listener
	q.mu.Unlock()
	q.stop(errStopping)
	if l != nil {
		l.Close()
	}
	err := q.server.Shutdown(ctx)
	return errors.Join(err, q.shut())
}

// Close closes all connections.
func (q *QUIC) Close() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.stop(errStopping)
	return errors.Join(q.server.Close(), q.shut())
}

// shut gives the socket back, once.
func (q *QUIC) shut() error {
	err := q.transport.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if closed := q.transport.Conn.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

// doubts reports whether a client must first show that it gets what is sent to its address
// (Retry, RFC 9000 §8.1.2), which costs it a round trip. That is so while many handshakes
// of addresses that may be made up are under way.
func (q *QUIC) doubts(net.Addr) bool {
	if q.unproven.Load() < unprovenShakes {
		return false
	}
	q.web.connections.retries.Inc()
	return true
}

// acquaintance is a connection from its first packet on. It counts as a handshake until
// that is complete, and then as a connection of its address.
type acquaintance struct {
	q      *QUIC
	from   netip.Addr
	proven bool

	mu    sync.Mutex
	shook bool // the handshake is over
	in    bool // it counts as a connection
	gone  bool
}

type acquaintanceKey struct{}

// meet is called with a connection's first packet.
func (q *QUIC) meet(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	a := &acquaintance{q: q, from: sourceOf(info.RemoteAddr), proven: info.AddrVerified}
	if q.shaking.Load() >= allShakes || a.proven && !q.shakers.enter(a.from) {
		q.web.connections.quic.refused.Inc()
		return nil, errCrowded
	}
	q.shaking.Add(1)
	if !a.proven {
		q.unproven.Add(1)
	}
	q.web.connections.handshakes.Inc()
	context.AfterFunc(ctx, a.leave)
	return context.WithValue(ctx, acquaintanceKey{}, a), nil
}

// shaken ends the handshake. The caller holds a.mu.
func (a *acquaintance) shaken() {
	if a.shook {
		return
	}
	a.shook = true
	a.q.shaking.Add(-1)
	if a.proven {
		a.q.shakers.leave(a.from)
	} else {
		a.q.unproven.Add(-1)
	}
	a.q.web.connections.handshakes.Dec()
}

// enter makes it a connection of its address, or reports that there are too many.
func (a *acquaintance) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shaken()
	if a.gone {
		return false
	}
	a.in = a.q.web.connections.enter(a.q.web.connections.quic, a.from)
	return a.in
}

// leave is called at the connection's end.
func (a *acquaintance) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.shaken()
	if a.gone = true; a.in {
		a.q.web.connections.leave(a.q.web.connections.quic, a.from)
	}
}

// quicDoor lets connections in whose handshake is complete.
type quicDoor struct {
	*quic.Listener
	q *QUIC
}

// Accept implements http3.QUICListener.
func (d quicDoor) Accept(ctx context.Context) (*quic.Conn, error) {
	for {
		c, err := d.Listener.Accept(ctx)
		if err != nil {
			return nil, err
		}
		if a, ok := c.Context().Value(acquaintanceKey{}).(*acquaintance); ok && a.enter() {
			return c, nil
		}
		_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), errCrowded.Error())
	}
}

// stay ends a connection on which nothing has been asked for a while. http3's own timer
// stops with a stream that is opened, even if no request ever comes on it.
type stay struct {
	mu     sync.Mutex
	active int
	timer  *time.Timer
}

type stayKey struct{}

// welcome gives a connection's requests their context, which ends with the server, too.
func (q *QUIC) welcome(ctx context.Context, c *quic.Conn) context.Context {
	s := &stay{timer: time.AfterFunc(idleTime, func() {
		_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "idle")
	})}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, stayKey{}, s))
	forget := context.AfterFunc(q.stopping, func() { cancel(errStopping) })
	context.AfterFunc(c.Context(), func() {
		forget()
		s.timer.Stop()
		cancel(context.Canceled)
	})
	return ctx
}

// serveHTTP answers a request.
func (q *QUIC) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if s, ok := r.Context().Value(stayKey{}).(*stay); ok {
		s.add(1)
		defer s.add(-1)
	}
	q.next.ServeHTTP(w, r)
}

// add counts requests under way.
func (s *stay) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active += n; s.active > 0 {
		s.timer.Stop()
		return
	}
	s.timer.Reset(idleTime)
}

// Announce tells clients of HTTPS that the same port of UDP has HTTP/3 (Alt-Svc, RFC
// 7838). The port is the one by which a client has come, since it may be forwarded.
func Announce(next http.Handler) http.Handler {
	said := map[string][]string{"443": altService("443"), "8443": altService("8443")} // made once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		port := portOf(r.Host)
		value, ok := said[port]
		if !ok {
			value = altService(port)
		}
		w.Header()["Alt-Svc"] = value
		next.ServeHTTP(w, r)
	})
}

func altService(port string) []string {
	return []string{`h3=":` + port + `"; ma=` + strconv.Itoa(int(announced/time.Second))}
}

// portOf returns the port of a request's host, which is 443 where none that makes sense is named.
func portOf(host string) string {
	port := host[strings.LastIndexByte(host, ':')+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || len(port) == len(host) || strconv.FormatUint(n, 10) != port {
		return "443"
	}
	return port
}
