package admit

import (
	"crypto/x509"
	"fmt"
	"time"

	"sluice/ingest"
)

// Trust is what decides whose client certificates are accepted (certificates.Clients).
type Trust interface {
	// Check says why a certificate, with those that were shown to vouch for it, isn't
	// accepted at that time, or nil.
	Check(shown []*x509.Certificate, now time.Time) error
	// Version changes with what Check goes by. It's above zero.
	Version() uint64
}

// checks are when a lease's certificate was last looked at.
type checks struct {
	version uint64    // of the Trust; zero: not yet
	again   time.Time // when it must be looked at whatever the version
}

// vouchers are what a publisher showed in its handshake, and what was verified there.
func vouchers(wish ingest.Publish) []*x509.Certificate {
	if wish.TLS == nil {
		return nil
	}
	return wish.TLS.PeerCertificates
}

// checkShown ends sessions whose certificate would no longer pass a handshake: it has
// been revoked, its CA is gone, or its time is over. Whatever let such a session in, its
// publisher isn't who it was taken for.
func (p *Policy) checkShown(now time.Time) {
	t := p.options.Trust
	if t == nil {
		return
	}
	version := t.Version() // before the checks, so that a change during them is seen next time
	for _, l := range p.those(func(l *lease) bool { return len(l.shown) > 0 }) {
		if l.version == version && now.Before(l.again) {
			continue
		}
		l.version, l.again = version, nextEnd(l.shown, now)
		if err := t.Check(l.shown, now); err != nil {
			l.finish(fmt.Errorf("%w: stream %s, client %s: %w", ingest.ErrClientEnded, l.stream.Name, l.peer, err))
		}
	}
}

// nextEnd is just after the next of some certificates has ended, or never.
func nextEnd(certs []*x509.Certificate, now time.Time) time.Time {
	next := now.AddDate(100, 0, 0)
	for _, c := range certs {
		if end := c.NotAfter.Add(time.Second); end.After(now) && end.Before(next) {
			next = end // NotAfter is the last second of it
		}
	}
	return next
}
