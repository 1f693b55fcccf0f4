package certificates_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/storage/certificates"
	"sluice/storage/certificates/pebbletest"
)

// doors are listeners that a gateway would have.
type doors struct{ http, https, rtmps net.Listener }

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// open serves the Set on the doors until the test ends, or until end is called.
func (d doors) open(t *testing.T, s *certificates.Set) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	h := &http.Server{Handler: s.Challenges(http.NotFoundHandler())}
	wg.Go(func() { h.Serve(d.http) })
	hs := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "viewers") }),
		TLSConfig: s.HTTPS(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	wg.Go(func() { hs.ServeTLS(d.https, "", "") })
	rtmps := tls.NewListener(d.rtmps, s.RTMPS())
	wg.Go(func() {
		for {
			c, err := rtmps.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				io.WriteString(c, "encoders")
			})
		}
	})
	var once sync.Once
	end = func() {
		once.Do(func() {
			cancel()
			h.Close()
			hs.Close()
			rtmps.Close()
			wg.Wait()
		})
	}
	t.Cleanup(end)
	return end
}

// leaf returns the certificate that a client with these roots is given, and what
// the listener says behind it; nil where the handshake fails.
func leaf(l net.Listener, c *tls.Config) (*x509.Certificate, string) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", l.Addr().String(), c)
	if err != nil {
		return nil, ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	said := make([]byte, 8)
	n, _ := io.ReadFull(conn, said)
	return conn.ConnectionState().PeerCertificates[0], string(said[:n])
}

