package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// certmagic's rate limiter, one for each CA and account, lives as long as the
// process; and who keeps a lock's file fresh sees after some seconds that it's gone.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

// dial makes a real TLS connection to a server with the given configuration,
// reads a byte after the handshake, and returns what was agreed on.
func dial(t *testing.T, server *tls.Config, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		c.Write([]byte{1}) // the client's side says what went wrong
	}()
	defer func() { ln.Close(); <-served }()

	raw, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c := tls.Client(raw, client)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return c.ConnectionState(), nil
}

func TestHandshakes(t *testing.T) {
	l, err := openLocal(filepath.Join(t.TempDir(), "tls"), quiet, named(box))
	require.NoError(t, err)
	for _, tc := range []struct {
		name     string
		server   *tls.Config
		version  uint16
		offer    []string
		protocol string
	}{
		{"RTMPS 1.2", RTMPS(l), tls.VersionTLS12, nil, ""},
		{"RTMPS 1.3", RTMPS(l), tls.VersionTLS13, nil, ""},
		{"RTMPS with a client that offers ALPN", RTMPS(l), tls.VersionTLS13, []string{"rtmp"}, ""},
		{"HTTPS 1.2", HTTPS(l), tls.VersionTLS12, []string{"h2", "http/1.1"}, "h2"},
		{"HTTPS 1.3", HTTPS(l), tls.VersionTLS13, []string{"h2", "http/1.1"}, "h2"},
		{"HTTPS with an old client", HTTPS(l), tls.VersionTLS13, []string{"http/1.1"}, "http/1.1"},
		{"HTTPS without ALPN", HTTPS(l), tls.VersionTLS13, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, host := range []string{"localhost", "127.0.0.1"} {
				cs, err := dial(t, tc.server, &tls.Config{
					RootCAs: roots(t, l), ServerName: host, NextProtos: tc.offer,
					MinVersion: tc.version, MaxVersion: tc.version,
				})
				require.NoError(t, err)
				require.Equal(t, tc.version, cs.Version)
				require.Equal(t, tc.protocol, cs.NegotiatedProtocol)
			}
		})
	}

	t.Run("1.1 is refused", func(t *testing.T) {
		_, err := dial(t, RTMPS(l), &tls.Config{
			RootCAs: roots(t, l), ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		})
		require.ErrorContains(t, err, "protocol version")
	})
	t.Run("a client that doesn't trust the CA refuses", func(t *testing.T) {
		_, err := dial(t, RTMPS(l), &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"})
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown)
	})
}

// librtmp over GnuTLS fails on a ticket; a browser gains from one.
func TestTicketsOnlyForHTTPS(t *testing.T) {
	l, err := openLocal(filepath.Join(t.TempDir(), "tls"), quiet, named(box))
	require.NoError(t, err)
	for _, tc := range []struct {
		name   string
		server *tls.Config
		resume bool
	}{{"RTMPS", RTMPS(l), false}, {"HTTPS", HTTPS(l), true}} {
		client := &tls.Config{RootCAs: roots(t, l), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		_, err := dial(t, tc.server, client)
		require.NoError(t, err)
		cs, err := dial(t, tc.server, client)
		require.NoError(t, err)
		require.Equal(t, tc.resume, cs.DidResume, tc.name)
	}
}
