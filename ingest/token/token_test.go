package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	secret   = []byte("a secret of two parties, 32 bytes")
	rsaKey   = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	otherKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemOf(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func build(t *testing.T, o Options) *Verifier {
	t.Helper()
	v, err := New(o)
	require.NoError(t, err)
	return v
}

// signed makes a token; claims that are nil are left out.
func signed(t *testing.T, m jwt.SigningMethod, k any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	c := jwt.MapClaims{"stream": "hall", "exp": time.Now().Add(time.Hour).Unix()}
	for name, v := range claims {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	token := jwt.NewWithClaims(m, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(k)
	require.NoError(t, err)
	return s
}

func TestAlgorithmIsTheKeys(t *testing.T) {
	rsaPEM, ecPEM := pemOf(t, rsaKey.Public()), pemOf(t, ecKey.Public())
	tokens := map[string]string{
		"HS256":    signed(t, jwt.SigningMethodHS256, secret, "", nil),
		"RS256":    signed(t, jwt.SigningMethodRS256, rsaKey, "", nil),
		"ES256":    signed(t, jwt.SigningMethodES256, ecKey, "", nil),
		"HS384":    signed(t, jwt.SigningMethodHS384, secret, "", nil),
		"PS256":    signed(t, jwt.SigningMethodPS256, rsaKey, "", nil),
		"RS512":    signed(t, jwt.SigningMethodRS512, rsaKey, "", nil),
		"none":     signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil),
		"forged":   signed(t, jwt.SigningMethodES256, otherKey, "", nil),
		"confused": signed(t, jwt.SigningMethodHS256, rsaPEM, "", nil), // a public key taken for a secret
	}
	for name, tc := range map[string]struct {
		o    Options
		good string
	}{
		"secret": {Options{Secret: secret}, "HS256"},
		"RSA":    {Options{PEM: rsaPEM}, "RS256"},
		"P-256":  {Options{PEM: ecPEM}, "ES256"},
		"both":   {Options{Secret: secret, PEM: ecPEM}, "HS256 ES256"},
	} {
		v := build(t, tc.o)
		for alg, raw := range tokens {
			c, err := v.Verify(t.Context(), raw)
			if strings.Contains(tc.good, alg) {
				require.NoError(t, err, "%s: %s", name, alg)
				require.Equal(t, "hall", c.Stream)
				continue
			}
			require.ErrorIs(t, err, ErrInvalid, "%s: %s", name, alg)
		}
	}
}

func TestClaims(t *testing.T) {
	v := build(t, Options{Secret: secret, Issuer: "idp", Audience: "sluice"})
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	base := jwt.MapClaims{"iss": "idp", "aud": "sluice"}
	for _, tc := range []struct {
		claims jwt.MapClaims
		want   string // of the error
	}{
		{nil, ""},
		{jwt.MapClaims{"aud": []string{"other", "sluice"}}, ""},
		{jwt.MapClaims{"exp": at(-5 * time.Second)}, ""}, // clocks differ
		{jwt.MapClaims{"exp": at(-20 * time.Second)}, "expired"},
		{jwt.MapClaims{"exp": nil}, "exp"},
		{jwt.MapClaims{"exp": "soon"}, "NumericData"},
		{jwt.MapClaims{"nbf": at(5 * time.Second)}, ""},
		{jwt.MapClaims{"nbf": at(20 * time.Second)}, "not valid yet"},
		{jwt.MapClaims{"iss": "else"}, "issuer"},
		{jwt.MapClaims{"iss": nil}, "iss"},
		{jwt.MapClaims{"aud": "else"}, "audience"},
		{jwt.MapClaims{"stream": nil}, "names a stream"},
		{jwt.MapClaims{"stream": "Not A Name"}, "stream name"},
		{jwt.MapClaims{"stream": 7}, "stream"},
		{jwt.MapClaims{"stream": nil, "sub": "hall"}, ""},
		{jwt.MapClaims{"allow": "192.0.2.0/24"}, ""},
		{jwt.MapClaims{"allow": []string{"192.0.2.1", "2001:db8::/32"}}, ""},
		{jwt.MapClaims{"allow": []string{}}, "allow"},
		{jwt.MapClaims{"allow": []string{"hall"}}, "allow"},
		{jwt.MapClaims{"allow": 7}, "json"},
	} {
		claims := jwt.MapClaims{}
		for _, m := range []jwt.MapClaims{base, tc.claims} {
			for k, v := range m {
				claims[k] = v
			}
		}
		raw := signed(t, jwt.SigningMethodHS256, secret, "", claims)
		c, err := v.Verify(t.Context(), raw)
		if tc.want == "" {
			require.NoError(t, err, "%v", tc.claims)
			require.Equal(t, "hall", c.Stream)
			continue
		}
		require.ErrorIs(t, err, ErrInvalid, "%v", tc.claims)
		require.ErrorContains(t, err, tc.want, "%v", tc.claims)
		require.NotContains(t, err.Error(), "eyJ")
	}
	c, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodHS256, secret, "", jwt.MapClaims{
		"iss": "idp", "aud": "sluice", "sub": "anna", "allow": []string{"192.0.2.7/24", "2001:db8::1"}}))
	require.NoError(t, err)
	require.Equal(t, "anna", c.Subject)
	require.Equal(t, "192.0.2.0/24", c.Allow[0].String())
	require.Equal(t, "2001:db8::1/128", c.Allow[1].String())

	for _, raw := range []string{"", "a.b.c", "eyJ..", strings.Repeat("e", MaxLen+1)} {
		_, err := v.Verify(t.Context(), raw)
		require.ErrorIs(t, err, ErrInvalid)
	}
	critical := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"stream": "hall", "exp": at(time.Hour), "iss": "idp", "aud": "sluice"})
	critical.Header["crit"] = []string{"b64"}
	raw, err := critical.SignedString(secret)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), raw)
	require.ErrorIs(t, err, ErrInvalid)
}

