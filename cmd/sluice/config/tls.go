package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// TLS says which certificates the gateway has, and which it asks publishers for.
// Without files and domains there is the local CA's.
type TLS struct {
	Certs, Keys []string // PEM files; one key for each certificate
	Domains     []string // to have certificates issued for, by ACME
	ACME        ACME
	Client      Client
}

// ACME says who issues certificates for domains.
type ACME struct {
	Email     string // of the account; may be empty
	Directory string // URL; empty is Let's Encrypt's
	CA        string // PEM file of the CA of the directory's own certificate; empty: the system's
}

// Client says whose client certificates identify publishers.
type Client struct {
	CA       string // PEM file; empty: none are asked for
	CRL      string // file of revoked ones; may be empty
	Required bool   // who shows none isn't let in
}

// maxNames bounds the certificate names of one stream.
const maxNames = 64

// items takes a list of values with commas between them apart.
func items(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// domains checks names that a CA is to issue certificates for.
func domains(to *[]string, text string) error {
	var list []string
	for _, d := range items(text) {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		switch {
		case strings.HasPrefix(d, "*."):
			return fmt.Errorf("%q: a wildcard can't be proved over TLS or HTTP: name the domains one by one", d)
		case !isDomain(d):
			return fmt.Errorf("%q is not a domain, as in live.example.org", d)
		case slices.Contains(list, d):
			return fmt.Errorf("%q is given twice", d)
		}
		list = append(list, d)
	}
	*to = list
	return nil
}

func isDomain(d string) bool {
	if _, err := netip.ParseAddr(d); err == nil || len(d) > 253 || !strings.Contains(d, ".") {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func email(to *string, text string) error {
	name, host, ok := strings.Cut(text, "@")
	if !ok || name == "" || host == "" || strings.ContainsAny(text, " ,<>") {
		return fmt.Errorf("%q is not an e-mail address", text)
	}
	*to = text
	return nil
}

func directory(to *string, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not the https URL of an ACME directory", text)
	}
	*to = text
	return nil
}

func clientAuth(to *bool, text string) error {
	switch text {
	case "request":
		*to = false
	case "require":
		*to = true
	default:
		return fmt.Errorf("%q is neither request nor require", text)
	}
	return nil
}

// clientNames are the names in certificates that may publish a stream.
func clientNames(to *[]string, text string) error {
	list := items(text)
	switch {
	case len(list) == 0:
		return errors.New("no name of a certificate")
	case len(list) > maxNames:
		return fmt.Errorf("more than %d names", maxNames)
	}
	*to = list
	return nil
}

// checkTLS looks at how the settings of TLS go together. at names where one was given.
func (c Config) checkTLS(specs []streamSpec, at func(string) string) (errs []error) {
	t, l := c.TLS, c.Listen
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch certs, keys := len(t.Certs), len(t.Keys); {
	case certs > 0 && keys == 0:
		fail("%s: given without tls-key", at("tls-cert"))
	case certs == 0 && keys > 0:
		fail("%s: given without tls-cert", at("tls-key"))
	case certs != keys:
		fail("%s and %s: %d certificates and %d keys: each needs its own, in the same order", at("tls-cert"), at("tls-key"), certs, keys)
	}
	if len(t.Domains) == 0 {
		for _, s := range []struct{ name, value string }{
			{"acme-email", t.ACME.Email}, {"acme-directory", t.ACME.Directory}, {"acme-ca", t.ACME.CA},
		} {
			if s.value != "" {
				fail("%s: given without domain", at(s.name))
			}
		}
	} else if l.HTTP == "" && l.HTTPS == "" && l.RTMPS == "" {
		fail("%s: no listener is on that could answer a CA", at("domain"))
	}
	if t.Client.CA == "" {
		if t.Client.CRL != "" {
			fail("%s: given without client-ca", at("client-crl"))
		}
		if t.Client.Required {
			fail("%s: given without client-ca", at("client-auth"))
		}
		for i, s := range c.Streams {
			if len(s.Clients) > 0 {
				fail("%s: given without client-ca (stream %s)", specs[i].fields["client"].at, s.Name)
			}
		}
	} else if t.Client.Required && c.Compat.RTMPT {
		fail("%s: tunnels would let publishers in without the certificate that client-auth requires", at("rtmpt"))
	} else if l.RTMPS == "" {
		fail("%s: rtmps-addr is off, so nobody could show a certificate", at("client-ca"))
	}
	return errs
}
