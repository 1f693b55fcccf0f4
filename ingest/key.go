package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// Key is a stream key as the publisher gave it. However it is printed, logged or
// marshalled, only the first digits of its SHA-256 come out; string(k) is the
// secret itself.
type Key string

// Fingerprint tells keys apart in a log without giving them away.
func (k Key) Fingerprint() string {
	if k == "" {
		return "no key"
	}
	sum := sha256.Sum256([]byte(k))
	return "key " + hex.EncodeToString(sum[:3])
}

// String implements fmt.Stringer.
func (k Key) String() string { return k.Fingerprint() }

// Format implements fmt.Formatter, for every verb.
func (k Key) Format(f fmt.State, _ rune) { f.Write([]byte(k.Fingerprint())) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.Fingerprint()) }

// MarshalText implements encoding.TextMarshaler.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.Fingerprint()), nil }