// While a key is changed for another, tokens of both are valid; then those of the new one.
func TestRotation(t *testing.T) {
	old := []byte("the secret that stood there before")
	during := build(t, Options{Secret: secret, OldSecret: old, PEM: pemOf(t, ecKey.Public()), OldPEM: pemOf(t, otherKey.Public())})
	after := build(t, Options{Secret: secret, PEM: pemOf(t, ecKey.Public())})
	for name, tc := range map[string]struct {
		raw  string
		goes bool // after the rotation
	}{
		"secret":     {signed(t, jwt.SigningMethodHS256, secret, "", nil), true},
		"old secret": {signed(t, jwt.SigningMethodHS256, old, "", nil), false},
		"key":        {signed(t, jwt.SigningMethodES256, ecKey, "", nil), true},
		"old key":    {signed(t, jwt.SigningMethodES256, otherKey, "", nil), false},
	} {
		_, err := during.Verify(t.Context(), tc.raw)
		require.NoError(t, err, name)
		_, err = after.Verify(t.Context(), tc.raw)
		require.Equal(t, tc.goes, err == nil, "%s: %v", name, err)
	}
	_, err := New(Options{OldPEM: []byte("no key")})
	require.ErrorContains(t, err, "no PEM")
}

func TestLooks(t *testing.T) {
	require.True(t, Looks(signed(t, jwt.SigningMethodHS256, secret, "", nil)))
	for _, s := range []string{"", "hall", "a.b.c", "eyJhbGci", "eyJ.x", "eyJ.a.b.c"} {
		require.False(t, Looks(s), s)
	}
}

func TestKeysThatCantBeUsed(t *testing.T) {
	weak, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537})
	require.NoError(t, err)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	private, err := x509.MarshalPKCS8PrivateKey(ecKey)
	require.NoError(t, err)
	for want, text := range map[string][]byte{
		"no PEM":              []byte("hello"),
		"RSA key of 1024":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: weak}),
		"P-384: want P-256":   pemOf(t, p384.Public()),
		"what is wanted is a": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		_, err := New(Options{PEM: text})
		require.ErrorContains(t, err, want)
	}
	_, err = New(Options{})
	require.Error(t, err)
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)})
	_, err = build(t, Options{PEM: pkcs1}).Verify(t.Context(), signed(t, jwt.SigningMethodRS256, rsaKey, "", nil))
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ecKey.Public(), crypto.Signer(ecKey))
	require.NoError(t, err)
	_, err = build(t, Options{PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}).
		Verify(t.Context(), signed(t, jwt.SigningMethodES256, ecKey, "", nil))
	require.NoError(t, err)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwkOf is a public key as RFC 7517 has it.
