package pass

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// MaxLen is how many bytes a token may have.
const MaxLen = 4096

// Why a token isn't accepted.
var (
	ErrInvalid = errors.New("the token isn't valid for this stream")
	ErrExpired = errors.New("the token has expired")
	// ErrAddress may also be of a forged token: where the address is signed and not told,
	// that can't be told apart.
	ErrAddress = errors.New("the token isn't valid for this stream at this address")
)

// Claims are what a JSON Web Token says.
type Claims struct {
	Stream string
	Until  time.Time      // when it lets nobody watch any more
	Allow  []netip.Prefix // from where; from anywhere if empty
}

// Options of a Verifier.
type Options struct {
	// Secrets check the short form. Two are valid at once while one takes the place of
	// the other.
	Secrets [][]byte
	// JWT checks the long form; nil: it isn't taken. An error is ErrInvalid or ErrExpired,
	// or of the keys, which couldn't be read, or the context's.
	JWT func(ctx context.Context, raw string) (Claims, error)
}

// Verifier checks tokens.
type Verifier struct{ options Options }

// New returns a Verifier.
func New(o Options) *Verifier { return &Verifier{o} }

// Verify returns until when a token lets somebody at an address watch a stream, or why it
// doesn't: ErrInvalid, ErrExpired or ErrAddress, or that it can't be said now.
func (v *Verifier) Verify(ctx context.Context, token, stream string, from netip.Addr, now time.Time) (time.Time, error) {
	if len(token) > MaxLen {
		return time.Time{}, ErrInvalid
	}
	if v.options.JWT != nil && strings.HasPrefix(token, "eyJ") {
		return v.long(ctx, token, stream, from)
	}
	return v.short(token, stream, from, now)
}

func (v *Verifier) short(token, stream string, from netip.Addr, now time.Time) (time.Time, error) {
	t, ok := parse(token)
	if !ok {
		return time.Time{}, ErrInvalid
	}
	signed := slices.ContainsFunc(v.options.Secrets, func(secret []byte) bool {
		want := t
		want.sign(secret, stream, from)
		return hmac.Equal(t.mac[:], want.mac[:])
	})
	switch {
	case !signed && t.bound:
		return time.Time{}, ErrAddress
	case !signed:
		return time.Time{}, ErrInvalid
	case !now.Before(t.until):
		return time.Time{}, ErrExpired
	}
	return t.until, nil
}

func (v *Verifier) long(ctx context.Context, token, stream string, from netip.Addr) (time.Time, error) {
	c, err := v.options.JWT(ctx, token)
	switch {
	case err != nil:
		return time.Time{}, err
	case c.Stream != stream:
		return time.Time{}, ErrInvalid
	}
	from = plain(from)
	if len(c.Allow) > 0 && !slices.ContainsFunc(c.Allow, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return time.Time{}, ErrAddress
	}
	return c.Until, nil
}
