package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shake makes a handshake with a server that asks for certificates, and returns
// what the server says of it.
func shake(t *testing.T, server *tls.Config, version uint16, cert ...tls.Certificate) (tls.ConnectionState, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	deadline := time.Now().Add(20 * time.Second)
	near.SetDeadline(deadline)
	far.SetDeadline(deadline)
	go func() {
		c := tls.Client(near, &tls.Config{
			InsecureSkipVerify: true, MinVersion: version, MaxVersion: version,
			// Whatever the server hints at: a client may send what it likes.
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(cert) == 0 {
					return &tls.Certificate{}, nil
				}
				return &cert[0], nil
			},
		})
		c.Handshake()
		c.Read(make([]byte, 1)) // for what comes after it
	}()
	s := tls.Server(far, server)
	err := s.Handshake()
	return s.ConnectionState(), err
}

// asking is RTMPS's configuration with these options.
func asking(t *testing.T, o ClientOptions) (*Clients, *tls.Config) {
	t.Helper()
	c, err := OpenClients(o, quiet)
	require.NoError(t, err)
	l, err := openLocal(filepath.Join(t.TempDir(), "tls"), quiet, named(box))
	require.NoError(t, err)
	config := RTMPS(l)
	c.Ask(config)
	return c, config
}

func TestClientsCertificates(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	ca, stranger := newTestCA(t, "Studios"), newTestCA(t, "Elsewhere")
	revoked := ca.client(t, wanted{name: "lost"})
	o := ClientOptions{CA: file("ca.pem", ca.pem()), CRL: file("crl.pem", ca.revoke(t, revoked)), Required: true}
	_, required := asking(t, o)
	o.Required = false
	_, asked := asking(t, o)

	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, config := range []*tls.Config{required, asked} {
			state, err := shake(t, config, version, ca.client(t, wanted{name: "studio"}))
			require.NoError(t, err)
			require.Equal(t, "studio", state.PeerCertificates[0].Subject.CommonName)

			for name, tc := range map[string]struct {
				cert tls.Certificate
				is   error
				says string
			}{
				"revoked": {cert: revoked, is: ErrClientRevoked},
				"expired": {cert: ca.client(t, wanted{name: "old", from: time.Now().Add(-48 * time.Hour), life: 24 * time.Hour}), says: "expired"},
				"early":   {cert: ca.client(t, wanted{name: "new", from: time.Now().Add(24 * time.Hour)}), says: "not yet valid"},
				"unknown": {cert: stranger.client(t, wanted{name: "studio"}), says: "unknown authority"},
				"server":  {cert: ca.client(t, wanted{name: "web", use: x509.ExtKeyUsageServerAuth}), says: "key usage"},
			} {
				_, err := shake(t, config, version, tc.cert)
				var refused *tls.CertificateVerificationError
				require.ErrorAs(t, err, &refused, name)
				require.NotEmpty(t, refused.UnverifiedCertificates, name)
				if tc.is != nil {
					require.ErrorIs(t, err, tc.is, name)
				}
				require.ErrorContains(t, err, tc.says, name)
			}
		}
		_, err := shake(t, asked, version)
		require.NoError(t, err, "none is fine")
		_, err = shake(t, required, version)
		require.ErrorIs(t, err, ErrClientMissing)
	}
}

// A certificate is revoked while the gateway runs; a list that can't be read lets
// nobody back in.
func TestRevocationListIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	ca := newTestCA(t, "Studios")
	a, b := ca.client(t, wanted{name: "a"}), ca.client(t, wanted{name: "b"})
	o := ClientOptions{CA: filepath.Join(dir, "ca.pem"), CRL: filepath.Join(dir, "crl.pem")}
	write := func(path string, text []byte) { require.NoError(t, os.WriteFile(path, text, 0o600)) }
	write(o.CA, ca.pem())
	write(o.CRL, ca.revoke(t))
	c, config := asking(t, o)
	var logs bytes.Buffer
	c.log = slog.New(slog.NewTextHandler(&logs, nil))
	try := func(cert tls.Certificate) error {
		_, err := shake(t, config, tls.VersionTLS13, cert)
		return err
	}
	require.NoError(t, try(a))
	write(o.CRL, ca.revoke(t, a))
	c.refresh()
	require.ErrorIs(t, try(a), ErrClientRevoked)
	require.NoError(t, try(b))
	for _, spoilt := range [][]byte{nil, []byte("half a list"), newTestCA(t, "Studios").revoke(t)} {
		write(o.CRL, spoilt)
		c.refresh()
		c.refresh()
		require.ErrorIs(t, try(a), ErrClientRevoked)
		require.NoError(t, try(b))
	}
	require.Equal(t, 2, bytes.Count(logs.Bytes(), []byte("can't be used")), "once for each reason: %s", &logs)
	write(o.CRL, ca.revoke(t, b))
	c.refresh()
	require.NoError(t, try(a))
	require.ErrorIs(t, try(b), ErrClientRevoked)
}

func TestFilesOfClientsThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	ca := newTestCA(t, "Studios")
	leaf, _ := ca.issue(t, wanted{name: "leaf"})
	for name, tc := range map[string]struct{ ca, crl []byte }{
		"no certificate":     {ca: []byte("nothing")},
		"no CA":              {ca: leaf},
		"no list":            {ca: ca.pem(), crl: []byte("nothing")},
		"list of another CA": {ca: ca.pem(), crl: newTestCA(t, "Studios").revoke(t)},
	} {
		o := ClientOptions{CA: filepath.Join(dir, "ca.pem")}
		require.NoError(t, os.WriteFile(o.CA, tc.ca, 0o600))
		if tc.crl != nil {
			o.CRL = filepath.Join(dir, "crl.pem")
			require.NoError(t, os.WriteFile(o.CRL, tc.crl, 0o600))
		}
		_, err := OpenClients(o, quiet)
		require.Error(t, err, name)
	}
	_, err := OpenClients(ClientOptions{CA: filepath.Join(dir, "none.pem")}, quiet)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzRevocationList(f *testing.F) {
	ca := newTestCA(f, "Studios")
	f.Add(ca.revoke(f))
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr := &trusted{revoked: map[revocation]bool{}}
		if err := tr.addLists(text, []*x509.Certificate{ca.cert}); err == nil && tr.lists == 0 {
			t.Fatal("read, and no list is in it")
		}
	})
}
