package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// quicSite is a gateway's HTTP/3 on a port of this machine.
type quicSite struct {
	*QUIC
	base  string // of URLs
	roots *x509.CertPool
	over  chan error // what Serve returned
}

// listenQUIC serves the gateway by HTTP/3 until the test ends, on addr if there is one.
func (g *gateway) listenQUIC(t *testing.T, addr string) *quicSite {
	t.Helper()
	return g.listenQUICWith(t, addr, Announce(g))
}

func (g *gateway) listenQUICWith(t *testing.T, addr string, h http.Handler) *quicSite {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	conn, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	https := httptest.NewUnstartedServer(nil) // for its certificate
	https.StartTLS()
	defer https.Close()
	s := &quicSite{base: "https://" + conn.LocalAddr().String(), roots: x509.NewCertPool(), over: make(chan error, 1)}
	s.roots.AddCert(https.Certificate())
	s.QUIC = g.NewQUIC(conn, &tls.Config{Certificates: https.TLS.Certificates}, h, []byte("secret of a test"))
	go func() { s.over <- s.Serve() }()
	t.Cleanup(func() { s.Close() })
	return s
}

// client returns one with a connection of its own.
func (s *quicSite) client(t *testing.T, change ...func(*quic.Config)) *http.Client {
	t.Helper()
	c := &quic.Config{MaxIdleTimeout: time.Minute}
	for _, f := range change {
		f(c)
	}
	tr := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, ServerName: "example.com"}, QUICConfig: c}
	t.Cleanup(func() { tr.Close() })
	return &http.Client{Transport: tr}
}

// fetch does a request and reads its answer. Headers are given as "Name: value".
func fetch(t *testing.T, c *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	res, err := c.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

// metric returns a line of /metrics.
func (g *gateway) metric(t *testing.T, name string) float64 {
	t.Helper()
	for line := range strings.Lines(g.get("/metrics").Body.String()) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			require.NoError(t, err)
			return v
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// By HTTP/3 everything is answered as by HTTP/1.1 and 2.
func TestHTTP3(t *testing.T) {
	g, p := playing(t, 3)
	s := g.listenQUIC(t, "")
	c := s.client(t)
	whole := p.whole(timeline.Source, 2)
	const segment = "/live/live/source/1/2.m4s"

	res, body := fetch(t, c, "GET", s.base+segment)
	require.Equal(t, "HTTP/3.0", res.Proto)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, whole, body)
	require.EqualValues(t, len(whole), res.ContentLength)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.base, "https://"))
	require.Equal(t, fmt.Sprintf(`h3=":%s"; ma=3600`, port), res.Header.Get("Alt-Svc"))

	res, body = fetch(t, c, "HEAD", s.base+segment)
	require.Equal(t, 200, res.StatusCode)
	require.EqualValues(t, len(whole), res.ContentLength)
	require.Empty(t, body)
	res, body = fetch(t, c, "GET", s.base+segment, "Range: bytes=995-1010")
	require.Equal(t, 206, res.StatusCode)
	require.Equal(t, whole[995:1011], body)
	res, _ = fetch(t, c, "GET", s.base+segment, `If-None-Match: "source-1-2"`)
	require.Equal(t, 304, res.StatusCode)
	res, body = fetch(t, c, "GET", s.base+"/live/live/source/index.m3u8", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	require.Equal(t, "\x1f\x8b", body[:2])
	res, _ = fetch(t, c, "GET", s.base+"/live/live/source/1/99.m4s")
	require.Equal(t, 404, res.StatusCode)
	require.Equal(t, "public, max-age=1", res.Header.Get("Cache-Control"))
	res, body = fetch(t, c, "GET", s.base+"/healthz")
	require.Equal(t, 200, res.StatusCode, body)
	res, _ = fetch(t, c, "GET", s.base+"/healthz", "X-A: "+strings.Repeat("a", maxHeaderBytes))
	require.Equal(t, 431, res.StatusCode)

	// An open segment comes part by part.
	res, err := c.Get(s.base + "/live/live/source/1/4.m4s")
	require.NoError(t, err)
	defer res.Body.Close()
	require.EqualValues(t, -1, res.ContentLength)
	p.readsOn(res.Body)

	require.Equal(t, 1.0, g.metric(t, `sluice_http_connections{transport="quic"}`))
	require.Equal(t, 0.0, g.metric(t, `sluice_http3_handshakes`))
	// The one with too large a header never was a request, and the last may still be counted.
	require.Eventually(t, func() bool { return g.metric(t, `sluice_http_version_requests_total{version="3"}`) == 8 }, 10*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, g.metric(t, `sluice_http_version_sent_bytes_total{version="3"}`), float64(2*len(whole)))
}

