package pass

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limits of the short form.
const (
	maxExpiry = 11 // digits: until the year 5138
	macLen    = 43 // characters of a MAC
)

// bound is the second field of a token that is for one address.
const bound = "ip"

// strict takes one spelling of each MAC alone.
var strict = base64.RawURLEncoding.Strict()

// short is a token of the short form.
type short struct {
	expiry string // as it is written, which is what is signed
	until  time.Time
	bound  bool
	mac    [sha256.Size]byte
}

// parse reads a token of the short form.
func parse(s string) (t short, ok bool) {
	expiry, rest, _ := strings.Cut(s, ".")
	if field, mac, three := strings.Cut(rest, "."); three {
		if field != bound {
			return short{}, false
		}
		t.bound, rest = true, mac
	}
	if len(expiry) > maxExpiry || len(rest) != macLen || expiry == "" || expiry[0] < '1' || expiry[0] > '9' {
		return short{}, false
	}
	seconds, err := strconv.ParseUint(expiry, 10, 62)
	if err != nil {
		return short{}, false
	}
	if n, err := strict.Decode(t.mac[:], []byte(rest)); err != nil || n != len(t.mac) {
		return short{}, false
	}
	t.expiry, t.until = expiry, time.Unix(int64(seconds), 0)
	return t, true
}

// String writes the token.
func (t short) String() string {
	s := t.expiry + "."
	if t.bound {
		s += bound + "."
	}
	return s + strict.EncodeToString(t.mac[:])
}

// sign sets the token's MAC.
func (t *short) sign(secret []byte, stream string, from netip.Addr) {
	message := make([]byte, 0, 128)
	message = append(message, "play:"...)
	message = append(message, stream...)
	message = append(message, ':')
	message = append(message, t.expiry...)
	message = append(message, ':')
	if t.bound {
		message = plain(from).AppendTo(message)
	}
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	h.Sum(t.mac[:0])
}

// plain is an address as the MAC has it: one that IPv6 wraps is an IPv4 address.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Sign makes a token that shows a stream until a time, in whole seconds: to everybody who
// has it, or to one address where from is valid.
func Sign(secret []byte, stream string, until time.Time, from netip.Addr) string {
	t := short{expiry: strconv.FormatInt(until.Unix(), 10), bound: from.IsValid()}
	t.sign(secret, stream, from)
	return t.String()
}
