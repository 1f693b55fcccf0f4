package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"
)

// index finds certificates by name. It doesn't change.
type index struct {
	byName   map[string][]*tls.Certificate
	fallback *tls.Certificate // the first
}

func newIndex(certs []*tls.Certificate) *index {
	x := &index{byName: map[string][]*tls.Certificate{}}
	for _, c := range certs {
		for _, name := range namesOf(c.Leaf) {
			name = strings.ToLower(name)
			x.byName[name] = append(x.byName[name], c)
		}
		if x.fallback == nil {
			x.fallback = c
		}
	}
	return x
}

// find returns the certificate for a handshake, or nil where it names none of
// them. Of several for one name (ECDSA and RSA, an old one and a new) it's the first
// that the client can use and that hasn't expired.
func (x *index) find(hello *tls.ClientHelloInfo) *tls.Certificate {
	if hello == nil {
		return nil
	}
	for _, name := range candidates(hello.ServerName) {
		if found := x.byName[name]; len(found) > 0 {
			return best(found, hello, time.Now())
		}
	}
	return nil
}

func best(found []*tls.Certificate, hello *tls.ClientHelloInfo, now time.Time) *tls.Certificate {
	if len(found) == 1 {
		return found[0]
	}
	var expired *tls.Certificate
	for _, c := range found {
		switch {
		case hello.SupportsCertificate(c) != nil:
		case now.Before(c.Leaf.NotAfter):
			return c
		case expired == nil:
			expired = c
		}
	}
	if expired != nil {
		return expired
	}
	return found[0] // the handshake says what is wrong
}

// candidates are the names in certificates that serve a client which asks for
// this one. A wildcard stands for the whole of the left-most label, and for that
// alone (RFC 6125 §6.4.3).
func candidates(name string) []string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" {
		return nil
	}
	if _, rest, ok := strings.Cut(name, "."); ok && rest != "" {
		return []string{name, "*." + rest}
	}
	return []string{name}
}

// namesOf are the names that a certificate is for. The common name counts where
// there is no other, as it does for old clients.
func namesOf(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && leaf.Subject.CommonName != "" {
		names = append(names, leaf.Subject.CommonName)
	}
	return names
}
