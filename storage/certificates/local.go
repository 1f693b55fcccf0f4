package certificates

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"sluice/storage/durable"
)

const (
	leafFile   = "leaf.pem" // certificate and key in one, so that they change together
	leafLife   = 390 * 24 * time.Hour
	renewAhead = 30 * 24 * time.Hour
	nameCheck  = time.Minute // how often the machine's names are looked up, at most
)

// leafLife and backdate together stay under the 398 days beyond which Apple's
// and Chromium's clients refuse a certificate.

// Local is a CA of this installation and the leaf that it signed for this machine.
type Local struct {
	dir   string
	log   *slog.Logger
	names func() Names
	ca    *authority

	current atomic.Pointer[tls.Certificate]

	check turn
	// Guarded by check: only whose turn it is touches it.
	refused []string // the names that the CA may not sign, as logged last
}

// OpenLocal reads the CA and the leaf kept in the folder, and makes what is missing.
func OpenLocal(dir string, log *slog.Logger) (*Local, error) {
	return openLocal(dir, log, Machine)
}

func openLocal(dir string, log *slog.Logger, names func() Names) (*Local, error) {
	ca, err := openAuthority(dir, names())
	if err != nil {
		return nil, err
	}
	if left := time.Until(ca.cert.NotAfter); left < 2*renewAhead {
		log.Warn("the local CA expires soon: remove the folder to have a new one made, and trust that",
			"folder", dir, "expires", ca.cert.NotAfter)
	}
	l := &Local{dir: dir, log: log, names: names, ca: ca}
	if err := l.readLeaf(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("kept certificate can't be used; a new one is made", "err", err)
	}
	l.check.take(time.Now(), nameCheck)
	defer l.check.done()
	if err := l.refresh(); err != nil {
		return nil, err
	}
	return l, nil
}

// GetCertificate implements Source.
func (l *Local) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if l.check.take(time.Now(), nameCheck) {
		if err := l.refresh(); err != nil {
			l.log.Error("certificate not renewed", "err", err)
		}
		l.check.done()
	}
	return l.current.Load(), nil
}

// CA implements Source.
func (l *Local) CA() []byte { return l.ca.pem }

// CAFile is where the CA's certificate lies.
func (l *Local) CAFile() string { return filepath.Join(l.dir, caFile) }

// Trusted reports whether this machine's store trusts the CA. The store is read
// once in a process's life.
func (l *Local) Trusted() bool {
	_, err := l.current.Load().Leaf.Verify(x509.VerifyOptions{DNSName: "localhost"})
	return err == nil
}

// refresh signs a new leaf where there's none, where it nears its end, or where
// the machine has got a name that it lacks.
func (l *Local) refresh() error {
	names, refused := permitted(l.ca.cert, l.names())
	if r := refused.Strings(); !slices.Equal(r, l.refused) {
		l.refused = r
		if len(r) > 0 {
			l.log.Warn("the local CA was made before this machine got these names and may not sign them; "+
				"clients that use them will refuse the certificate (remove the folder to have a new CA made)",
				"names", r, "folder", l.dir)
		}
	}
	now := time.Now()
	if c := l.current.Load(); c != nil && covers(c.Leaf, names) && !l.ca.due(c.Leaf, now) {
		return nil
	}
	leaf, text, err := l.ca.sign(names, now)
	if err != nil {
		return err
	}
	l.current.Store(leaf)
	l.log.Info("certificate signed by the local CA", "names", names.Strings(), "expires", leaf.Leaf.NotAfter)
	if err := durable.WriteFile(filepath.Join(l.dir, leafFile), text, 0o600); err != nil {
		// A full disk must not cost the handshakes: the leaf serves until the restart.
		l.log.Warn("certificate not kept; the next start makes another", "err", err)
	}
	return nil
}

// due reports whether the leaf must be replaced. One that lasts as long as the
// CA can't be bettered.
func (a *authority) due(leaf *x509.Certificate, now time.Time) bool {
	if now.Before(leaf.NotBefore) {
		return true
	}
	return now.After(leaf.NotAfter.Add(-renewAhead)) && leaf.NotAfter.Before(a.cert.NotAfter)
}

// sign makes a leaf, and the PEM of it with its key.
func (a *authority) sign(n Names, now time.Time) (*tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	end := now.Add(leafLife)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	tmpl := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"Sluice"}},
		NotBefore:    now.Add(-backdate),
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     n.DNS,
	}
	for _, ip := range n.IPs {
		tmpl.IPAddresses = append(tmpl.IPAddresses, ip.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	return &pair, slices.Concat(certPEM, keyPEM), nil
}

// readLeaf takes over the leaf that an earlier run kept, so that an exception
// that someone made for it in a browser still holds.
func (l *Local) readLeaf() error {
	text, err := os.ReadFile(filepath.Join(l.dir, leafFile))
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(l.dir, leafFile), err)
	}
	if !bytes.Equal(pair.Leaf.AuthorityKeyId, l.ca.cert.SubjectKeyId) || pair.Leaf.CheckSignatureFrom(l.ca.cert) != nil {
		return fmt.Errorf("%s: not signed by %s", filepath.Join(l.dir, leafFile), caFile)
	}
	l.current.Store(&pair)
	return nil
}

// status tells of the leaf.
func (l *Local) status() Status { return statusOf(l.current.Load().Leaf, OriginLocal) }