// On one connection far more requests wait than HTTP/1.1 has connections, and who leaves
// ends his. At the server's end those who wait are answered, and clients are told to leave.
func TestHTTP3Holds(t *testing.T) {
	g, p := playing(t, 3)
	s := g.listenQUIC(t, "")
	c := s.client(t)
	const requests = 120
	ask := func(ctx context.Context, n int, url string) chan int {
		statuses := make(chan int, n)
		for range n {
			go func() {
				r, err := http.NewRequestWithContext(ctx, "GET", s.base+url, nil)
				if err != nil {
					t.Error(err)
				}
				res, err := c.Do(r)
				if err != nil {
					statuses <- 0
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				statuses <- res.StatusCode
			}()
		}
		return statuses
	}
	waiting := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return g.held(t) == float64(n) }, 30*time.Second, 10*time.Millisecond)
	}
	all := func(statuses chan int, want int) {
		t.Helper()
		for range requests {
			require.Equal(t, want, <-statuses)
		}
	}
	answered := ask(t.Context(), requests, "/live/live/source/1/4.3.m4s")
	waiting(requests)
	reloaded := ask(t.Context(), 1, "/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3")
	waiting(requests + 1)
	p.write()
	all(answered, 200)
	require.Equal(t, 200, <-reloaded)

	ctx, leave := context.WithCancel(t.Context())
	left := ask(ctx, requests, "/live/live/source/1/4.4.m4s")
	waiting(requests)
	leave()
	all(left, 0)
	waiting(0)

	stopped := ask(t.Context(), requests, "/live/live/source/1/4.4.m4s")
	waiting(requests)
	require.Equal(t, 1.0, g.metric(t, `sluice_http_connections{transport="quic"}`))
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	all(stopped, 503)
	require.NoError(t, <-done, "the client has left by itself")
	require.ErrorIs(t, <-s.over, http.ErrServerClosed)
	again, err := net.ListenPacket("udp", strings.TrimPrefix(s.base, "https://"))
	require.NoError(t, err, "the port is free again")
	again.Close()
	require.Zero(t, g.errors())
}

// A client that reads nothing has its stream reset, and not its connection; one that is
// slow gets everything.
func TestHTTP3SlowReader(t *testing.T) {
	g := newGateway(t)
	p := g.publisher("live")
	p.size = 20_000 // 200 KB a segment
	p.begin().fix().segments(3)
	stalled := make(chan http.ResponseWriter, 1)
	s := g.listenQUICWith(t, "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "stalled" {
			stalled <- w
		}
		g.ServeHTTP(w, r)
	}))
	// What the client can be sent before it reads is less than a segment.
	c := s.client(t, func(c *quic.Config) {
		c.InitialStreamReceiveWindow, c.MaxStreamReceiveWindow = 64<<10, 64<<10
	})
	dead, err := c.Get(s.base + "/live/live/source/1/2.m4s?stalled")
	require.NoError(t, err)
	defer dead.Body.Close()
	_, err = io.ReadFull(dead.Body, make([]byte, 1000))
	require.NoError(t, err)
	// The write that waits for the client ends with its deadline.
	require.NoError(t, http.NewResponseController(<-stalled).SetWriteDeadline(time.Now()))
	_, err = io.Copy(io.Discard, dead.Body)
	var reset *http3.Error
	require.ErrorAs(t, err, &reset, "it isn't taken for whole")
	require.Equal(t, http3.ErrCodeInternalError, reset.ErrorCode)

	res, body := fetch(t, c, "GET", s.base+"/live/live/source/1/2.m4s")
	require.Equal(t, 200, res.StatusCode, "on the same connection")
	require.Equal(t, p.whole(timeline.Source, 2), body)
	require.Equal(t, 1.0, g.metric(t, `sluice_http_connections{transport="quic"}`))
}

// selfSigned makes a certificate for a name, and what trusts it.
func selfSigned(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// selfSignedPEM is the same, for programs that read files.
func selfSignedPEM(t *testing.T, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	pair, pool := selfSigned(t, name)
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), pool
}

// The certificate is that of the moment, as on HTTPS.
func TestHTTP3CertificateChanges(t *testing.T) {
	g, _ := playing(t, 3)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var current *tls.Certificate
	var asked []string
	renew := func(name string) *x509.CertPool {
		cert, pool := selfSigned(t, name)
		mu.Lock()
		defer mu.Unlock()
		current = &cert
		return pool
	}
	q := g.NewQUIC(conn, &tls.Config{
		NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, hello.ServerName)
			return current, nil
		},
	}, g, []byte("x"))
	roots := renew("one.example")
	over := make(chan error, 1)
	go func() { over <- q.Serve() }()
	t.Cleanup(func() { q.Close(); <-over })
	for _, name := range []string{"one.example", "two.example"} {
		if name != "one.example" {
			roots = renew(name)
		}
		s := &quicSite{base: "https://" + conn.LocalAddr().String(), roots: roots}
		c := s.client(t)
		c.Transport.(*http3.Transport).TLSClientConfig.ServerName = name
		res, _ := fetch(t, c, "GET", s.base+"/healthz")
		require.Equal(t, 200, res.StatusCode)
	}
	require.Equal(t, []string{"one.example", "two.example"}, asked)
}

// deaf is a client's socket that hears nothing: each of its handshakes stays half-open.
type deaf struct {
	net.PacketConn
	closed chan struct{}
}

