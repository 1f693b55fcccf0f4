package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/tunnel"
)

// through is a connection that came by HTTP.
type through struct {
	net.Conn
	secure *tls.ConnectionState
}

func (through) Protocol() string            { return "a tunnel" }
func (c through) TLS() *tls.ConnectionState { return c.secure }

// Admission and viewers hear of HTTP's TLS; a certificate that it showed is nobody's.
func TestTunnelsTLS(t *testing.T) {
	h := start(t, Options{})
	secure := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{DNSNames: []string{"studio"}}}}
	for _, want := range []*tls.ConnectionState{nil, secure} {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		s := newSession(h.Server, through{near, want}, nil)
		p := s.wish(target{}, "")
		require.Same(t, want, p.TLS)
		require.Empty(t, p.Peer.Names)
		require.Equal(t, "a tunnel", s.protocol())
	}
}

// Whoever opens a tunnelled session and never comes again loses it, by the limits
// that hold for every connection.
func TestAbandonedTunnel(t *testing.T) {
	h := start(t, Options{Limits: Limits{Handshake: time.Second}})
	web := httptest.NewUnstartedServer(nil)
	tn := tunnel.New(web.Listener.Addr())
	web.Config.Handler = tn.Handler(http.NotFoundHandler())
	web.Start()
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, tn) }()
	defer func() {
		cancel()
		require.NoError(t, <-served)
	}()
	post := func(path, body string) (int, string) {
		r, err := web.Client().Post(web.URL+path, "application/x-fcs", strings.NewReader(body))
		require.NoError(t, err)
		defer r.Body.Close()
		answer, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return r.StatusCode, string(answer)
	}
	status, id := post("/open/1", "\x00")
	require.Equal(t, 200, status)
	status, answer := post("/send/"+strings.TrimSpace(id)+"/1", "\x03\x00")
	require.Equal(t, 200, status)
	require.Len(t, answer, 1)
	h.log.wait(t, "took too long: RTMP handshake")
	for status == 200 { // the session may take a moment to be gone
		status, _ = post("/idle/"+strings.TrimSpace(id)+"/2", "\x00")
	}
	require.Equal(t, 404, status)
}
