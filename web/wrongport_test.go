package web

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines is a log that a test reads while others write it.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// behindDoors serves HTTP and HTTPS behind doors until the test ends.
func behindDoors(t *testing.T) (plain, secure *httptest.Server, logs *lines, registry *prometheus.Registry) {
	t.Helper()
	logs, registry = &lines{}, prometheus.NewRegistry()
	g := newGateway(t, func(o *Options) {
		o.Log, o.Registry = slog.New(slog.NewTextHandler(logs, nil)), registry
	})
	serve := func(encrypted bool) *httptest.Server {
		s := httptest.NewUnstartedServer(nil)
		s.Config = NewServer(g, slog.New(slog.DiscardHandler))
		door := g.NewDoor(s.Listener, encrypted, "the encoder's server is to be rtmps://HOST:1936/live")
		s.Listener = door
		if encrypted {
			door.Watch(s.Config)
		}
		if s.EnableHTTP2 = encrypted; encrypted {
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		return s
	}
	return serve(false), serve(true), logs, registry
}

// say sends bytes, and returns all that comes until the other side hangs up.
func say(t *testing.T, s *httptest.Server, what string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(c, what)
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	if err != nil {
		require.NotContains(t, err.Error(), "timeout")
	}
	return string(answer)
}

func TestPeersAtTheWrongPort(t *testing.T) {
	plain, secure, logs, registry := behindDoors(t)
	c0c1 := "\x03" + strings.Repeat("\x00", 1536)
	for range 3 {
		require.Empty(t, say(t, plain, c0c1))
		require.Empty(t, say(t, secure, c0c1))
	}
	_, err := tls.Dial("tcp", plain.Listener.Addr().String(), &tls.Config{ServerName: "localhost"})
	require.ErrorContains(t, err, "handshake failure")
	require.Contains(t, say(t, secure, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.0 400")
	inTLS := func(what string, protocols ...string) {
		c, err := tls.Dial("tcp", secure.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(c, what)
		require.NoError(t, err)
		c.CloseWrite() // which it may have done itself
		io.Copy(io.Discard, c)
	}
	for range 2 {
		inTLS(c0c1)
		inTLS("\x03" + strings.Repeat("\x00\r\n\x07", 384))
	}
	inTLS("")                                                              // a look at the certificate
	inTLS("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") // an old player
	inTLS(c0c1, "h2")                                                      // whatever that is
	inside := "a client without HTTP inside TLS on the HTTPS port, such as an encoder with an rtmps URL: the encoder's server is to be rtmps://HOST:1936/live"
	require.Eventually(t, func() bool { return strings.Contains(logs.String(), inside) }, 20*time.Second, time.Millisecond)

	said := logs.String()
	for _, line := range []string{
		"an RTMP client on the HTTP port: the encoder's server is to be rtmps://HOST:1936/live",
		"an RTMP client on the HTTPS port: the encoder's server is to be rtmps://HOST:1936/live",
		"a TLS client on the HTTP port: the URL is to begin with http",
		"an HTTP client on the HTTPS port: the URL is to begin with https",
		inside,
	} {
		require.Equal(t, 1, strings.Count(said, line), "%s in %s", line, said)
	}
	counted := func() error {
		return testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_http_wrong_protocol_total Connections in a protocol that belongs to another port.
# TYPE sluice_http_wrong_protocol_total counter
sluice_http_wrong_protocol_total{port="http",protocol="rtmp"} 3
sluice_http_wrong_protocol_total{port="http",protocol="tls"} 1
sluice_http_wrong_protocol_total{port="https",protocol="http"} 1
sluice_http_wrong_protocol_total{port="https",protocol="rtmp"} 3
sluice_http_wrong_protocol_total{port="https",protocol="rtmps"} 4
`), "sluice_http_wrong_protocol_total")
	}
	// Those inside TLS are counted when net/http has closed their connections.
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, counted()) }, 20*time.Second, 10*time.Millisecond)

	// Who belongs here notices nothing.
	for _, s := range []*httptest.Server{plain, secure} {
		r, err := s.Client().Get(s.URL + "/healthz")
		require.NoError(t, err)
		r.Body.Close()
		require.Equal(t, http.StatusOK, r.StatusCode)
		require.Equal(t, s == secure, r.ProtoMajor == 2)
	}
	require.Equal(t, said, logs.String())
}
