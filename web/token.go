package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// Token is the secret of those who may change something over HTTP. The zero value is
// none: nobody may. It keeps a hash only, and so can be printed.
type Token struct {
	sum   [sha256.Size]byte
	given bool
}

// NewToken returns the token of that secret, none where it is empty.
func NewToken(secret string) Token {
	return Token{sha256.Sum256([]byte(secret)), secret != ""}
}

// Format implements fmt.Formatter, for every verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("redacted")) }

// LogValue implements slog.LogValuer.
func (Token) LogValue() slog.Value { return slog.StringValue("redacted") }

// authorize lets a request pass that shows the token (RFC 6750 §2.1). Without one in the
// configuration none passes, from this machine neither: others' pages in the operator's
// browser come from there.
func (t Token) authorize(r *http.Request) error {
	if !t.given {
		return fmt.Errorf("%w: the gateway has no api-token, without which nothing can be changed", ErrForbidden)
	}
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(shown)))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sum[:], t.sum[:]) != 1 {
		return errUnauthorized
	}
	return nil
}

// authorized is a handler for those who show the token.
func (s *Server) authorized(h handler) handler {
	return func(x *exchange) error {
		if err := s.token.authorize(x.r); err != nil {
			return err
		}
		return h(x)
	}
}
