package certificates

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Why a client's certificate is refused, beside what crypto/x509 says. They come
// out of a handshake within a *tls.CertificateVerificationError.
var (
	ErrClientMissing = errors.New("it shows no certificate, and one is required")
	ErrClientRevoked = errors.New("its certificate has been revoked")
)

// ClientOptions say whose client certificates identify publishers.
type ClientOptions struct {
	CA       string // PEM file of the CAs that sign them
	CRL      string // file of their revocation lists, PEM or DER; empty: none
	Required bool   // who shows none is refused; else one is only asked for
}

// Clients checks publishers' certificates.
type Clients struct {
	options ClientOptions
	log     *slog.Logger
	current atomic.Pointer[trusted]

	mu sync.Mutex
	// Guarded by mu.
	content [sha256.Size]byte
	failing string // what was wrong last, so that it's logged once
}

// trusted is what the files say. It doesn't change.
type trusted struct {
	roots   *x509.CertPool
	revoked map[revocation]bool
	lists   int
	nextDue time.Time // when the first list should have been replaced; zero: never
	version uint64    // counts what was read
}

type revocation struct{ issuer, serial string }

// OpenClients reads the files. Serve takes later changes over.
func OpenClients(o ClientOptions, log *slog.Logger) (*Clients, error) {
	c := &Clients{options: o, log: log}
	if _, err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// Serve follows the files until ctx ends.
func (c *Clients) Serve(ctx context.Context) error {
	files := []string{c.options.CA}
	if c.options.CRL != "" {
		files = append(files, c.options.CRL)
	}
	return follow(ctx, c.log, files, func(time.Time) time.Duration { c.refresh(); return 0 })
}

// refresh takes the files over if they changed. What they said before goes on
// where they can't be used: a list that is cut short must let nobody in.
func (c *Clients) refresh() {
	fresh, err := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && err.Error() != c.failing:
		c.failing = err.Error()
		c.log.Warn("the CA of publishers, or its revocation list, changed and can't be used; the last good ones go on", "err", err)
	case err == nil:
		c.failing = ""
		if fresh {
			t := c.current.Load()
			c.log.Info("the CA of publishers was read again", "file", c.options.CA, "revoked", len(t.revoked))
		}
	}
}

// read reads the files, and reports whether they say something new.
func (c *Clients) read() (fresh bool, err error) {
	ca, err := readBounded(c.options.CA)
	if err != nil {
		return false, fmt.Errorf("read the CA of publishers: %w", err)
	}
	var crl []byte
	if c.options.CRL != "" {
		if crl, err = readBounded(c.options.CRL); err != nil {
			return false, fmt.Errorf("read revocation list: %w", err)
		}
	}
	content := sha256.Sum256(append(append(ca[:len(ca):len(ca)], 0), crl...))
	c.mu.Lock()
	same := c.current.Load() != nil && content == c.content
	c.mu.Unlock()
	if same {
		return false, nil
	}
	cas, err := parseCAs(ca)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", c.options.CA, err)
	}
	t := &trusted{roots: x509.NewCertPool(), revoked: map[revocation]bool{}}
	for _, cert := range cas {
		t.roots.AddCert(cert)
	}
	if c.options.CRL != "" {
		if err := t.addLists(crl, cas); err != nil {
			return false, fmt.Errorf("read %s: %w", c.options.CRL, err)
		}
		if !t.nextDue.IsZero() && time.Now().After(t.nextDue) {
			c.log.Warn("the revocation list should have been replaced by now; what it says still counts",
				"file", c.options.CRL, "due", t.nextDue)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.content, t.version = content, 1
	if last := c.current.Load(); last != nil {
		t.version = last.version + 1
	}
	c.current.Store(t)
	return true, nil
}

func parseCAs(text []byte) ([]*x509.Certificate, error) {
	var cas []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !cert.IsCA {
			return nil, fmt.Errorf("the certificate of %s is no CA's", cert.Subject)
		}
		cas = append(cas, cert)
	}
	if len(cas) == 0 {
		return nil, errors.New("no certificate of a CA is in it")
	}
	return cas, nil
}

// addLists reads revocation lists (RFC 5280 §5), each of which one of the CAs must
// have signed.
func (t *trusted) addLists(text []byte, cas []*x509.Certificate) error {
	var ders [][]byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) == 0 {
		ders = append(ders, text)
	}
	for _, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("no revocation list: %w", err)
		}
		if !signed(list, cas) {
			return fmt.Errorf("the revocation list of %s is of none of the CAs", list.Issuer)
		}
		t.lists++
		if due := list.NextUpdate; !due.IsZero() && (t.nextDue.IsZero() || due.Before(t.nextDue)) {
			t.nextDue = due
		}
		for _, e := range list.RevokedCertificateEntries {
			if len(t.revoked) >= maxRevoked {
				return fmt.Errorf("more than %d revoked certificates", maxRevoked)
			}
			t.revoked[revocation{string(list.RawIssuer), e.SerialNumber.String()}] = true
		}
	}
	return nil
}

func signed(list *x509.RevocationList, cas []*x509.Certificate) bool {
	for _, ca := range cas {
		if string(ca.RawSubject) == string(list.RawIssuer) && list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

// Ask makes a server ask for client certificates and check them.
func (c *Clients) Ask(config *tls.Config) {
	config.ClientAuth = tls.RequestClientCert
	config.VerifyConnection = c.verify
}

// verify checks what a client showed; whatever passes is to be relied on. It does so
// itself, in the place of crypto/tls, so that the CAs can change between two
// handshakes and every refusal says why.
func (c *Clients) verify(state tls.ConnectionState) error {
	certs := state.PeerCertificates
	if len(certs) == 0 {
		if c.options.Required {
			return &tls.CertificateVerificationError{Err: ErrClientMissing}
		}
		return nil
	}
	if err := c.current.Load().check(certs, time.Now()); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: certs, Err: err}
	}
	return nil
}

// Check says why certificates that passed a handshake once, a client's own first, would
// pass none at that time; or nil.
func (c *Clients) Check(certs []*x509.Certificate, now time.Time) error {
	return c.current.Load().check(certs, now)
}

// Version changes whenever the files say something new. It's above zero.
func (c *Clients) Version() uint64 { return c.current.Load().version }

func (t *trusted) check(certs []*x509.Certificate, now time.Time) error {
	between := x509.NewCertPool()
	for _, cert := range certs[1:] {
		between.AddCert(cert)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if !t.isRevoked(chain) {
			return nil
		}
	}
	return ErrClientRevoked
}

func (t *trusted) isRevoked(chain []*x509.Certificate) bool {
	for _, cert := range chain {
		if t.revoked[revocation{string(cert.RawIssuer), cert.SerialNumber.String()}] {
			return true
		}
	}
	return false
}
