package pass

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	secret = []byte("a secret of two parties, 32 bytes")
	older  = []byte("the secret that stood there before")
	noon   = time.Unix(1_800_000_000, 0)
	here   = netip.MustParseAddr("192.0.2.7")
	there  = netip.MustParseAddr("2001:db8::7")
)

// by signs a message as an application does it that has only read the documentation.
func by(secret []byte, format string, args ...any) string {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, format, args...)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func TestFormOfTokens(t *testing.T) {
	require.Equal(t, "1800000000."+by(secret, "play:hall:1800000000:"), Sign(secret, "hall", noon, netip.Addr{}))
	require.Equal(t, "1800000000.ip."+by(secret, "play:hall:1800000000:192.0.2.7"), Sign(secret, "hall", noon, here))
	require.Equal(t, Sign(secret, "hall", noon, here), Sign(secret, "hall", noon, netip.MustParseAddr("::ffff:192.0.2.7")))
	require.Equal(t, "1800000000.ip."+by(secret, "play:hall:1800000000:2001:db8::7"), Sign(secret, "hall", noon, there.WithZone("eth0")))
}

func TestVerify(t *testing.T) {
	v := New(Options{Secrets: [][]byte{secret, older}})
	hour := noon.Add(time.Hour)
	free, own := Sign(secret, "hall", hour, netip.Addr{}), Sign(secret, "hall", hour, here)
	for name, tc := range map[string]struct {
		token, stream string
		from          netip.Addr
		now           time.Time
		want          error
	}{
		"for everybody":             {free, "hall", there, noon, nil},
		"for an address":            {own, "hall", here, noon, nil},
		"wrapped in IPv6":           {own, "hall", netip.MustParseAddr("::ffff:192.0.2.7"), noon, nil},
		"the last second":           {free, "hall", here, hour.Add(-1), nil},
		"the secret of before":      {Sign(older, "hall", hour, netip.Addr{}), "hall", here, noon, nil},
		"expired":                   {free, "hall", here, hour, ErrExpired},
		"expired, for an address":   {own, "hall", here, hour, ErrExpired},
		"another's address":         {own, "hall", there, noon, ErrAddress},
		"another's, expired":        {own, "hall", there, hour, ErrAddress},
		"no address known":          {own, "hall", netip.Addr{}, noon, ErrAddress},
		"another stream":            {free, "yard", here, noon, ErrInvalid},
		"another secret":            {Sign([]byte("a secret of nobody that is known"), "hall", hour, netip.Addr{}), "hall", here, noon, ErrInvalid},
		"a later expiry":            {strings.Replace(free, "18000036", "18000037", 1), "hall", here, noon, ErrInvalid},
		"the address taken away":    {strings.Replace(own, ".ip.", ".", 1), "hall", here, noon, ErrInvalid},
		"an address put in":         {strings.Replace(free, ".", ".ip.", 1), "hall", here, noon, ErrAddress},
		"a message with the stream": {"1800003600." + by(secret, "play:hall:1800003600:x"), "hall", here, noon, ErrInvalid},
		"leading zero":              {"0" + free, "hall", here, noon, ErrInvalid},
		"signed by hand":            {"+1800003600." + by(secret, "play:hall:+1800003600:"), "hall", here, noon, ErrInvalid},
		"padded":                    {free + "=", "hall", here, noon, ErrInvalid},
		"more behind it":            {free + ".x", "hall", here, noon, ErrInvalid},
		"nothing":                   {"", "hall", here, noon, ErrInvalid},
		"no MAC":                    {"1800003600.", "hall", here, noon, ErrInvalid},
		"too long":                  {strings.Repeat("1", MaxLen+1), "hall", here, noon, ErrInvalid},
		"JWT, which isn't taken":    {"eyJhbGciOiJub25lIn0.e30.", "hall", here, noon, ErrInvalid},
	} {
		until, err := v.Verify(t.Context(), tc.token, tc.stream, tc.from, tc.now)
		if tc.want != nil {
			require.Equal(t, tc.want, err, name)
			require.Zero(t, until, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, hour, until, name)
	}
	_, err := New(Options{}).Verify(t.Context(), free, "hall", here, noon)
	require.ErrorIs(t, err, ErrInvalid, "without a secret nothing is valid")
	_, err = New(Options{Secrets: [][]byte{secret}}).Verify(t.Context(), Sign(older, "hall", hour, netip.Addr{}), "hall", here, noon)
	require.ErrorIs(t, err, ErrInvalid, "the rotation is over")
}

// The last character of a MAC has two bits that mean nothing: any other than theirs would
// be a second name of everything in a cache.
func TestTokensHaveOneSpelling(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	v := New(Options{Secrets: [][]byte{secret}})
	token := Sign(secret, "hall", noon, netip.Addr{})
	good := 0
	for _, c := range letters {
		if _, err := v.Verify(t.Context(), token[:len(token)-1]+string(c), "hall", here, noon.Add(-1)); err == nil {
			good++
		}
	}
	require.Equal(t, 1, good)
}

func TestJWT(t *testing.T) {
	down := errors.New("keys can't be read")
	v := New(Options{Secrets: [][]byte{secret}, JWT: func(_ context.Context, raw string) (Claims, error) {
		switch raw {
		case "eyJ.any":
			return Claims{Stream: "hall", Until: noon}, nil
		case "eyJ.near":
			return Claims{Stream: "hall", Until: noon, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")}}, nil
		case "eyJ.old":
			return Claims{}, ErrExpired
		}
		return Claims{}, down
	}})
	for _, tc := range []struct {
		token, stream, from string
		want                error
	}{
		{"eyJ.any", "hall", "198.51.100.1", nil},
		{"eyJ.any", "yard", "198.51.100.1", ErrInvalid},
		{"eyJ.near", "hall", "::ffff:192.0.2.9", nil},
		{"eyJ.near", "hall", "2001:db8::9%eth0", nil},
		{"eyJ.near", "hall", "198.51.100.1", ErrAddress},
		{"eyJ.old", "hall", "198.51.100.1", ErrExpired},
		{"eyJ.else", "hall", "198.51.100.1", down},
		{Sign(secret, "hall", noon, netip.Addr{}), "hall", "198.51.100.1", nil},
	} {
		until, err := v.Verify(t.Context(), tc.token, tc.stream, netip.MustParseAddr(tc.from), noon.Add(-1))
		require.Equal(t, tc.want, err, "%+v", tc)
		require.Equal(t, tc.want == nil, until.Equal(noon), "%+v", tc)
	}
}

func TestOrigins(t *testing.T) {
	r := Rules{Origins: []string{"https://tv.example", "https://*.tv.example", "http://localhost:3000"}}
	for origin, want := range map[string]bool{
		"https://tv.example": true, "https://a.tv.example": true, "https://a.b.tv.example": true, "http://localhost:3000": true,
		"http://tv.example": false, "https://tv.example:8443": false, "https://evil-tv.example": false, "https://.tv.example": false,
		"https://tv.example.evil": false, "null": false, "": false, "http://localhost": false,
	} {
		require.Equal(t, want, r.AllowsOrigin(origin), origin)
	}
	require.False(t, r.AnyOrigin())
	require.False(t, r.Open())
	require.Empty(t, r.One())
	require.Equal(t, "https://tv.example", Rules{Origins: r.Origins[:1]}.One())
	require.Empty(t, Rules{Origins: []string{"https://*.tv.example"}}.One())
	for _, any := range []Rules{{}, {Origins: []string{Any}}} {
		require.True(t, any.AnyOrigin() && any.AllowsOrigin("null") && any.Open())
		require.Empty(t, any.One())
	}
}

func TestReferers(t *testing.T) {
	r := Rules{Referers: []string{"tv.example", "*.tv.example", "dev.example:3000", "[::1]"}}
	for referer, want := range map[string]bool{
		"https://tv.example/": true, "https://TV.example/show?x=1": true, "http://tv.example:81/": true, "https://a.tv.example/x": true,
		"http://dev.example:3000/": true, "http://dev.example/": false, "http://[::1]:9/": true, "https://our.host:8443/watch/hall": true,
		"https://our.host/": false, "https://eviltv.example/": false, "https://tv.example.evil/": false, "": false, "tv.example": false,
		"%zz": false, "about:client": false, "http://evil/?https://tv.example/": false, "http://tv.example@evil/": false, "http://none/": false,
	} {
		require.Equal(t, want, r.AllowsReferer(referer, "our.host:8443"), referer)
		r.Referers = append(r.Referers, None)
		require.Equal(t, want || referer == "", r.AllowsReferer(referer, "our.host:8443"), referer)
		r.Referers = r.Referers[:4]
	}
	require.False(t, r.Open())
	require.Equal(t, "'self' tv.example:* *.tv.example:* dev.example:3000 [::1]:*", r.Ancestors())
	for _, any := range []Rules{{}, {Referers: []string{Any}}} {
		require.True(t, any.AllowsReferer("", "") && any.Open())
		require.Equal(t, "*", any.Ancestors())
	}
	require.False(t, Rules{Signed: true}.Open())
}

func TestValidate(t *testing.T) {
	for _, good := range []string{"*", "https://tv.example", "http://*.tv.example:8080", "https://[2001:db8::1]"} {
		require.NoError(t, ValidateOrigin(good), good)
	}
	for _, bad := range []string{"", "tv.example", "https://", "https://tv.example/", "ftp://tv.example", "https://TV.example", "https://tv*.example", "https://*", "https://a b", "https://u@tv.example", "https://tv.example:", "none"} {
		require.ErrorContains(t, ValidateOrigin(bad), "is no origin", bad)
	}
	for _, good := range []string{"*", "none", "tv.example", "*.tv.example", "tv.example:8080", "[2001:db8::1]", "192.0.2.1"} {
		require.NoError(t, ValidateReferer(good), good)
	}
	for _, bad := range []string{"", "https://tv.example", "tv.example/x", "*.", "a*.example", "tv.example; script-src *", "tv.example,x", "Tv.example", "[a:b]"} {
		require.ErrorContains(t, ValidateReferer(bad), "is no host", bad)
	}
}

// What is taken for a token is written back to the same text, and only what was signed is
// accepted.
func FuzzToken(f *testing.F) {
	f.Add(Sign(secret, "hall", noon, netip.Addr{}), "hall")
	f.Add(Sign(secret, "hall", noon, here), "hall")
	f.Add("99999999999.ip."+strings.Repeat("_", macLen), "yard")
	f.Add("1.eyJhbGciOiJub25lIn0.e30", "")
	v := New(Options{Secrets: [][]byte{older, secret}})
	f.Fuzz(func(t *testing.T, token, stream string) {
		if parsed, ok := parse(token); ok && parsed.String() != token {
			t.Fatalf("%q is written %q", token, parsed)
		}
		until, err := v.Verify(t.Context(), token, stream, here, noon.Add(-time.Second))
		if err == nil && token != Sign(secret, stream, until, netip.Addr{}) && token != Sign(secret, stream, until, here) &&
			token != Sign(older, stream, until, netip.Addr{}) && token != Sign(older, stream, until, here) {
			t.Fatalf("%q is accepted for %q", token, stream)
		}
		if err != nil && len(token) > 8 && strings.Contains(err.Error(), token) {
			t.Fatal("the error tells the token")
		}
	})
}

// What is taken for an entry of the lists doesn't say more than one thing to a browser.
func FuzzRules(f *testing.F) {
	f.Add("tv.example", "https://tv.example/x", "our.host")
	f.Add("*.tv.example:8443", "https://a.tv.example:8443/", "")
	f.Fuzz(func(t *testing.T, entry, referer, host string) {
		if ValidateReferer(entry) != nil || entry == Any {
			return
		}
		r := Rules{Referers: []string{entry}}
		r.AllowsReferer(referer, host)
		if a := r.Ancestors(); strings.ContainsAny(a, ";,\r\n") || len(strings.Fields(a)) > 2 {
			t.Fatalf("%q becomes %q", entry, a)
		}
	})
}
