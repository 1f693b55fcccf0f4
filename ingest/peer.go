package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
)

// ErrClient refuses a publisher whose client certificate isn't what its stream
// wants, or that has none.
var ErrClient = errors.New("not this stream's client certificate")

// errClientCert ends a TLS handshake over the client's certificate.
var errClientCert = errors.New("client certificate refused")

// maxPeerNames bounds the names of one certificate that count.
const maxPeerNames = 64

// Peer is who a publisher is by its client certificate. Without one it has no names.
type Peer struct {
	// Names are the certificate's common name and its DNS, e-mail and URI names, in
	// this order. They are as trustworthy as the tls.Config of ServeTLS: that must
	// verify every certificate that it lets pass.
	Names []string
}

// peerOf returns whom a handshake has shown.
func peerOf(state tls.ConnectionState) Peer {
	if len(state.PeerCertificates) == 0 {
		return Peer{}
	}
	return Peer{Names: peerNames(state.PeerCertificates[0])}
}

func peerNames(c *x509.Certificate) []string {
	var names []string
	if cn := c.Subject.CommonName; cn != "" {
		names = append(names, cn)
	}
	names = append(names, c.DNSNames...)
	names = append(names, c.EmailAddresses...)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	var once []string
	for _, n := range names {
		if !slices.Contains(once, n) && len(once) < maxPeerNames {
			once = append(once, n)
		}
	}
	return once
}

// String returns the first name, fit for a log.
func (p Peer) String() string {
	if len(p.Names) == 0 {
		return ""
	}
	return printable(p.Names[0])
}

// LogValue implements slog.LogValuer.
func (p Peer) LogValue() slog.Value { return slog.StringValue(p.String()) }

// clientError says why a handshake was ended over the client's certificate, or nil
// where it was something else.
func clientError(err error) error {
	var refused *tls.CertificateVerificationError
	if !errors.As(err, &refused) {
		return nil
	}
	if certs := refused.UnverifiedCertificates; len(certs) > 0 {
		if who := (Peer{peerNames(certs[0])}).String(); who != "" {
			return fmt.Errorf("%w: %s: %s", errClientCert, who, reasonOf(refused.Err))
		}
	}
	return fmt.Errorf("%w: %s", errClientCert, reasonOf(refused.Err))
}

// distrusted says that the peer refuses our certificate, if that's what ended the
// connection. With TLS 1.3 it's told behind the handshake (RFC 8446 §4.4).
func distrusted(err error) error {
	var told *net.OpError
	if !errors.As(err, &told) || told.Op != "remote error" || !strings.Contains(told.Err.Error(), "certificate") {
		return nil
	}
	return fmt.Errorf("%w: the encoder refuses the gateway's certificate: let it trust the CA, and use a host name "+
		"that is in the certificate (%w)", errTLSFailed, told.Err)
}

// reasonOf is an error's text without the names of packages.
func reasonOf(err error) string {
	return strings.TrimPrefix(err.Error(), "x509: ")
}
