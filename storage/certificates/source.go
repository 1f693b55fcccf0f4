package certificates

import (
	"crypto/tls"
	"sync/atomic"
	"time"
)

// Source hands out the certificate for a handshake.
type Source interface {
	// GetCertificate is what tls.Config wants under that name.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// CA returns the PEM of the CA that clients must be told to trust, or nil
	// where they are expected to know it already.
	CA() []byte
}

// HTTPS is the configuration for the listener that viewers use: HTTP/2 and
// HTTP/1.1 by ALPN.
func HTTPS(s Source) *tls.Config {
	return &tls.Config{
		GetCertificate: s.GetCertificate,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}

// RTMPS is the configuration for the listener that encoders use. There is no
// ALPN: encoders offer none, or a wrong one. And no session tickets: librtmp
// over GnuTLS takes the tickets that follow a TLS 1.3 handshake for an error.
func RTMPS(s Source) *tls.Config {
	return &tls.Config{
		GetCertificate:         s.GetCertificate,
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true,
	}
}

// turn lets one goroutine at a time, and at most one every so often, do a piece
// of upkeep that the others needn't wait for.
type turn struct {
	next atomic.Int64 // Unix nanoseconds
	busy atomic.Bool
}

// take reports whether it's the caller's turn; who gets it calls done.
func (t *turn) take(now time.Time, every time.Duration) bool {
	next := t.next.Load()
	if now.UnixNano() < next || !t.busy.CompareAndSwap(false, true) {
		return false
	}
	t.next.Store(now.Add(every).UnixNano())
	return true
}

func (t *turn) done() { t.busy.Store(false) }
