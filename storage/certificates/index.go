package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
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
// them. Of several for one name (ECDSA and RSA) it's the first that the client
// can use.
func (x *index) find(hello *tls.ClientHelloInfo) *tls.Certificate {
	if hello == nil {
		return nil
	}
	for _, name := range candidates(hello.ServerName) {
		found := x.byName[name]
		for _, c := range found {
			if len(found) == 1 || hello.SupportsCertificate(c) == nil {
				return c
			}
		}
		if len(found) > 0 {
			return found[0] // the handshake says what is wrong
		}
	}
	return nil
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
