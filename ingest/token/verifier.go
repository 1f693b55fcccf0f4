package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Limits of what is taken for a token, and of keys.
const (
	MaxLen     = 4096 // bytes of a token
	leeway     = 10 * time.Second
	minRSABits = 2048
	maxRSABits = 8192
)

// ErrInvalid says that a token isn't accepted; what it wraps says why.
var ErrInvalid = errors.New("token not valid")

// errNoKey says that there's no key for a token's algorithm and key id.
var errNoKey = errors.New("no key for it")

// Options of a Verifier. At least one of the keys and URL must be given.
type Options struct {
	Secret, OldSecret []byte            // HS256; the old one is valid too, while one takes the place of the other
	PEM, OldPEM       []byte            // a public key or certificate: RS256 or ES256; likewise
	URL               string            // of a JWK set
	Issuer, Audience  string            // demanded where given
	Transport         http.RoundTripper // for URL; nil: by proxy where the environment names one
	Log               *slog.Logger      // nil: nothing is logged
}

// Verifier checks tokens.
type Verifier struct {
	keys   []key
	remote *remote // nil without URL
	parser *jwt.Parser
}

// key checks tokens of one algorithm.
type key struct {
	id, alg string // id may be empty: it then fits every token
	public  any    // []byte, *rsa.PublicKey or *ecdsa.PublicKey
}

// The algorithms.
var (
	hs256 = jwt.SigningMethodHS256.Alg()
	rs256 = jwt.SigningMethodRS256.Alg()
	es256 = jwt.SigningMethodES256.Alg()
)

// New returns a Verifier. It reads nothing yet.
func New(o Options) (*Verifier, error) {
	v := &Verifier{}
	for _, secret := range [][]byte{o.Secret, o.OldSecret} {
		if len(secret) > 0 {
			v.keys = append(v.keys, key{alg: hs256, public: secret})
		}
	}
	for _, text := range [][]byte{o.PEM, o.OldPEM} {
		if len(text) == 0 {
			continue
		}
		k, err := parsePEM(text)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, k)
	}
	if o.URL != "" {
		v.remote = newRemote(o)
	}
	if len(v.keys) == 0 && v.remote == nil {
		return nil, errors.New("no key to check tokens with")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{hs256, rs256, es256}), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(time.Now),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

// Looks reports whether s has a token's form, so that it isn't taken for a key.
func Looks(s string) bool { return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2 }

// Verify checks a token. The error wraps ErrInvalid, or is of reading the keys, or the
// context's. It never holds the token.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	if len(raw) > MaxLen {
		return Claims{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, MaxLen)
	}
	var c Claims
	var ours error // of the keys, not of the token
	_, err := v.parser.ParseWithClaims(raw, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if crit := t.Header["crit"]; crit != nil {
			return nil, errors.New("it has extensions that must be understood") // RFC 7515 §4.1.11
		}
		var keys []key
		keys, ours = v.candidates(ctx, t.Method.Alg(), id)
		set := jwt.VerificationKeySet{}
		for _, k := range keys {
			set.Keys = append(set.Keys, k.public)
		}
		return set, ours
	})
	switch {
	case ours != nil && !errors.Is(ours, errNoKey):
		return Claims{}, ours
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c, nil
}

// candidates returns the keys that a token of that algorithm and key id may be
// signed with.
func (v *Verifier) candidates(ctx context.Context, alg, id string) ([]key, error) {
	if fit := fitting(v.keys, alg, id); len(fit) > 0 {
		return fit, nil
	}
	if v.remote == nil || alg == hs256 {
		return nil, errNoKey
	}
	return v.remote.candidates(ctx, alg, id)
}

func fitting(keys []key, alg, id string) (fit []key) {
	for _, k := range keys {
		if k.alg == alg && (id == "" || k.id == "" || k.id == id) {
			fit = append(fit, k)
		}
	}
	return fit
}

// parsePEM reads a public key, or that of a certificate.
func parsePEM(text []byte) (key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return key{}, errors.New("no PEM in it")
	}
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = c.PublicKey
		}
	default:
		return key{}, fmt.Errorf("a %.40q, and what is wanted is a public key", block.Type)
	}
	if err != nil {
		return key{}, err
	}
	return newKey("", public)
}

// newKey pins a key to its algorithm.
func newKey(id string, public any) (key, error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if n := p.N.BitLen(); n < minRSABits || n > maxRSABits {
			return key{}, fmt.Errorf("an RSA key of %d bits: want %d to %d", n, minRSABits, maxRSABits)
		}
		return key{id, rs256, p}, nil
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("a key on %s: want P-256", p.Curve.Params().Name)
		}
		return key{id, es256, p}, nil
	}
	return key{}, fmt.Errorf("a key of type %T: want RSA or P-256", public)
}
