package certificates

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

var errTooLong = errors.New("too long for a PEM file")

// Pair names the PEM files of a certificate chain and of its key; both may be the
// same file.
type Pair struct{ Cert, Key string }

// Files serves certificates from pairs of PEM files, by the name that the client
// asks for. The first pair is for clients that ask for none, or for an unknown one.
type Files struct {
	log     *slog.Logger
	failed  func(error) // counts pairs that can't be used any more; may be nil
	current atomic.Pointer[index]

	mu    sync.Mutex
	pairs []filePair
}

// filePair is a pair and what it has come to; guarded by Files.mu.
type filePair struct {
	Pair
	content [sha256.Size]byte // what the certificate was made of
	cert    *tls.Certificate

	failing time.Time // since when the files can't be used; zero: they can
	problem string    // why, once that has lasted
}

// FromFiles reads the pairs, of which there must be one. Serve takes later
// changes over; a pair that can't be used then is logged, and the last good one
// goes on.
func FromFiles(pairs []Pair, log *slog.Logger) (*Files, error) {
	switch {
	case len(pairs) == 0:
		return nil, errors.New("no certificate files are given")
	case len(pairs) > maxPairs:
		return nil, fmt.Errorf("%d certificates are more than %d", len(pairs), maxPairs)
	}
	f := &Files{log: log}
	for _, p := range pairs {
		fp := filePair{Pair: p}
		if _, err := fp.read(); err != nil {
			return nil, err
		}
		if leaf := fp.cert.Leaf; time.Now().After(leaf.NotAfter) {
			log.Warn("certificate has expired", "file", p.Cert, "expired", leaf.NotAfter)
		}
		f.pairs = append(f.pairs, fp)
	}
	f.publish()
	return f, nil
}

// GetCertificate implements Source.
func (f *Files) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	x := f.current.Load()
	if c := x.find(hello); c != nil {
		return c, nil
	}
	return x.fallback, nil
}

// CA implements Source: whoever issued the files is known to the clients.
func (f *Files) CA() []byte { return nil }

// Serve follows the files until ctx ends.
func (f *Files) Serve(ctx context.Context) error {
	var files []string
	for _, p := range f.pairs {
		files = append(files, p.Cert, p.Key)
	}
	return follow(ctx, f.log, files, f.refresh)
}

// refresh takes over what changed, and returns when to look again.
func (f *Files) refresh(now time.Time) (again time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := false
	for i := range f.pairs {
		p := &f.pairs[i]
		fresh, err := p.read()
		if err != nil {
			wait, news := p.fail(now, err)
			if wait > 0 && (again == 0 || wait < again) {
				again = wait
			}
			if news {
				f.complain(err)
			}
			continue
		}
		p.failing, p.problem = time.Time{}, ""
		if fresh {
			changed = true
			f.log.Info("certificate read again", "file", p.Cert, "names", namesOf(p.cert.Leaf), "expires", p.cert.Leaf.NotAfter)
		}
	}
	if changed {
		f.publish()
	}
	return again
}

// publish makes what the pairs hold the present certificates.
func (f *Files) publish() {
	var certs []*tls.Certificate
	for _, p := range f.pairs {
		certs = append(certs, p.cert)
	}
	f.current.Store(newIndex(certs))
}

// read reads the pair, and reports whether it's another one than before.
func (p *filePair) read() (fresh bool, err error) {
	cert, err := readBounded(p.Cert)
	if err != nil {
		return false, fmt.Errorf("read certificate: %w", err)
	}
	key, err := readBounded(p.Key)
	if err != nil {
		return false, fmt.Errorf("read certificate's key: %w", err)
	}
	content := sha256.Sum256(append(append(cert[:len(cert):len(cert)], 0), key...))
	if p.cert != nil && content == p.content {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("read certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	p.cert, p.content = &pair, content
	return true, nil
}

// fail notes that the pair can't be used. That is news when it has lasted: a
// renewal writes one file after the other. Until then wait is when to look again.
func (p *filePair) fail(now time.Time, err error) (wait time.Duration, news bool) {
	if p.failing.IsZero() {
		p.failing = now
	}
	if left := patience - now.Sub(p.failing); left > 0 {
		return left, false
	}
	news = p.problem == ""
	p.problem = err.Error()
	return 0, news
}

func (f *Files) complain(err error) {
	f.log.Warn("certificate files changed and can't be used; the last good ones go on", "err", err)
	if f.failed != nil {
		f.failed(err)
	}
}

// list tells of the certificates, in their order.
func (f *Files) list() []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Status
	for _, p := range f.pairs {
		s := statusOf(p.cert.Leaf, OriginFile)
		s.Problem = p.problem
		all = append(all, s)
	}
	return all
}
