package certificates

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// fileCheck is how often the files are looked at, at most.
const fileCheck = time.Second

// Files serves a certificate chain and its key from two PEM files.
type Files struct {
	cert, key string
	log       *slog.Logger

	current atomic.Pointer[tls.Certificate]

	check turn
	// Guarded by check: only whose turn it is touches them.
	loaded stamp  // the files that current came from
	failed string // what was wrong last, so that it's logged once
}

// stamp tells one state of the two files from another.
type stamp struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

// FromFiles reads the two files. Later changes are taken over by themselves; a
// pair that can't be used is logged, and the last good one goes on.
func FromFiles(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: certFile, key: keyFile, log: log}
	at, err := f.stat()
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if err := f.load(at); err != nil {
		return nil, err
	}
	return f, nil
}

// GetCertificate implements Source.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.check.take(time.Now(), fileCheck) {
		f.refresh()
		f.check.done()
	}
	return f.current.Load(), nil
}

// CA implements Source: whoever issued the files is known to the clients.
func (f *Files) CA() []byte { return nil }

// refresh takes the files over if they changed.
func (f *Files) refresh() {
	at, err := f.stat()
	if err == nil && at == f.loaded {
		return
	}
	if err == nil {
		err = f.load(at)
	}
	if err != nil && err.Error() != f.failed {
		f.failed = err.Error()
		f.log.Warn("certificate files changed and can't be used; the last good ones go on", "err", err)
	}
}

func (f *Files) stat() (stamp, error) {
	c, err := os.Stat(f.cert)
	if err != nil {
		return stamp{}, err
	}
	k, err := os.Stat(f.key)
	if err != nil {
		return stamp{}, err
	}
	return stamp{c.ModTime(), k.ModTime(), c.Size(), k.Size()}, nil
}

func (f *Files) load(at stamp) error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read certificate %s with key %s: %w", f.cert, f.key, err)
	}
	f.current.Store(&pair)
	f.loaded, f.failed = at, ""
	if leaf := pair.Leaf; time.Now().After(leaf.NotAfter) {
		f.log.Warn("certificate has expired", "file", f.cert, "expired", leaf.NotAfter)
	} else {
		f.log.Debug("certificate loaded", "file", f.cert, "names", leaf.DNSNames, "expires", leaf.NotAfter)
	}
	return nil
}
