package ingest

import (
	"net/netip"
	"sync"
	"time"
)

// gate counts connections, all together and by address, and keeps out those that
// would be too many.
type gate struct {
	limits *Limits

	mu     sync.Mutex
	all    crowd
	byAddr map[netip.Prefix]*address
	paces  map[netip.Prefix]*pace
}

// crowd is a number of connections, and of those among them that neither publish nor
// play yet; players are apart.
type crowd struct{ sessions, halfOpen, players int }

// address is what is known of one, as long as there are connections of it.
type address struct {
	crowd
	open []*place // the half-open ones, the oldest first
}

// place is that of a connection that was let in. The gate's lock guards it.
type place struct {
	gate  *gate
	from  netip.Prefix
	at    *address
	since time.Time // when it was half-open last, at first
	evict func()    // ends it, and doesn't wait

	published bool // it isn't half-open any more, whatever it does
	playing   bool
	evicted   bool // it has lost its place to another
}

// pace is how many TLS handshakes an address may still begin.
type pace struct {
	left float64
	at   time.Time
}

const (
	// settled is how long a connection may be half-open before it makes room for
	// another: an encoder on a slow line needs that for its handshakes.
	settled = time.Second

	handshakeBurst = 5    // seconds' worth of handshakes that may come at once
	maxPaces       = 4096 // addresses whose pace is remembered
)

func newGate(l *Limits) *gate {
	return &gate{limits: l, byAddr: map[netip.Prefix]*address{}, paces: map[netip.Prefix]*pace{}}
}

// Network is what counts as one address: a host in IPv4, a network (/64) in IPv6.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// enter lets a new connection in, or says why not. Where too many are half-open already,
// it gets the place of the oldest one of the address that has most of them: a peer that
// means to publish is half-open for a moment, one that means to block for as long as
// it may. Who fills the gate from many addresses so has each place for a short time,
// while each newcomer has a second at least.
func (g *gate) enter(from netip.Prefix, evict func()) (*place, error) {
	var loser *place
	g.mu.Lock()
	defer func() {
		g.mu.Unlock()
		if loser != nil {
			loser.evict()
		}
	}()
	a := g.byAddr[from]
	if a != nil && (a.sessions >= g.limits.SessionsPerAddress || a.halfOpen >= g.limits.HalfOpenPerAddress) {
		return nil, errCrowdedAddr
	}
	if g.all.sessions >= g.limits.Sessions {
		return nil, errCrowded
	}
	if g.all.halfOpen >= g.limits.HalfOpen {
		if loser = g.makeRoom(); loser == nil {
			return nil, errCrowded
		}
	}
	if a = g.byAddr[from]; a == nil { // looked up anew: it may have made room
		a = &address{}
		g.byAddr[from] = a
	}
	p := &place{gate: g, from: from, at: a, since: time.Now(), evict: evict}
	p.count(1, 1, 0)
	return p, nil
}

// makeRoom takes the place of one half-open connection away, and returns it; nil where
// there's none.
func (g *gate) makeRoom() *place {
	var most *address
	now := time.Now()
	for _, a := range g.byAddr {
		if len(a.open) > 0 && now.Sub(a.open[0].since) >= settled && (most == nil || len(a.open) > len(most.open) ||
			len(a.open) == len(most.open) && a.open[0].since.Before(most.open[0].since)) {
			most = a
		}
	}
	if most == nil {
		return nil
	}
	p := most.open[0]
	p.evicted = true
	p.count(-1, -1, 0)
	return p
}

// count changes what the connection counts as.
func (p *place) count(sessions, halfOpen, players int) {
	for _, c := range [...]*crowd{&p.gate.all, &p.at.crowd} {
		c.sessions += sessions
		c.halfOpen += halfOpen
		c.players += players
	}
	switch {
	case halfOpen > 0:
		p.at.open = append(p.at.open, p)
	case halfOpen < 0:
		for i, o := range p.at.open {
			if o == p {
				p.at.open = append(p.at.open[:i], p.at.open[i+1:]...)
				break
			}
		}
	}
	if p.at.crowd == (crowd{}) {
		delete(p.gate.byAddr, p.from)
	}
}

// pass moves the connection from the half-open ones to the publishers, for good. It's
// errEvicted where another one has got its place.
func (p *place) pass() error {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	switch {
	case p.evicted:
		return errEvicted
	case !p.published:
		p.published = true
		p.count(0, -1, 0)
	}
	return nil
}

// watch moves the connection to the players, or says why not.
func (p *place) watch() error {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case p.evicted:
		return errEvicted
	case g.all.players >= g.limits.Players:
		return errCrowded
	case p.at.players >= g.limits.PlayersPerAddress:
		return errCrowdedAddr
	}
	p.playing = true
	p.count(-1, p.halfOpen(-1), 1)
	return nil
}

// unwatch moves it back.
func (p *place) unwatch() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.playing, p.since = false, time.Now()
	p.count(1, p.halfOpen(1), -1)
}

// halfOpen is n where the connection counts as half-open when it doesn't play.
func (p *place) halfOpen(n int) int {
	if p.published {
		return 0
	}
	return n
}

// leave counts the connection out.
func (p *place) leave() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	switch {
	case p.evicted:
	case p.playing:
		p.count(0, 0, -1)
	default:
		p.count(-1, p.halfOpen(-1), 0)
	}
}

// mayShake says whether an address may begin one more TLS handshake, which costs us more
// than it costs the client.
func (g *gate) mayShake(from netip.Prefix, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	rate := float64(g.limits.Handshakes)
	p := g.paces[from]
	if p == nil {
		if len(g.paces) >= maxPaces {
			g.forget(now)
		}
		p = &pace{left: handshakeBurst * rate, at: now}
		if len(g.paces) < maxPaces { // else there are too many addresses for this to matter
			g.paces[from] = p
		}
	}
	p.left, p.at = min(handshakeBurst*rate, p.left+rate*now.Sub(p.at).Seconds()), now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// forget drops the paces of those who have long been quiet.
func (g *gate) forget(now time.Time) {
	for from, p := range g.paces {
		if now.Sub(p.at) >= handshakeBurst*time.Second {
			delete(g.paces, from)
		}
	}
}
