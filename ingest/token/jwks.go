package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// maxKeys bounds those of a set.
const maxKeys = 64

// jwk is a key of RFC 7517 §4, with the parameters of RFC 7518 §6.2.1 and §6.3.1.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	N         string `json:"n"`
	E         string `json:"e"`
	Private   string `json:"d"`
}

// parseSet returns the keys of a JWK set that can check tokens. Others are passed
// over, as RFC 7517 §5 wants it; an error is a set without one that can.
func parseSet(text []byte) ([]key, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("read key set: more than %d keys", maxKeys)
	}
	var keys []key
	var errs []error
	for i, j := range set.Keys {
		k, err := j.key()
		if err != nil {
			errs = append(errs, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.Join(append([]error{errors.New("read key set: no key that can be used")}, errs...)...)
	}
	return keys, nil
}

func (j jwk) key() (key, error) {
	switch {
	case j.Use != "" && j.Use != "sig":
		return key{}, fmt.Errorf("it's for %.20q", j.Use)
	case j.Private != "":
		return key{}, errors.New("a private key, which isn't one any more")
	}
	public, err := j.public()
	if err != nil {
		return key{}, err
	}
	k, err := newKey(j.ID, public)
	if err == nil && j.Algorithm != "" && j.Algorithm != k.alg {
		return key{}, fmt.Errorf("it's for %.20q", j.Algorithm)
	}
	return k, err
}

func (j jwk) public() (any, error) {
	switch j.Type {
	case "RSA":
		n, err := number(j.N, maxRSABits)
		if err != nil {
			return nil, err
		}
		e, err := number(j.E, 31)
		if err != nil {
			return nil, err
		}
		if e.Int64() < 3 || e.Bit(0) == 0 || n.Bit(0) == 0 {
			return nil, errors.New("no RSA key")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case "EC":
		if j.Curve != "P-256" {
			return nil, fmt.Errorf("a key on %.20q: want P-256", j.Curve)
		}
		x, errX := base64.RawURLEncoding.DecodeString(j.X)
		y, errY := base64.RawURLEncoding.DecodeString(j.Y)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		if len(x) != 32 || len(y) != 32 { // RFC 7518 §6.2.1.2
			return nil, errors.New("no point of P-256")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	}
	return nil, fmt.Errorf("a key of type %.20q", j.Type)
}

// number reads a Base64urlUInt, RFC 7518 §2.
func number(s string, maxBits int) (*big.Int, error) {
	if len(s) > 2*maxBits/8+4 {
		return nil, errors.New("a number that is too long")
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, err
	}
	n := new(big.Int).SetBytes(b)
	if n.BitLen() > maxBits {
		return nil, fmt.Errorf("a number of %d bits", n.BitLen())
	}
	return n, nil
}
