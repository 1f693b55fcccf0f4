package admit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest"
)

// ledger is a Trust that a test changes.
type ledger struct {
	mu      sync.Mutex
	version uint64
	gone    []*x509.Certificate
	checked int
}

var errGone = errors.New("its certificate has been revoked")

func (l *ledger) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

func (l *ledger) Check(certs []*x509.Certificate, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checked++
	switch {
	case slices.Contains(l.gone, certs[0]):
		return errGone
	case now.After(certs[0].NotAfter):
		return errors.New("it has expired")
	}
	return nil
}

func (l *ledger) revoke(certs ...*x509.Certificate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version, l.gone = l.version+1, append(l.gone, certs...)
}

func (l *ledger) checks() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checked
}

// Sessions that showed a certificate end when it's accepted no more, whether it, a key
// or both let them in; they aren't looked at again and again as long as nothing changes.
func TestCertificatesThatEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trust := &ledger{version: 1}
		h := atTheDoor(t, Options{Trust: trust})
		h.serve()
		start := time.Now()
		live := func(key, name string, life time.Duration) (*session, *x509.Certificate) {
			cert := &x509.Certificate{NotAfter: start.Add(life)}
			w := shown(key, name)
			w.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
			d, err := h.Admit(t.Context(), w)
			require.NoError(t, err)
			return bind(d), cert
		}
		hall, hallCert := live("", "hall-encoder", 24*time.Hour)
		roof, roofCert := live("roof-key", "van", 24*time.Hour)
		yard, yardCert := live("yard-key", "anybody", 24*time.Hour)
		short, _ := live("", "hall-encoder", 10*time.Minute)
		long, _ := live("", "hall-encoder", 24*time.Hour)
		bare := h.live("yard-key")

		require.ErrorContains(t, <-short.ended, "stream hall, client hall-encoder: it has expired")
		require.WithinDuration(t, start.Add(10*time.Minute), time.Now(), 3*time.Second)
		require.Equal(t, 6, trust.checks(), "each once, and once more the one that ended")

		for _, tc := range []struct {
			*session
			cert *x509.Certificate
		}{{hall, hallCert}, {roof, roofCert}, {yard, yardCert}} {
			require.Empty(t, tc.ended)
			before := time.Now()
			trust.revoke(tc.cert)
			err := <-tc.ended
			require.ErrorIs(t, err, ingest.ErrClientEnded)
			require.ErrorIs(t, err, ingest.ErrRevoked)
			require.ErrorIs(t, err, errGone)
			require.WithinDuration(t, before, time.Now(), 2*time.Second)
		}
		// One that is revoked between its handshake and its publication.
		d, err := h.Admit(t.Context(), func() ingest.Publish {
			w := shown("", "hall-encoder")
			w.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{hallCert}}
			return w
		}())
		require.NoError(t, err)
		require.ErrorIs(t, <-bind(d).ended, ingest.ErrClientEnded)
		time.Sleep(time.Hour)
		require.Empty(t, long.ended)
		require.Empty(t, bare.ended)
	})
}