func (d *deaf) ReadFrom([]byte) (int, net.Addr, error) { <-d.closed; return 0, nil, net.ErrClosed }
func (d *deaf) Close() error                           { close(d.closed); return d.PacketConn.Close() }

// A flood of first packets costs a bounded number of handshakes. Beyond that who comes
// must prove the address, for which nothing is kept; a real client does so unnoticed.
func TestHTTP3Flood(t *testing.T) {
	g, _ := playing(t, 3)
	s := g.listenQUIC(t, "")
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // of the flood's socket
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	flood := &deaf{socket, make(chan struct{})}
	tr := &quic.Transport{Conn: flood}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	to, err := net.ResolveUDPAddr("udp", strings.TrimPrefix(s.base, "https://"))
	require.NoError(t, err)
	const free = 4 // and the others' places are taken
	s.unproven.Add(unprovenShakes - free)
	defer s.unproven.Add(free - unprovenShakes)
	for range 4 * free {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := tr.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}}, nil); err == nil {
					t.Error("a handshake without an answer")
				}
			}
		})
	}
	require.Eventually(t, func() bool { return g.metric(t, "sluice_http3_retries_total") >= free }, 30*time.Second, 10*time.Millisecond)
	require.LessOrEqual(t, g.metric(t, "sluice_http3_handshakes"), float64(free))
	res, _ := fetch(t, s.client(t), "GET", s.base+"/healthz")
	require.Equal(t, 200, res.StatusCode)
	stop()
	wg.Wait()
	flood.Close()
	tr.Close()
}

// One address has so many connections, over TCP and QUIC together.
func TestHTTP3ConnectionsOfOneAddress(t *testing.T) {
	g, _ := playing(t, 1, func(o *Options) { o.Connections = 2 })
	q := g.NewQUIC(nil, &tls.Config{}, g, nil)
	met := func(ip string) (*acquaintance, context.CancelFunc) {
		ctx, end := context.WithCancel(t.Context())
		a := &net.UDPAddr{IP: net.ParseIP(ip), Port: 4}
		ctx, err := q.meet(ctx, &quic.ClientInfo{RemoteAddr: a, AddrVerified: true})
		require.NoError(t, err)
		return ctx.Value(acquaintanceKey{}).(*acquaintance), end
	}
	one, end := met("2001:db8::1")
	require.True(t, one.enter())
	require.True(t, g.connections.enter(g.connections.tcp, sourceOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::2")})))
	two, endTwo := met("2001:db8::ffff") // of the same network
	require.False(t, two.enter())
	endTwo()
	other, endOther := met("2001:db8:0:1::1")
	require.True(t, other.enter())
	end()
	require.Eventually(t, func() bool {
		three, endThree := met("2001:db8::1")
		defer endThree()
		return three.enter()
	}, 10*time.Second, time.Millisecond, "the first has left")
	endOther()

	// Handshakes of one address that is proven are bounded by themselves.
	ctx, endAll := context.WithCancel(t.Context())
	defer endAll()
	proven := &quic.ClientInfo{RemoteAddr: &net.UDPAddr{IP: net.ParseIP("192.0.2.1")}, AddrVerified: true}
	for range shakesOfOne {
		_, err := q.meet(ctx, proven)
		require.NoError(t, err)
	}
	_, err := q.meet(ctx, proven)
	require.ErrorIs(t, err, errCrowded)
	endAll()
	require.Eventually(t, func() bool { return q.shaking.Load() == 0 && g.metric(t, "sluice_http3_handshakes") == 0 }, 10*time.Second, time.Millisecond)
}

// A client of a process that died hears it from the next one, and needn't wait until its
// connection is too old.
func TestHTTP3Restart(t *testing.T) {
	g, _ := playing(t, 3)
	s := g.listenQUIC(t, "")
	c := s.client(t)
	fetch(t, c, "GET", s.base+"/healthz")
	s.transport.Conn.Close() // without a word
	require.Error(t, <-s.over)
	next := g.listenQUIC(t, strings.TrimPrefix(s.base, "https://"))
	_, err := c.Get(s.base + "/healthz")
	var reset *quic.StatelessResetError
	require.ErrorAs(t, err, &reset)
	res, _ := fetch(t, next.client(t), "GET", s.base+"/healthz")
	require.Equal(t, 200, res.StatusCode)
}

// HTTPS names the port by which its client has come.
func TestAnnounce(t *testing.T) {
	h := Announce(http.NotFoundHandler())
	for host, port := range map[string]string{
		"live.example": "443", "live.example:443": "443", "live.example:8443": "8443", "192.0.2.1:9000": "9000",
		"[2001:db8::1]": "443", "[2001:db8::1]:8443": "8443", "": "443", "x:0": "443", "x:070": "443", "x:70000": "443", "x:\"": "443",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		h.ServeHTTP(w, r)
		require.Equal(t, `h3=":`+port+`"; ma=3600`, w.Header().Get("Alt-Svc"), host)
	}
}
