package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sluice/storage/catalog"
)

// Claims are what a token says of a publisher.
type Claims struct {
	Stream  string         // the stream's name
	Subject string         // whose token it is; may be empty
	Allow   []netip.Prefix // where it may be used; anywhere if empty

	jwt.RegisteredClaims
}

// Until is when the token admits nobody any more, the difference of clocks included.
func (c Claims) Until() time.Time { return c.ExpiresAt.Add(leeway) }

// ranges is a claim: one address range, or a list.
type ranges []netip.Prefix

// UnmarshalJSON implements json.Unmarshaler.
func (r *ranges) UnmarshalJSON(text []byte) error {
	var list []string
	if len(text) > 0 && text[0] == '"' {
		list = make([]string, 1)
		if err := json.Unmarshal(text, &list[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	// An empty list could mean "nowhere" as well as "anywhere".
	if len(list) == 0 || len(list) > catalog.MaxRanges {
		return fmt.Errorf("allow: want 1 to %d address ranges", catalog.MaxRanges)
	}
	for _, s := range list {
		p, err := catalog.ParseRange(s)
		if err != nil {
			return fmt.Errorf("allow: %w", err)
		}
		*r = append(*r, p)
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Claims) UnmarshalJSON(text []byte) error {
	said := struct {
		Stream string  `json:"stream"`
		Allow  *ranges `json:"allow"`
	}{}
	if err := json.Unmarshal(text, &said); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c.RegisteredClaims); err != nil {
		return err
	}
	c.Stream, c.Subject = said.Stream, c.RegisteredClaims.Subject
	if c.Stream == "" {
		c.Stream = c.Subject
	}
	if said.Allow != nil {
		c.Allow = *said.Allow
	}
	return nil
}

// Validate implements jwt.ClaimsValidator, beside what package jwt checks.
func (c Claims) Validate() error {
	if c.Stream == "" {
		return errors.New("neither stream nor sub names a stream")
	}
	return catalog.ValidateName(c.Stream)
}

var _ jwt.ClaimsValidator = Claims{}
