package certificates

import (
	"crypto/x509"
	"time"
)

// Origin is where a certificate comes from.
type Origin string

// The origins.
const (
	OriginFile  Origin = "file"
	OriginACME  Origin = "acme"
	OriginLocal Origin = "local" // the CA of this installation
)

// State is how a certificate is.
type State string

// The states.
const (
	StateValid    State = "valid"
	StateExpiring State = "expiring" // see WarnBefore
	StateExpired  State = "expired"
	StateMissing  State = "missing" // of a domain, and not obtained yet
)

// Status is what there is to know of one certificate.
type Status struct {
	Names     []string // what it is for; not empty
	Origin    Origin
	Default   bool      // served to clients that ask for no name
	NotBefore time.Time // zero where it's missing, as NotAfter
	NotAfter  time.Time
	// Problem is why the last attempt to renew it, or to read it again, failed;
	// empty where it didn't. It may name files.
	Problem string
}

func statusOf(leaf *x509.Certificate, o Origin) Status {
	s := Status{Names: namesOf(leaf), Origin: o, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter}
	if len(s.Names) == 0 {
		s.Names = []string{"unnamed"}
	}
	return s
}

// State returns how the certificate is at this time.
func (s Status) State(now time.Time) State {
	switch {
	case s.NotAfter.IsZero():
		return StateMissing
	case now.After(s.NotAfter):
		return StateExpired
	case now.After(s.NotAfter.Add(-s.notice())):
		return StateExpiring
	}
	return StateValid
}

// notice is how long before its end the certificate is warned of.
func (s Status) notice() time.Duration {
	return min(WarnBefore, s.NotAfter.Sub(s.NotBefore)/warnShare)
}
