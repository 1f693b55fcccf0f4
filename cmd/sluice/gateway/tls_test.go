package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
	"sluice/storage/certificates/pebbletest"
	"sluice/transcode/rung"
)

// book is a log that a test reads while the gateway writes it.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *book) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// says waits for a line.
func (b *book) says(t *testing.T, line string) {
	t.Helper()
	eventually(t, func() error {
		if !strings.Contains(b.String(), line) {
			return fmt.Errorf("%q isn't in %s", line, b.String())
		}
		return nil
	})
}

// studios is a CA of publishers.
type studios struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newStudios(t *testing.T) *studios {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Studios"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "studios.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &studios{cert, key, file}
}

func (s *studios) issue(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, s.cert, key.Public(), s.key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// revoke writes a list of these certificates into a file.
func (s *studios) revoke(t *testing.T, file string, certs ...tls.Certificate) {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(24 * time.Hour)}
	for _, cert := range certs {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: cert.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, s.cert, s.key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, der, 0o600))
}

// publish has gortmplib publish with these certificates, until its publish is
// accepted or refused.
func publish(t *testing.T, g *Gateway, path string, certs ...tls.Certificate) error {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(g.certs.CA()))
	_, port, err := net.SplitHostPort(g.Addresses().RTMPS)
	require.NoError(t, err)
	u, err := url.Parse("rtmps://localhost:" + port + "/" + path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := &gortmplib.Client{URL: u, Publish: true, TLSConfig: &tls.Config{RootCAs: pool, Certificates: certs}}
	if err := c.Initialize(ctx); err != nil {
		return err
	}
	c.Close()
	return nil
}

// A certificate opens its stream and no other; what is wrong with one that is
// refused stands in the log.
func TestClientCertificates(t *testing.T) {
	ca, stranger := newStudios(t), newStudios(t)
	year := time.Now().Add(365 * 24 * time.Hour)
	hall, van := ca.issue(t, "hall-encoder", year), ca.issue(t, "van", year)
	c := onLoopback(t)
	key := catalog.NewKey()
	c.TLS.Client.CA, c.Ladder = ca.file, rung.SourceSpec()
	c.Streams = []config.Stream{
		{Name: "hall", Clients: []string{"hall-encoder", "spare"}},
		{Name: "yard", Clients: []string{"van"}},
		{Name: "roof", Clients: []string{"van"}, Key: key},
		{Name: "open", Key: catalog.NewKey()},
	}
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)

	require.NoError(t, publish(t, g, "live/hall", hall), "by name")
	logs.says(t, "client=hall-encoder")
	require.NoError(t, publish(t, g, "live", van), "its only one that needs no key")
	require.NoError(t, publish(t, g, "live/"+key.Reveal(), van), "certificate and key")
	require.NoError(t, publish(t, g, "live/"+c.Streams[3].Key.Reveal()), "a key, and no certificate is wanted")

	require.Error(t, publish(t, g, "live/yard", hall))
	logs.says(t, "the client certificate of hall-encoder opens no such stream")
	require.Error(t, publish(t, g, "live/"+key.Reveal(), hall))
	logs.says(t, "not this stream's client certificate: stream roof, shown was hall-encoder")
	require.Error(t, publish(t, g, "live/"+key.Reveal()))
	require.Error(t, publish(t, g, "live/roof", van), "the key is needed too")
	require.Error(t, publish(t, g, "live/hall"))
	require.Error(t, publish(t, g, "live/hall", stranger.issue(t, "hall-encoder", year)))
	logs.says(t, "client certificate refused: hall-encoder: certificate signed by unknown authority")
	require.Error(t, publish(t, g, "live/hall", ca.issue(t, "hall-encoder", time.Now().Add(-time.Minute))))
	for _, line := range []string{
		`sluice_ingest_refused_total{reason="client_certificate"} 2`, `sluice_ingest_refused_total{reason="client"} 2`,
	} {
		eventually(t, func() error {
			_, _, metrics, err := get(client(t, g), "http://"+g.Addresses().HTTP+"/metrics")
			if err == nil && !strings.Contains(metrics, line) {
				err = errors.New(line)
			}
			return err
		})
	}
	require.NotContains(t, logs.String(), key.Reveal())
}

// A stream wants its certificate whatever lets a publisher in, and the application may
// refuse whom certificate and key let in.
func TestCertificateKeyAndWebhook(t *testing.T) {
	var mu sync.Mutex
	var heard []webhook.Message
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m webhook.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, m)
		switch {
		case m.Client == "banned":
			w.WriteHeader(http.StatusForbidden)
		case m.Key == "the-applications-own":
			io.WriteString(w, `{"stream":"roof"}`)
		}
	}))
	defer app.Close()
	ca, until := newStudios(t), time.Now().Add(time.Hour)
	van, banned, hall := ca.issue(t, "van", until), ca.issue(t, "banned", until), ca.issue(t, "hall-encoder", until)
	c := onLoopback(t)
	key := catalog.NewKey()
	c.TLS.Client.CA, c.Ladder = ca.file, rung.SourceSpec()
	c.Streams = []config.Stream{
		{Name: "roof", Clients: []string{"van", "banned"}, Key: key},
		{Name: "hall", Clients: []string{"hall-encoder"}},
	}
	c.Webhooks = config.Webhooks{OnPublish: app.URL, Secret: "a secret of two parties", Timeout: 5 * time.Second}
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	asked := func() (all []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range heard {
			all = append(all, strings.Join([]string{m.By, m.Client, m.Stream}, " "))
		}
		heard = nil
		return all
	}
	secret := key.Reveal()

	require.NoError(t, publish(t, g, "live/"+secret, van))
	require.Equal(t, []string{"key van roof"}, asked())
	require.NoError(t, publish(t, g, "live", hall))
	require.Equal(t, []string{"certificate hall-encoder hall"}, asked())
	require.NoError(t, publish(t, g, "live/the-applications-own", van))
	require.Equal(t, []string{"none van "}, asked())

	require.Error(t, publish(t, g, "live/"+secret, banned))
	require.Equal(t, []string{"key banned roof"}, asked())
	logs.says(t, "denied by the application")
	require.Error(t, publish(t, g, "live/"+secret))
	require.Empty(t, asked(), "who lacks the certificate isn't asked about")
	logs.says(t, "not this stream's client certificate: stream roof needs one, and none was shown")
	require.Error(t, publish(t, g, "live/the-applications-own"))
	require.Equal(t, []string{"none  "}, asked())
	require.NotContains(t, logs.String(), secret)
}

