package web

import (
	"fmt"
	"time"

	"sluice/storage/certificates"
)

// certificateStatus is what the API says of a certificate. All of it is what any
// client sees in a handshake, but for the advice.
type certificateStatus struct {
	Names     []string `json:"names"`
	Origin    string   `json:"origin"`
	State     string   `json:"state"`
	Default   bool     `json:"default"`
	NotBefore *string  `json:"not_before"` // null where there is none yet
	NotAfter  *string  `json:"not_after"`
	Advice    []string `json:"advice"`
}

// listCertificates answers /api/v1/certificates.
func (s *Server) listCertificates(x *exchange) error {
	now := s.now()
	all := []certificateStatus{}
	for _, c := range s.certificates() {
		all = append(all, certificateStatusOf(c, now))
	}
	return x.json(map[string][]certificateStatus{"certificates": all})
}

func certificateStatusOf(c certificates.Status, now time.Time) certificateStatus {
	s := certificateStatus{
		Names: c.Names, Origin: string(c.Origin), State: string(c.State(now)), Default: c.Default,
		Advice: certificateAdvice(c, now),
	}
	if !c.NotAfter.IsZero() {
		from, to := c.NotBefore.UTC().Format(isoMillis), c.NotAfter.UTC().Format(isoMillis)
		s.NotBefore, s.NotAfter = &from, &to
	}
	return s
}

// certificateAdvice is what the operator should do. Why something failed stands in
// the log alone: it may name files.
func certificateAdvice(c certificates.Status, now time.Time) []string {
	advice := []string{}
	switch c.State(now) {
	case certificates.StateExpired:
		advice = append(advice, "It has expired: encoders and browsers refuse it.")
	case certificates.StateExpiring:
		advice = append(advice, fmt.Sprintf("It expires in %s: see to its renewal.", left(c.NotAfter.Sub(now))))
	}
	if c.Problem == "" {
		return advice
	}
	switch c.Origin {
	case certificates.OriginACME:
		return append(advice, "The CA doesn't issue it: the log says why.")
	case certificates.OriginFile:
		return append(advice, "Its files changed and can't be used: the log says why.")
	}
	return append(advice, "It can't be renewed: the log says why.")
}

// certificateWarnings are what the page of the streams says of certificates.
func (s *Server) certificateWarnings() []string {
	var all []string
	for _, c := range s.certificates() {
		for _, a := range certificateAdvice(c, s.now()) {
			all = append(all, "Certificate of "+c.Names[0]+": "+a)
		}
	}
	return all
}

// left is a span in words.
func left(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return fmt.Sprintf("%d hours", int(d/time.Hour))
}