func jwkOf(id string, public any) map[string]string {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "kid": id, "n": b64(p.N.Bytes()), "e": b64(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(p.Bytes())
		return map[string]string{"kty": "EC", "kid": id, "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
	}
	panic("no such key")
}

func setOf(keys ...map[string]string) []byte { return must(json.Marshal(map[string]any{"keys": keys})) }

func TestSets(t *testing.T) {
	ec, rs := jwkOf("a", ecKey.Public()), jwkOf("b", rsaKey.Public())
	with := func(k map[string]string, pairs ...string) map[string]string {
		c := map[string]string{}
		for name, v := range k {
			c[name] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			c[pairs[i]] = pairs[i+1]
		}
		return c
	}
	keys, err := parseSet(setOf(ec, map[string]string{"kty": "oct", "k": "c2VjcmV0"}, rs, with(ec, "use", "enc"), with(rs, "d", "AQAB")))
	require.NoError(t, err)
	require.Len(t, keys, 2, "what can't be used is passed over")
	require.Equal(t, []string{"a", es256, "b", rs256}, []string{keys[0].id, keys[0].alg, keys[1].id, keys[1].alg})
	require.True(t, ecKey.PublicKey.Equal(keys[0].public))
	require.True(t, rsaKey.PublicKey.Equal(keys[1].public))

	for want, text := range map[string][]byte{
		"unexpected end":            []byte(`{"keys":[`),
		"no key that can be used":   []byte(`{}`),
		"type \"oct\"":              setOf(map[string]string{"kty": "oct", "k": "c2VjcmV0"}),
		"it's for \"enc\"":          setOf(with(ec, "use", "enc")),
		"it's for \"RS512\"":        setOf(with(rs, "alg", "RS512")),
		"private":                   setOf(with(ec, "d", "AAAA")),
		"want P-256":                setOf(with(ec, "crv", "P-521")),
		"no point of P-256":         setOf(with(ec, "x", "AAAA")),
		"not on curve":              setOf(with(ec, "x", b64(make([]byte, 32)), "y", b64(make([]byte, 32)))),
		"illegal base64":            setOf(with(rs, "n", "***")),
		"RSA key of 8":              setOf(with(rs, "n", "_w")),
		"no RSA key":                setOf(with(rs, "e", "Ag")),
		"a number of 40 bits":       setOf(with(rs, "e", "_wAAAAE")),
		"a number that is too long": setOf(with(rs, "n", strings.Repeat("A", 3000))),
		"more than 64 keys":         setOf(make([]map[string]string, maxKeys+1)...),
	} {
		_, err := parseSet(text)
		require.ErrorContains(t, err, want)
	}
}

func FuzzSet(f *testing.F) {
	f.Add(setOf(jwkOf("a", ecKey.Public()), jwkOf("b", rsaKey.Public())))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseSet(text)
		if (err == nil) != (len(keys) > 0) || len(keys) > maxKeys {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			switch p := k.public.(type) {
			case *rsa.PublicKey:
				if k.alg != rs256 || p.N.BitLen() < minRSABits {
					t.Fatal(k.alg, p.N.BitLen())
				}
			case *ecdsa.PublicKey:
				if k.alg != es256 {
					t.Fatal(k.alg)
				}
			default:
				t.Fatalf("%T", k.public)
			}
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"stream":"hall","exp":4102444800,"allow":["10.0.0.0/8"]}`))
	f.Add([]byte(`{"sub":"hall","exp":4102444800.5,"nbf":0,"allow":"::1","aud":["a"]}`))
	v := must(New(Options{Secret: secret}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		text := b64([]byte(`{"alg":"HS256"}`)) + "." + b64(payload)
		sum := must(jwt.SigningMethodHS256.Sign(text, secret))
		c, err := v.Verify(t.Context(), text+"."+b64(sum))
		switch {
		case err != nil && !errors.Is(err, ErrInvalid):
			t.Fatal(err)
		case err == nil && (c.Stream == "" || c.ExpiresAt == nil || c.Validate() != nil):
			t.Fatalf("%+v", c)
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJzdHJlYW0iOiJoYWxsIn0.")
	f.Add("eyJhbGciOiJIUzI1NiIsImtpZCI6NywiY3JpdCI6W119.e30.AAAA")
	v := must(New(Options{Secret: secret}))
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := v.Verify(t.Context(), raw); !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	})
}

// publisher serves a set without a network.
type publisher struct {
	mu     sync.Mutex
	set    []byte
	status int
	asked  int
	hold   chan struct{} // answers wait for it
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked++
	status, set, hold := p.status, p.set, p.hold
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(set)))}, nil
}

func (p *publisher) says(status int, set []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.set = status, set
}

func TestSetIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{}
		v := build(t, Options{URL: "https://idp.example/jwks?secret=hunter2", Transport: p})
		long := jwt.MapClaims{"exp": time.Now().Add(24 * time.Hour).Unix()}
		a := signed(t, jwt.SigningMethodES256, ecKey, "a", long)
		b := signed(t, jwt.SigningMethodES256, otherKey, "b", long)
		verify := func(raw string) error { _, err := v.Verify(t.Context(), raw); return err }

		err := verify(a)
		require.ErrorIs(t, err, errKeys, "it's our fault, not the token's")
		require.NotErrorIs(t, err, ErrInvalid)
		require.NotContains(t, err.Error(), "hunter2")
		p.says(200, setOf(jwkOf("a", ecKey.Public())))
		require.ErrorIs(t, verify(a), errKeys)
		require.Equal(t, 1, p.asked, "not again at once")
		time.Sleep(minPause)
		require.NoError(t, verify(a))
		require.Equal(t, 2, p.asked)
		for range 10 {
			require.NoError(t, verify(a))
		}
		require.Equal(t, 2, p.asked)

		// A key that isn't in it is looked for, but not all the time.
		for range 10 {
			require.ErrorIs(t, verify(b), ErrInvalid)
		}
		require.Equal(t, 2, p.asked)
		time.Sleep(minPause)
		p.says(200, setOf(jwkOf("a", ecKey.Public()), jwkOf("b", otherKey.Public())))
		require.NoError(t, verify(b))
		require.Equal(t, 3, p.asked)

		// The last good one stands while there's no other, and for as long as it takes.
		p.says(500, nil)
		time.Sleep(maxAge + time.Second)
		require.NoError(t, verify(a))
		require.NoError(t, verify(a))
		require.Equal(t, 4, p.asked)
		time.Sleep(minPause + time.Second)
		p.says(200, []byte("<html>"))
		require.NoError(t, verify(a))
		require.Equal(t, 5, p.asked)

		// A key that was taken out is dead once the set is read again.
		p.says(200, setOf(jwkOf("b", otherKey.Public())))
		time.Sleep(minPause + time.Second)
		require.ErrorIs(t, verify(a), ErrInvalid)
		require.NoError(t, verify(b))
		require.ErrorIs(t, verify(signed(t, jwt.SigningMethodHS256, secret, "", long)), ErrInvalid, "no set makes a secret")
	})
}

// While one reads an old set again, the others go on with it.
func TestReadingHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{}
		p.says(200, setOf(jwkOf("a", ecKey.Public())))
		v := build(t, Options{URL: "https://idp.example/jwks", Transport: p})
		a := signed(t, jwt.SigningMethodES256, ecKey, "a", nil)
		_, err := v.Verify(t.Context(), a)
		require.NoError(t, err)
		time.Sleep(maxAge + time.Second)
		hold := make(chan struct{})
		p.mu.Lock()
		p.hold = hold
		p.mu.Unlock()
		first := make(chan error)
		go func() {
			_, err := v.Verify(t.Context(), a)
			first <- err
		}()
		synctest.Wait()
		start := time.Now()
		_, err = v.Verify(t.Context(), a)
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = v.Verify(ctx, signed(t, jwt.SigningMethodES256, otherKey, "b", nil))
		require.ErrorIs(t, err, context.DeadlineExceeded, "who needs what is being read waits for it")
		require.NoError(t, <-first, "a server that hangs is given up")
		require.Equal(t, fetchTime, time.Since(start))
	})
}
