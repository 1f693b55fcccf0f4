package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader is the header with the signature.
const SignatureHeader = "Sluice-Signature"

// Why a signature isn't accepted.
var (
	ErrSignature = errors.New("signature doesn't fit")
	ErrStale     = errors.New("signature is of another time")
)

// sign returns the header's value for a body at a time.
func sign(secret, body []byte, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(digest(secret, seconds, body))
}

func digest(secret []byte, seconds string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(seconds))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks the header's value as a receiver should: nil, ErrSignature, or
// ErrStale where its time is further than tolerance from now.
func Verify(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	first, second, ok := strings.Cut(header, ",")
	seconds, isTime := strings.CutPrefix(first, "t=")
	text, isSum := strings.CutPrefix(second, "v1=")
	if !ok || !isTime || !isSum {
		return fmt.Errorf("%w: not of the form t=SECONDS,v1=HEX", ErrSignature)
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	sum, err := hex.DecodeString(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !hmac.Equal(sum, digest(secret, seconds, body)) {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(unix, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: by %v", ErrStale, age)
	}
	return nil
}
