package config

import (
	"cmp"
	"fmt"
	"strings"

	"sluice/web/pass"
)

// Access says whether watching takes a token.
type Access string

// The values of playback.
const (
	Public Access = "public" // whoever knows the name may watch
	Signed Access = "signed" // whoever has a URL with a token
)

// Playback says who may watch. Zero fields of a stream's mean the gateway's.
type Playback struct {
	Access   Access
	Origins  []string // whose pages may read a stream, as package pass has them
	Referers []string // whose pages may show it, likewise
}

// Or returns p with d in the place of zero fields.
func (p Playback) Or(d Playback) Playback {
	p.Access = cmp.Or(p.Access, d.Access)
	if p.Origins == nil {
		p.Origins = d.Origins
	}
	if p.Referers == nil {
		p.Referers = d.Referers
	}
	return p
}

// Rules are what it means, once no field is zero.
func (p Playback) Rules() pass.Rules {
	return pass.Rules{Signed: p.Access == Signed, Origins: p.Origins, Referers: p.Referers}
}

// set sets a field by its name in the configuration.
func (p *Playback) set(name, v string) error {
	switch name {
	case "playback":
		if p.Access = Access(v); p.Access != Public && p.Access != Signed {
			return fmt.Errorf("%.20q is neither public nor signed", v)
		}
		return nil
	case "origin":
		return entries(&p.Origins, v, pass.ValidateOrigin)
	}
	return entries(&p.Referers, v, pass.ValidateReferer)
}

func entries(to *[]string, v string, validate func(string) error) error {
	var all []string
	for _, s := range items(v) {
		s = strings.ToLower(s)
		if err := validate(s); err != nil {
			return err
		}
		all = append(all, s)
	}
	*to = all
	return nil
}

// Signing says which tokens let viewers watch. Secret checks short tokens and JWT (HS256),
// the others JWT. What is old is valid too: so that keys can be changed while streams are
// watched.
type Signing struct {
	Secret, OldSecret   Secret
	KeyFile, OldKeyFile string // public keys in PEM: RS256 or ES256
	JWKSURL             string // public keys, read again and again
	Issuer, Audience    string // what JWT must say, where it's given
}

// On reports whether there is anything to check tokens with.
func (s Signing) On() bool {
	return s.Secret != "" || s.OldSecret != "" || s.KeyFile != "" || s.OldKeyFile != "" || s.JWKSURL != ""
}

var signingGroup = []setting{
	{"secret", func(c *Config, v value) error { return secret(&c.Signing.Secret, v.text) }},
	{"secret-file", func(c *Config, v value) error { return secretFile(&c.Signing.Secret, v.text) }},
	{"old-secret", func(c *Config, v value) error { return secret(&c.Signing.OldSecret, v.text) }},
	{"old-secret-file", func(c *Config, v value) error { return secretFile(&c.Signing.OldSecret, v.text) }},
	{"public-key-file", func(c *Config, v value) error { c.Signing.KeyFile = v.text; return nil }},
	{"old-public-key-file", func(c *Config, v value) error { c.Signing.OldKeyFile = v.text; return nil }},
	{"jwks-url", func(c *Config, v value) error { return webURL(&c.Signing.JWKSURL, v.text) }},
	{"issuer", func(c *Config, v value) error { c.Signing.Issuer = v.text; return nil }},
	{"audience", func(c *Config, v value) error { c.Signing.Audience = v.text; return nil }},
}

// checkPlayback looks at how signing goes together with what is signed, and with the
// tokens of publishers: one that lets somebody watch must not let him publish.
func (c Config) checkPlayback(specs []streamSpec, at func(string) string) (errs []error) {
	if !c.Signing.On() {
		const needs = "signed needs a key: signing, secret-file (or another of its keys) in the YAML file"
		if c.Playback.Access == Signed {
			errs = append(errs, fmt.Errorf("%s: %s", at("playback"), needs))
		}
		for i, s := range c.Streams {
			if s.Playback.Access == Signed {
				errs = append(errs, fmt.Errorf("%s: %s", specs[i].fields["playback"].at, needs))
			}
		}
	}
	s, j := c.Signing, c.JWT
	shared := func(key string, ours ...string) bool {
		for _, own := range ours {
			if key != "" && own == key {
				return true
			}
		}
		return false
	}
	apart := s.Audience != "" && j.Audience != "" && s.Audience != j.Audience
	if !apart && (shared(string(j.Secret), string(s.Secret), string(s.OldSecret)) ||
		shared(j.KeyFile, s.KeyFile, s.OldKeyFile) || shared(j.JWKSURL, s.JWKSURL)) {
		errs = append(errs, fmt.Errorf("signing: a key is that of jwt, so viewers' tokens would let them publish: "+
			"take another, or give each an audience of its own"))
	}
	return errs
}
