package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	maxAge    = 10 * time.Minute // of a set, before it's read again
	minPause  = 10 * time.Second // between two readings
	fetchTime = 5 * time.Second  // that one may take
	maxSet    = 256 << 10        // bytes of a set
)

// errKeys says that the set has never been read.
var errKeys = errors.New("keys can't be read")

// remote is a set of keys at a URL.
type remote struct {
	url  string
	http *http.Client
	log  *slog.Logger

	current atomic.Pointer[keySet]

	// reading holds a token while somebody reads the set; it guards tried and failing.
	reading chan struct{}
	tried   time.Time
	failing error
}

// keySet is what was read; it never changes.
type keySet struct {
	keys []key
	at   time.Time
}

func newRemote(o Options) *remote {
	r := &remote{url: o.URL, log: o.Log, reading: make(chan struct{}, 1)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.http = &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true // a request in ten minutes
		r.http.Transport = t
	}
	return r
}

// candidates returns the keys that fit. A set that is old is read again by one of
// those who ask, while others go on with it; where there's no such key in it, all
// wait for that.
func (r *remote) candidates(ctx context.Context, alg, id string) ([]key, error) {
	set := r.current.Load()
	var fit []key
	if set != nil {
		fit = fitting(set.keys, alg, id)
	}
	if len(fit) > 0 {
		if time.Since(set.at) > maxAge {
			select {
			case r.reading <- struct{}{}:
				defer func() { <-r.reading }()
				r.read(ctx)
				if again := fitting(r.current.Load().keys, alg, id); len(again) > 0 {
					return again, nil
				}
				return nil, errNoKey // it was taken out
			default:
			}
		}
		return fit, nil
	}
	select {
	case r.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.reading }()
	if r.current.Load() == set {
		r.read(ctx)
	}
	if set = r.current.Load(); set == nil {
		return nil, fmt.Errorf("%w: %w", errKeys, r.failing)
	}
	if fit = fitting(set.keys, alg, id); len(fit) == 0 {
		return nil, errNoKey
	}
	return fit, nil
}

// read reads the set, unless that was tried just now. Where it fails, the one before
// stands.
func (r *remote) read(ctx context.Context) {
	if !r.tried.IsZero() && time.Since(r.tried) < minPause {
		return
	}
	r.tried = time.Now()
	keys, err := r.fetch(ctx)
	if err != nil {
		r.failing = err
		r.log.Warn("the keys of tokens can't be read", "err", err)
		if set := r.current.Load(); set != nil && time.Since(set.at) > maxAge {
			r.current.Store(&keySet{set.keys, time.Now().Add(minPause - maxAge)}) // not at once again
		}
		return
	}
	if r.failing != nil {
		r.log.Info("the keys of tokens can be read again")
	}
	r.failing = nil
	r.current.Store(&keySet{keys, r.tried})
}

func (r *remote) fetch(ctx context.Context) ([]key, error) {
	// What is read is for everybody: it doesn't end with the one who came first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.http.Do(q)
	if err != nil {
		var at *url.Error // it tells the URL, which may hold a secret
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSet {
		return nil, fmt.Errorf("more than %d bytes", maxSet)
	}
	return parseSet(text)
}