func TestClientCertificateThatIsRequired(t *testing.T) {
	ca := newStudios(t)
	c := onLoopback(t)
	c.TLS.Client, c.Ladder = config.Client{CA: ca.file, Required: true}, rung.SourceSpec()
	c.Streams = []config.Stream{{Name: "open", Key: catalog.NewKey()}}
	logs := &book{}
	g := open(t, c, Options{Log: logs.logger()})
	serve(t, g)
	require.Error(t, publish(t, g, "live/"+c.Streams[0].Key.Reveal()))
	logs.says(t, "client certificate refused: it shows no certificate, and one is required")
	require.NoError(t, publish(t, g, "live/"+c.Streams[0].Key.Reveal(), ca.issue(t, "x", time.Now().Add(time.Hour))))
	_, _, _, err := get(client(t, g), "https://"+g.Addresses().HTTPS+"/healthz")
	require.NoError(t, err, "viewers need none")
}

// A domain's certificate is on every listener, beside the local CA's.
func TestDomainsCertificate(t *testing.T) {
	c := onLoopback(t)
	// The CA must know the ports before it starts, and the gateway the CA.
	const tries = 5
	var g *Gateway
	var ca *pebbletest.Pebble
	for try := range tries {
		probe, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		c.Listen.HTTPS = probe.Addr().String()
		probe.Close()
		ca = pebbletest.Start(t, pebbletest.Options{TLS: probe.Addr().(*net.TCPAddr).Port, HTTP: 1, Life: 90 * 24 * time.Hour})
		c.TLS.Domains = []string{"live.example.org"}
		c.TLS.ACME = config.ACME{Directory: ca.Directory, CA: ca.CAFile}
		if g, err = Open(t.Context(), c, Options{Log: quiet}); err == nil {
			break
		}
		require.Less(t, try, tries-1, err)
	}
	t.Cleanup(func() { g.Close() })
	end := serve(t, g)
	local, _ := g.LocalCA()
	require.False(t, local, "nobody need trust it")
	roots := ca.Roots(t)
	for _, addr := range []string{g.Addresses().RTMPS, g.Addresses().HTTPS} {
		eventually(t, func() error {
			conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "live.example.org"})
			if err == nil {
				conn.Close()
			}
			return err
		})
	}
	status, _, body, err := get(client(t, g), "https://"+g.Addresses().HTTPS+"/api/v1/certificates")
	require.NoError(t, err, "localhost is still served by the local CA")
	require.Equal(t, 200, status)
	var list struct {
		Certificates []struct {
			Names         []string
			Origin, State string
			Default       bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Len(t, list.Certificates, 2)
	require.Equal(t, "acme", list.Certificates[0].Origin)
	require.Equal(t, []string{"live.example.org"}, list.Certificates[0].Names)
	require.True(t, list.Certificates[0].Default)
	require.Equal(t, "local", list.Certificates[1].Origin)
	require.NoError(t, end())
}

// Each kind of client that came to the wrong port reads, in the log, where to go.
func TestPeersAtTheWrongPort(t *testing.T) {
	logs := &book{}
	g := open(t, onLoopback(t), Options{Log: logs.logger()})
	serve(t, g)
	a := g.Addresses()
	say := func(addr, what string) {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(c, what)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, c)
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "closed at once")
	}
	port := func(addr string) string { _, p, _ := net.SplitHostPort(addr); return p }
	publish := fmt.Sprintf("the encoder's server is to be rtmps://HOST:%s/live or rtmp://HOST:%s/live", port(a.RTMPS), port(a.RTMP))
	c0c1 := "\x03" + strings.Repeat("\x00", 1536)
	request := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct{ addr, what, line string }{
		{a.RTMP, "\x16\x03\x01\x00\x05hello", "a TLS client on the RTMP port: " + publish},
		{a.RTMPS, c0c1, "a plain RTMP client on the RTMPS port: " + publish},
		{a.RTMP, request, "an HTTP client on a port for publishers: viewers and the dashboard are at http://HOST:" + port(a.HTTP)},
		{a.HTTP, c0c1, "an RTMP client on the HTTP port: " + publish},
		{a.HTTPS, c0c1, "an RTMP client on the HTTPS port: " + publish},
		{a.HTTP, "\x16\x03\x01\x00\x05hello", "a TLS client on the HTTP port"},
		{a.HTTPS, request, "an HTTP client on the HTTPS port"},
	} {
		say(tc.addr, tc.what)
		logs.says(t, tc.line)
	}
	inside, err := tls.Dial("tcp", a.HTTPS, &tls.Config{InsecureSkipVerify: true}) // an rtmps URL with this port
	require.NoError(t, err)
	defer inside.Close()
	_, err = io.WriteString(inside, "\x03"+strings.Repeat("\x00\r\n\x07", 384))
	require.NoError(t, err)
	logs.says(t, "a client without HTTP inside TLS on the HTTPS port, such as an encoder with an rtmps URL: "+publish)
}
