package admit

import (
	"net/netip"
	"sync"
	"time"

	"sluice/storage/catalog"
)

// limiter makes those wait who try keys. Each wrong one of an address after the first
// few doubles the pause until the next attempt from there is looked at; attempts that
// come meanwhile stand in line, and those that would stand too long are refused. A
// right key changes nothing, or whoever has one could try others for ever; but who has
// published with a key from an address before isn't made to wait there, so that
// nobody is kept out by a neighbour.
type limiter struct {
	mu        sync.Mutex
	addresses map[netip.Prefix]*attempts
	trusted   map[pair]time.Time // when it was last let in
}

// attempts are an address's.
type attempts struct {
	failures int
	last     time.Time // the last failure
	next     time.Time // when the next attempt may be looked at
}

type pair struct {
	from netip.Prefix
	key  catalog.KeyHash
}

func newLimiter() *limiter {
	return &limiter{addresses: map[netip.Prefix]*attempts{}, trusted: map[pair]time.Time{}}
}

// pause is what so many failures cost.
func pause(failures int) time.Duration {
	n := failures - freeFailures
	switch {
	case n <= 0:
		return 0
	case n > 10:
		return maxPause
	}
	return min(firstPause<<(n-1), maxPause)
}

// trusts says whether somebody was let in from there by that.
func (l *limiter) trusts(from netip.Prefix, key catalog.KeyHash, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.knows(from, key, now)
}

func (l *limiter) knows(from netip.Prefix, key catalog.KeyHash, now time.Time) bool {
	at, known := l.trusted[pair{from, key}]
	return known && now.Sub(at) < trustFor
}

// enter says how long an attempt must wait, or that it is refused.
func (l *limiter) enter(from netip.Prefix, key catalog.KeyHash, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.knows(from, key, now) {
		return 0, true
	}
	a := l.addresses[from]
	if a == nil {
		return 0, true
	}
	if now.Sub(a.last) >= forgetAfter {
		delete(l.addresses, from)
		return 0, true
	}
	wait = max(0, a.next.Sub(now))
	if wait > maxWait {
		return 0, false
	}
	a.next = now.Add(wait + pause(a.failures)) // whoever comes next stands behind
	return wait, true
}

// fail notes a wrong key.
func (l *limiter) fail(from netip.Prefix, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.addresses[from]
	if a == nil {
		forget(l.addresses, maxAddresses, func(a *attempts) time.Time { return a.last })
		a = &attempts{}
		l.addresses[from] = a
	}
	a.failures++
	a.last = now
	if next := now.Add(pause(a.failures)); next.After(a.next) {
		a.next = next
	}
}

// trust notes who was let in.
func (l *limiter) trust(from netip.Prefix, key catalog.KeyHash, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.trusted[pair{from, key}]; !known {
		forget(l.trusted, maxTrusted, func(at time.Time) time.Time { return at })
	}
	l.trusted[pair{from, key}] = now
}

// limited returns how many addresses must wait now.
func (l *limiter) limited(now time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.addresses {
		if a.next.After(now) {
			n++
		}
	}
	return n
}

// forget makes room for one in a full map: the oldest goes.
func forget[K comparable, V any](m map[K]V, most int, at func(V) time.Time) {
	if len(m) < most {
		return
	}
	var oldest K
	var when time.Time
	for k, v := range m {
		if t := at(v); when.IsZero() || t.Before(when) {
			oldest, when = k, t
		}
	}
	delete(m, oldest)
}
