package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
)

// HTTP/3 has the port and the certificates of HTTPS, which tells of it.
func TestHTTP3(t *testing.T) {
	c := onLoopback(t)
	c.HTTP3 = true
	g := open(t, c, Options{})
	end := serve(t, g)
	a := g.Addresses()
	require.Equal(t, a.HTTPS, g.HTTP3())
	_, port, err := net.SplitHostPort(a.HTTPS)
	require.NoError(t, err)

	over := client(t, g)
	for url, announced := range map[string]string{
		"https://" + a.HTTPS + "/healthz": `h3=":` + port + `"; ma=3600`,
		"http://" + a.HTTP + "/healthz":   "",
	} {
		resp, err := over.Get(url)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, announced, resp.Header.Get("Alt-Svc"))
	}
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(g.certs.CA()))
	tr := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer tr.Close()
	for _, host := range []string{"localhost", "127.0.0.1"} { // by name, and without one
		status, proto, _, err := get(&http.Client{Transport: tr, Timeout: 30 * time.Second}, "https://"+host+":"+port+"/readyz")
		require.NoError(t, err)
		require.Equal(t, 200, status)
		require.Equal(t, "HTTP/3.0", proto)
	}
	info, err := os.Stat(filepath.Join(c.Data, "quic.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoError(t, end(), "with clients that stay connected")

	first, err := quicSecret(filepath.Join(c.Data, "quic.key"))
	require.NoError(t, err)
	require.Len(t, first, secretSize)
	require.NoError(t, os.WriteFile(filepath.Join(c.Data, "quic.key"), first[:5], 0o600))
	second, err := quicSecret(filepath.Join(c.Data, "quic.key"))
	require.NoError(t, err)
	require.Len(t, second, secretSize)
	require.NotEqual(t, first, second)
}

// A UDP port that is taken is told like any other, and nothing stays bound.
func TestHTTP3PortIsTaken(t *testing.T) {
	c := onLoopback(t)
	c.HTTP3 = true
	var err error
	for range portTries {
		taken, listenErr := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, listenErr)
		defer taken.Close()
		c.Listen.HTTPS = taken.LocalAddr().String()
		var free net.Listener
		if free, err = net.Listen("tcp", c.Listen.HTTPS); err == nil { // or else another program has that of TCP
			free.Close()
			break
		}
	}
	require.NoError(t, err)
	_, err = Open(t.Context(), c, Options{Log: quiet})
	require.ErrorContains(t, err, "listen on "+c.Listen.HTTPS+" (UDP): another program has this port")
	require.ErrorContains(t, err, "leave out --http3")
	l, err := net.Listen("tcp", c.Listen.HTTPS)
	require.NoError(t, err)
	l.Close()
}
