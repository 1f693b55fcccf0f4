package catalog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	keyBits   = 128
	maxKeyLen = 128
	// guessableLen is the length below which a key that someone chose is taken for
	// one that others can find out by trying.
	guessableLen = 16
)

const redacted = "redacted"

// Key is what a broadcaster shows to be allowed to publish. However it's
// printed, logged or encoded, it says "redacted"; only Reveal tells it. It
// isn't comparable by ==: compare hashes.
type Key struct {
	// A pointer, so that fmt shows an address where it can't call methods: in an
	// unexported field of another struct.
	secret *string
}

// NewKey returns a fresh key of 128 random bits: 26 lower-case letters and
// digits, which need no escaping in URLs and shells and survive being read out.
func NewKey() Key {
	b := make([]byte, keyBits/8)
	rand.Read(b)
	s := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	return Key{&s}
}

// ParseKey checks a key that was given from outside. The error never holds it.
func ParseKey(s string) (Key, error) {
	if s == "" {
		return Key{}, errors.New("a stream key is empty")
	}
	if len(s) > maxKeyLen {
		return Key{}, fmt.Errorf("a stream key has at most %d characters, this one has %d", maxKeyLen, len(s))
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~/", c) >= 0) {
			return Key{}, errors.New("a stream key has only letters, digits, and - _ . ~ /")
		}
	}
	if strings.Trim(s, "/") != s {
		return Key{}, errors.New("a stream key neither starts nor ends with /") // encoders cut those off
	}
	return Key{&s}, nil
}

// Guessable reports whether the key is so short that strangers may find it by
// trying. It's for a warning: a short key is its owner's choice.
func (k Key) Guessable() bool { return len(k.Reveal()) < guessableLen }

// Reveal returns the key itself, for the eyes of its owner.
func (k Key) Reveal() string {
	if k.secret == nil {
		return ""
	}
	return *k.secret
}

// IsZero reports whether there's no key.
func (k Key) IsZero() bool { return k.secret == nil }

// Hash is what is stored of the key.
func (k Key) Hash() KeyHash { return HashKey(k.Reveal()) }

// String implements fmt.Stringer.
func (Key) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb shows the key.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// KeyHash is the SHA-256 of a key. With 128 random bits it needs no salt and no
// slow function: there's nothing to guess. It tells the key to nobody. A look-up by it
// may take its time: which bits of a hash fit says nothing about the key. What is found
// is compared in constant time all the same (Stream.KeyOf).
type KeyHash [sha256.Size]byte

// HashKey returns the hash of what a publisher showed as its key.
func HashKey(s string) KeyHash { return sha256.Sum256([]byte(s)) }

// String returns the hash in hexadecimal.
func (h KeyHash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h KeyHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *KeyHash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("a key's hash has %d hexadecimal digits, this one has %d", hex.EncodedLen(len(h)), len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}
