package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testCA signs certificates for tests.
type testCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newTestCA(t testing.TB, name string) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &testCA{cert, key}
}

// pem is the CA's certificate.
func (c *testCA) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// wanted is a certificate to be signed.
type wanted struct {
	names []string
	name  string // the common name
	from  time.Time
	life  time.Duration // a year where zero
	use   x509.ExtKeyUsage
	rsa   bool
}

// issue signs a certificate, and returns it and its key as PEM.
func (c *testCA) issue(t testing.TB, w wanted) (cert, key []byte) {
	t.Helper()
	var signer crypto.Signer
	var err error
	if w.rsa {
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	require.NoError(t, err)
	if w.life == 0 {
		w.life = 365 * 24 * time.Hour
	}
	if w.from.IsZero() {
		w.from = time.Now().Add(-time.Hour)
	}
	if w.use == 0 {
		w.use = x509.ExtKeyUsageServerAuth
	}
	tmpl := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: w.name}, DNSNames: w.names,
		NotBefore: w.from, NotAfter: w.from.Add(w.life), ExtKeyUsage: []x509.ExtKeyUsage{w.use},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, c.cert, signer.Public(), c.key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(signer)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// pair issues a certificate into two files of the folder.
func (c *testCA) pair(t testing.TB, dir string, w wanted) Pair {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	cert, key := c.issue(t, w)
	p := Pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	require.NoError(t, os.WriteFile(p.Cert, cert, 0o600))
	require.NoError(t, os.WriteFile(p.Key, key, 0o600))
	return p
}

// client issues a client's certificate.
func (c *testCA) client(t testing.TB, w wanted) tls.Certificate {
	t.Helper()
	if w.use == 0 {
		w.use = x509.ExtKeyUsageClientAuth
	}
	cert, key := c.issue(t, w)
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	return pair
}

// revoke writes a revocation list of these certificates.
func (c *testCA) revoke(t testing.TB, certs ...tls.Certificate) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: newSerial(), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(24 * time.Hour)}
	for _, cert := range certs {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: cert.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, c.cert, c.key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}
