package ingest

import (
	"net/netip"
	"sync"
)

// gate counts connections, all together and by address, and keeps out those that
// would be too many.
type gate struct {
	limits *Limits

	mu     sync.Mutex
	all    crowd
	byAddr map[netip.Prefix]*crowd
}

// crowd is a number of connections, and of those among them that neither publish nor
// play yet; players are apart.
type crowd struct{ sessions, halfOpen, players int }

func newGate(l *Limits) *gate { return &gate{limits: l, byAddr: map[netip.Prefix]*crowd{}} }

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

// enter counts a new connection in, or says why not.
func (g *gate) enter(from netip.Prefix) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.byAddr[from]
	switch {
	case g.all.sessions >= g.limits.Sessions, g.all.halfOpen >= g.limits.HalfOpen:
		return errCrowded
	case c == nil:
		c = &crowd{}
		g.byAddr[from] = c
	case c.sessions >= g.limits.SessionsPerAddress, c.halfOpen >= g.limits.HalfOpenPerAddress:
		return errCrowdedAddr
	}
	for _, c := range [...]*crowd{&g.all, c} {
		c.sessions++
		c.halfOpen++
	}
	return nil
}

// pass moves a connection from the half-open ones to the publishers, or back.
func (g *gate) pass(from netip.Prefix, publishing bool) {
	by := 1
	if publishing {
		by = -1
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all.halfOpen += by
	g.byAddr[from].halfOpen += by
}

// watch moves a connection to the players, or says why not; publishing is what pass
// said of it last.
func (g *gate) watch(from netip.Prefix, publishing bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.byAddr[from]
	switch {
	case g.all.players >= g.limits.Players:
		return errCrowded
	case c.players >= g.limits.PlayersPerAddress:
		return errCrowdedAddr
	}
	g.move(c, publishing, 1)
	return nil
}

// unwatch moves it back.
func (g *gate) unwatch(from netip.Prefix, publishing bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.move(g.byAddr[from], publishing, -1)
}

func (g *gate) move(one *crowd, publishing bool, by int) {
	for _, c := range [...]*crowd{&g.all, one} {
		c.players += by
		c.sessions -= by
		if !publishing {
			c.halfOpen -= by
		}
	}
}

// leave counts a connection out.
func (g *gate) leave(from netip.Prefix, publishing bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range [...]*crowd{&g.all, g.byAddr[from]} {
		c.sessions--
		if !publishing {
			c.halfOpen--
		}
	}
	if *g.byAddr[from] == (crowd{}) {
		delete(g.byAddr, from)
	}
}