func openSet(t *testing.T, data string, o certificates.ACMEOptions, logs *certificates.Lines) (*certificates.Set, *prometheus.Registry) {
	t.Helper()
	o.Folder = filepath.Join(data, "acme")
	r := prometheus.NewRegistry()
	s, err := certificates.Open(certificates.Options{
		Local: filepath.Join(data, "tls"), ACME: &o, Metrics: r,
		Log: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	require.NoError(t, err)
	return s, r
}

// Each kind of challenge, on the listener that answers it.
func TestDomainsCertificateIsIssued(t *testing.T) {
	for name, choose := range map[string]func(doors, *certificates.ACMEOptions) pebbletest.Options{
		"TLS-ALPN-01 on the HTTPS listener": func(d doors, o *certificates.ACMEOptions) pebbletest.Options {
			o.TLS = d.https.Addr().String()
			return pebbletest.Options{TLS: port(d.https), HTTP: 1}
		},
		"TLS-ALPN-01 on the RTMPS listener": func(d doors, o *certificates.ACMEOptions) pebbletest.Options {
			o.TLS = d.rtmps.Addr().String()
			return pebbletest.Options{TLS: port(d.rtmps), HTTP: 1}
		},
		"HTTP-01 on the HTTP listener": func(d doors, o *certificates.ACMEOptions) pebbletest.Options {
			o.HTTP = d.http.Addr().String()
			return pebbletest.Options{HTTP: port(d.http), TLS: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := doors{listen(t), listen(t), listen(t)}
			o := certificates.ACMEOptions{Domains: []string{"live.example.org", "two.example.org"}, Email: "ops@example.org"}
			po := choose(d, &o)
			po.Life = 90 * 24 * time.Hour
			ca := pebbletest.Start(t, po)
			o.Directory, o.CAFile = ca.Directory, ca.CAFile
			data, logs := t.TempDir(), &certificates.Lines{}
			s, registry := openSet(t, data, o, logs)
			d.open(t, s)
			roots := ca.Roots(t)
			for _, domain := range o.Domains {
				certificates.Until(t, func() bool {
					c, _ := leaf(d.rtmps, &tls.Config{RootCAs: roots, ServerName: domain})
					return c != nil
				})
				// Both listeners have it, encoders with a protocol of their own too.
				c, said := leaf(d.rtmps, &tls.Config{RootCAs: roots, ServerName: domain, NextProtos: []string{"rtmp", "http/1.1"}})
				require.NotNil(t, c)
				require.Equal(t, "encoders", said)
				c, _ = leaf(d.https, &tls.Config{RootCAs: roots, ServerName: domain, NextProtos: []string{"h2"}})
				require.NotNil(t, c)
			}
			// The local CA still vouches for localhost.
			local := x509.NewCertPool()
			require.True(t, local.AppendCertsFromPEM(s.CA()))
			for _, host := range []string{"localhost", "127.0.0.1"} {
				c, _ := leaf(d.rtmps, &tls.Config{RootCAs: local, ServerName: host})
				require.NotNil(t, c, host)
			}
			all := s.List()
			require.Len(t, all, 3)
			require.Equal(t, []string{"live.example.org"}, all[0].Names)
			require.Equal(t, certificates.OriginACME, all[0].Origin)
			require.True(t, all[0].Default)
			require.Equal(t, certificates.StateValid, all[0].State(time.Now()))
			require.Equal(t, certificates.OriginLocal, all[2].Origin)
			n, err := testutil.GatherAndCount(registry, "sluice_certificate_not_after_seconds")
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.Equal(t, 2, logs.Count("certificate obtained"))
		})
	}
}

// A certificate is renewed before its end; when that fails the old one goes on, and
// a restart finds it again.
func TestRenewalAndItsFailure(t *testing.T) {
	d := doors{listen(t), listen(t), listen(t)}
	ca := pebbletest.Start(t, pebbletest.Options{TLS: port(d.https), HTTP: port(d.http), Life: time.Hour})
	o := certificates.ACMEOptions{
		Domains: []string{"live.example.org"}, Directory: ca.Directory, CAFile: ca.CAFile,
		TLS: d.https.Addr().String(), HTTP: d.http.Addr().String(),
	}
	data, logs := t.TempDir(), &certificates.Lines{}
	s, registry := openSet(t, data, o, logs)
	s.Renew(100*time.Millisecond, 0.9999) // an hour's, when a third of a second has passed
	end := d.open(t, s)
	client := &tls.Config{RootCAs: ca.Roots(t), ServerName: "live.example.org"}
	serials := map[string]bool{}
	certificates.Until(t, func() bool {
		if c, _ := leaf(d.rtmps, client); c != nil {
			serials[c.SerialNumber.String()] = true
		}
		return len(serials) >= 3
	})
	require.GreaterOrEqual(t, logs.Count("certificate renewed"), 2)

	ca.Stop()
	certificates.Until(t, func() bool { return logs.Count("certificate not renewed") == 1 })
	require.NotEmpty(t, s.List()[0].Problem)
	c, _ := leaf(d.rtmps, client)
	require.NotNil(t, c, "the old one goes on")
	failed, err := testutil.GatherAndCount(registry, "sluice_certificate_failures_total")
	require.NoError(t, err)
	require.Equal(t, 1, failed)
	end()

	d = doors{listen(t), listen(t), listen(t)}
	again, _ := openSet(t, data, o, logs)
	d.open(t, again)
	kept, _ := leaf(d.rtmps, client) // the first handshake of all
	require.NotNil(t, kept)
	require.Equal(t, c.SerialNumber, kept.SerialNumber)

	// Who names nothing over the loopback gets the local CA's, over QUIC as over TCP.
	udp, err := net.Dial("udp", d.https.Addr().String())
	require.NoError(t, err)
	defer udp.Close()
	tcp, err := net.Dial("tcp", d.https.Addr().String())
	require.NoError(t, err)
	defer tcp.Close()
	for _, conn := range []net.Conn{tcp, udp} {
		local, err := again.GetCertificate(&tls.ClientHelloInfo{Conn: conn})
		require.NoError(t, err)
		require.NoError(t, local.Leaf.VerifyHostname("localhost"))
	}
}

// Without a CA that answers, encoders get the local CA's certificate, and the log
// and the list say what is wrong.
func TestDomainsCertificateThatIsNotObtained(t *testing.T) {
	d := doors{listen(t), listen(t), listen(t)}
	dead := listen(t)
	dead.Close()
	logs := &certificates.Lines{}
	s, _ := openSet(t, t.TempDir(), certificates.ACMEOptions{
		Domains: []string{"live.example.org"}, Directory: "https://" + dead.Addr().String() + "/dir",
		TLS: d.https.Addr().String(),
	}, logs)
	d.open(t, s)
	certificates.Until(t, func() bool { return logs.Count("certificate not obtained") == 1 })
	local := x509.NewCertPool()
	require.True(t, local.AppendCertsFromPEM(s.CA()))
	c, _ := leaf(d.rtmps, &tls.Config{RootCAs: local, ServerName: "localhost"})
	require.NotNil(t, c)
	c, _ = leaf(d.rtmps, &tls.Config{InsecureSkipVerify: true}) // no name, over the loopback
	require.NotNil(t, c)
	require.Equal(t, certificates.StateMissing, s.List()[0].State(time.Now()))
	require.NotEmpty(t, s.List()[0].Problem)
}
