package catalog

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a stream's key.
const (
	MaxLabelLen = 64 // characters
	MaxRanges   = 32 // address ranges
	maxIDLen    = 16
)

// Why a key that a stream has doesn't let its owner in.
var (
	ErrRevoked = errors.New("key was revoked")
	ErrExpired = errors.New("key has expired")
	ErrAddress = errors.New("key is not for this address")
)

// Purpose is what a key's publisher is to the stream.
type Purpose string

// The purposes of a key.
const (
	Primary Purpose = "primary"
	Backup  Purpose = "backup" // a hot spare, for when the primary stalls
)

// StreamKey is a key of a stream as the catalog keeps it, without the secret. All
// times are kept to the millisecond.
type StreamKey struct {
	ID      string // names it within its stream; no secret, may be logged
	Hash    KeyHash
	Label   string // for people; may be empty
	Purpose Purpose
	Created time.Time      // zero for one given by the configuration
	Expires time.Time      // from then on it lets nobody in; zero for never
	Revoked time.Time      // likewise; it's still kept so that a log can say so
	Allow   []netip.Prefix // where it may be used from; anywhere if empty
	Used    time.Time      // when somebody was last let in with it, to a minute; zero for never
}

// NewStreamKey returns what is kept of the key: a primary one without conditions.
func NewStreamKey(h KeyHash, now time.Time) StreamKey {
	b := make([]byte, 5)
	rand.Read(b)
	id := strings.ToLower(base32.StdEncoding.EncodeToString(b))
	return StreamKey{ID: id, Hash: h, Purpose: Primary, Created: now.UTC().Truncate(time.Second)}
}

// FixedKey returns what is known of a key that the configuration gives, the n-th of
// its stream counted from 1.
func FixedKey(h KeyHash, n int) StreamKey {
	return StreamKey{ID: fmt.Sprintf("key%d", n), Hash: h, Purpose: Primary}
}

// Check says whether the key lets its owner in: nil, or ErrRevoked, ErrExpired or
// ErrAddress.
func (k StreamKey) Check(now time.Time, from netip.Addr) error {
	from = from.Unmap().WithZone("")
	switch {
	case !k.Revoked.IsZero():
		return ErrRevoked
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return ErrExpired
	case len(k.Allow) > 0 && !slices.ContainsFunc(k.Allow, func(p netip.Prefix) bool { return p.Contains(from) }):
		return ErrAddress
	}
	return nil
}

// Validate checks a key before it's stored.
func (k StreamKey) Validate() error {
	switch {
	case k.ID == "" || len(k.ID) > maxIDLen || strings.Trim(k.ID, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
		return fmt.Errorf("key id %.20q: want 1 to %d of a-z and 0-9", k.ID, maxIDLen)
	case k.Hash == KeyHash{}:
		return fmt.Errorf("key %s has no hash", k.ID)
	case k.Purpose != Primary && k.Purpose != Backup:
		return fmt.Errorf("key %s: purpose %.20q is neither %s nor %s", k.ID, k.Purpose, Primary, Backup)
	case len(k.Allow) > MaxRanges:
		return fmt.Errorf("key %s: %d address ranges are more than %d", k.ID, len(k.Allow), MaxRanges)
	}
	for _, p := range k.Allow {
		if !p.IsValid() || p.Masked() != p || p.Addr().Is4In6() {
			return fmt.Errorf("key %s: %v is no address range", k.ID, p)
		}
	}
	if err := ValidateLabel(k.Label); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}

// ValidateLabel checks a label: printable text on one line.
func ValidateLabel(s string) error {
	if utf8.RuneCountInString(s) > MaxLabelLen {
		return fmt.Errorf("a label has at most %d characters", MaxLabelLen)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("a label is printable text on one line")
	}
	return nil
}

// ParseRange reads an address range: CIDR, with host bits or without, or a single
// address.
func ParseRange(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, aerr := netip.ParseAddr(s)
		if aerr != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%.50q is no address range: want CIDR, as in 192.0.2.0/24 or 2001:db8::/32", s)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%.50q is no address range: want CIDR, and IPv4 addresses as such", s)
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// KeyOf returns the stream's key of that hash. It looks at all of them, and takes
// the same time for each.
func (s Stream) KeyOf(h KeyHash) (StreamKey, bool) {
	found := -1
	for i, k := range s.Keys {
		if subtle.ConstantTimeCompare(k.Hash[:], h[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return StreamKey{}, false
	}
	return s.Keys[found], true
}

// AddKey adds a key. Where there are as many as may be, the one that was revoked
// first makes room.
func (s *Stream) AddKey(k StreamKey) error {
	if len(s.Keys) >= MaxKeys {
		revoked := slices.DeleteFunc(slices.Clone(s.Keys), func(k StreamKey) bool { return k.Revoked.IsZero() })
		if len(revoked) == 0 {
			return fmt.Errorf("%d keys are as many as a stream may have: remove one first", MaxKeys)
		}
		oldest := slices.MinFunc(revoked, func(a, b StreamKey) int { return cmp.Compare(a.Revoked.UnixNano(), b.Revoked.UnixNano()) })
		s.Keys = slices.DeleteFunc(s.Keys, func(k StreamKey) bool { return k.ID == oldest.ID })
	}
	s.Keys = append(s.Keys, k)
	return nil
}
