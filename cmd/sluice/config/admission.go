package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Takeover says what becomes of a publisher whose stream another one wants.
type Takeover string

// The ways of taking over.
const (
	TakeoverSilent Takeover = "silent" // it must have fallen silent
	TakeoverNewest Takeover = "newest" // it gives way at once
)

// Webhooks are what an application is asked and told. Empty URLs are off.
type Webhooks struct {
	OnPublish, OnPublishDone, OnPlay string

	Secret         Secret // signs every request; must be given with a URL
	Timeout        time.Duration
	AdmitOnFailure bool // when there is no answer
}

// On reports whether anything is asked or told.
func (h Webhooks) On() bool { return h.OnPublish != "" || h.OnPublishDone != "" || h.OnPlay != "" }

// JWT says which tokens admit a publisher. One of Secret, KeyFile and JWKSURL must
// be given for any to.
type JWT struct {
	Secret           Secret // HS256
	KeyFile          string // a public key in PEM: RS256 or ES256
	JWKSURL          string // public keys, read again and again
	Issuer, Audience string // what tokens must say, where it's given
	Outlive          bool   // whoever is live stays so when the token expires
}

// On reports whether tokens admit anybody.
func (j JWT) On() bool { return j.Secret != "" || j.KeyFile != "" || j.JWKSURL != "" }

// Secret redacts itself wherever it is printed.
type Secret string

const redacted = "redacted"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const (
	maxSecret  = 4096
	minSecret  = 16 // bytes: what is shorter can be guessed by whoever sees a signature
	minTimeout = 100 * time.Millisecond
	maxTimeout = 8 * time.Second // a publisher is waited for no longer than 10 s
)

// groups are the YAML keys whose values are mappings of settings. They have no
// flags: secrets don't belong on a command line.
var groups = map[string][]setting{
	"webhooks": {
		{"on-publish", func(c *Config, v value) error { return webURL(&c.Webhooks.OnPublish, v.text) }},
		{"on-publish-done", func(c *Config, v value) error { return webURL(&c.Webhooks.OnPublishDone, v.text) }},
		{"on-play", func(c *Config, v value) error { return webURL(&c.Webhooks.OnPlay, v.text) }},
		{"secret", func(c *Config, v value) error { return secret(&c.Webhooks.Secret, v.text) }},
		{"secret-file", func(c *Config, v value) error { return secretFile(&c.Webhooks.Secret, v.text) }},
		{"timeout", func(c *Config, v value) error {
			return duration(&c.Webhooks.Timeout, v.text, minTimeout, maxTimeout)
		}},
		{"on-failure", func(c *Config, v value) error {
			c.Webhooks.AdmitOnFailure = v.text == "admit"
			if v.text != "admit" && v.text != "refuse" {
				return fmt.Errorf("%.20q is neither refuse nor admit", v.text)
			}
			return nil
		}},
	},
	"signing": signingGroup,
	"jwt": {
		{"secret", func(c *Config, v value) error { return secret(&c.JWT.Secret, v.text) }},
		{"secret-file", func(c *Config, v value) error { return secretFile(&c.JWT.Secret, v.text) }},
		{"public-key-file", func(c *Config, v value) error { c.JWT.KeyFile = v.text; return nil }},
		{"jwks-url", func(c *Config, v value) error { return webURL(&c.JWT.JWKSURL, v.text) }},
		{"issuer", func(c *Config, v value) error { c.JWT.Issuer = v.text; return nil }},
		{"audience", func(c *Config, v value) error { c.JWT.Audience = v.text; return nil }},
		{"end-sessions", func(c *Config, v value) error {
			ends := true
			err := onOff(&ends, v.text)
			c.JWT.Outlive = !ends
			return err
		}},
	},
}

func groupNames() []string {
	var list []string
	for name := range groups {
		list = append(list, name)
	}
	return list
}

// group reads one of the groups.
func (d *document) group(name string, n ast.Node) map[string]value {
	var known []string
	for _, s := range groups[name] {
		known = append(known, s.name)
	}
	values := map[string]value{}
	for key, node := range d.mapping(n, known) {
		if v, ok := d.scalar(key, node); ok {
			values[key] = v
		}
	}
	return values
}

// setGroups applies the groups of the layer that has them.
func setGroups(c *Config, layers []layer) error {
	var errs []error
	for name, group := range groups {
		for _, l := range layers {
			values := l.groups[name]
			for _, key := range []string{"secret", "old-secret"} {
				if values[key].text != "" && values[key+"-file"].text != "" {
					errs = append(errs, fmt.Errorf("%s: %s is given too", values[key+"-file"].at, key))
				}
			}
			for _, s := range group {
				if v := values[s.name]; v.text != "" {
					if err := s.set(c, v); err != nil {
						errs = append(errs, fmt.Errorf("%s: %w", v.at, err))
					}
				}
			}
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.Webhooks.Secret == "" && c.Webhooks.On() {
		return errors.New("webhooks: a secret is needed, which signs the requests")
	}
	return nil
}

// webURL checks a URL that is asked over HTTP.
func webURL(to *string, s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%.80q is no URL: want https://HOST/PATH", s)
	case u.User != nil:
		return errors.New("a URL with a password in it: requests are signed instead")
	case u.Fragment != "":
		return fmt.Errorf("%.80q: a fragment is not sent", s)
	}
	*to = s
	return nil
}

func secret(to *Secret, s string) error {
	if len(s) < minSecret || len(s) > maxSecret {
		return fmt.Errorf("a secret has %d to %d bytes, this one has %d", minSecret, maxSecret, len(s))
	}
	*to = Secret(s)
	return nil
}

// secretFile reads a secret from a file, without the white space around it.
func secretFile(to *Secret, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+2))
	if err != nil {
		return err
	}
	return secret(to, strings.TrimSpace(string(text)))
}
