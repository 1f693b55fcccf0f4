package gate

import (
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Limits of a Gate. What may not be at all is 0.
type Limits struct {
	// Sessions is how many connections there may be, but for players; SessionsPerAddress
	// how many of one address.
	Sessions, SessionsPerAddress int
	// HalfOpen is how many of those may neither publish nor play yet, of which the newest
	// get in (see Enter); HalfOpenPerAddress how many of one address, of which the
	// oldest stay.
	HalfOpen, HalfOpenPerAddress int
	// Players is how many connections may play; PlayersPerAddress how many of one address.
	Players, PlayersPerAddress int
	// Handshakes is how many TLS handshakes a second one address may begin, but for
	// bursts of five seconds' worth.
	Handshakes int
}

// Why a connection isn't let in, or loses its place.
var (
	ErrCrowded        = errors.New("too many connections")
	ErrCrowdedAddress = errors.New("too many connections of one address")
	ErrHandshakes     = errors.New("too many TLS handshakes of one address")
	ErrEvicted        = errors.New("too many connections on their way in: the oldest one made room")
)

// reasons are the errors' names in labels of metrics, and in the keys of Lines.
var reasons = map[error]string{
	ErrCrowded: "crowded", ErrCrowdedAddress: "crowded_address", ErrHandshakes: "handshakes", ErrEvicted: "evicted",
}

// Reason names one of the errors above in a label of metrics; it's empty for others.
func Reason(err error) string {
	for e, r := range reasons {
		if errors.Is(err, e) {
			return r
		}
	}
	return ""
}

// Gate counts connections, all together and by address, and keeps out those that
// would be too many. Any goroutine may call its methods.
type Gate struct {
	limits Limits

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
	open []*Place // the half-open ones, the oldest first
}

// Place is that of a connection that was let in. The gate's lock guards it.
type Place struct {
	gate  *Gate
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

	// HandshakeBurst is how many seconds' worth of handshakes may come at once.
	HandshakeBurst = 5
	maxPaces       = 4096 // addresses whose pace is remembered
)

// New returns a Gate that nobody has come to.
func New(l Limits) *Gate {
	return &Gate{limits: l, byAddr: map[netip.Prefix]*address{}, paces: map[netip.Prefix]*pace{}}
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

// Enter lets a new connection in, or says why not. Where too many are half-open already,
// it gets the place of the oldest one of the address that has most of them: a peer that
// means to publish is half-open for a moment, one that means to block for as long as
// it may. Who fills the gate from many addresses so has each place for a short time,
// while each newcomer has a second at least. evict ends the connection, and must not wait.
func (g *Gate) Enter(from netip.Prefix, evict func()) (*Place, error) {
	var loser *Place
	g.mu.Lock()
	defer func() {
		g.mu.Unlock()
		if loser != nil {
			loser.evict()
		}
	}()
	a := g.byAddr[from]
	if a != nil && (a.sessions >= g.limits.SessionsPerAddress || a.halfOpen >= g.limits.HalfOpenPerAddress) {
		return nil, ErrCrowdedAddress
	}
	if g.all.sessions >= g.limits.Sessions {
		return nil, ErrCrowded
	}
	if g.all.halfOpen >= g.limits.HalfOpen {
		if loser = g.makeRoom(); loser == nil {
			return nil, ErrCrowded
		}
	}
	if a = g.byAddr[from]; a == nil { // looked up anew: it may have made room
		a = &address{}
		g.byAddr[from] = a
	}
	p := &Place{gate: g, from: from, at: a, since: time.Now(), evict: evict}
	p.count(1, 1, 0)
	return p, nil
}

// makeRoom takes the place of one half-open connection away, and returns it; nil where
// there's none.
func (g *Gate) makeRoom() *Place {
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
func (p *Place) count(sessions, halfOpen, players int) {
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

// Pass moves the connection from the half-open ones to the publishers, for good. It's
// ErrEvicted where another one has got its place.
func (p *Place) Pass() error {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	switch {
	case p.evicted:
		return ErrEvicted
	case !p.published:
		p.published = true
		p.count(0, -1, 0)
	}
	return nil
}

// Watch moves the connection to the players, or says why not.
func (p *Place) Watch() error {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case p.evicted:
		return ErrEvicted
	case g.all.players >= g.limits.Players:
		return ErrCrowded
	case p.at.players >= g.limits.PlayersPerAddress:
		return ErrCrowdedAddress
	}
	p.playing = true
	p.count(-1, p.halfOpen(-1), 1)
	return nil
}

// Unwatch moves it back.
func (p *Place) Unwatch() {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.playing, p.since = false, time.Now()
	p.count(1, p.halfOpen(1), -1)
}

// halfOpen is n where the connection counts as half-open when it doesn't play.
func (p *Place) halfOpen(n int) int {
	if p.published {
		return 0
	}
	return n
}

// Leave counts the connection out.
func (p *Place) Leave() {
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

// MayShake says whether an address may begin one more TLS handshake, which costs us more
// than it costs the client.
func (g *Gate) MayShake(from netip.Prefix, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	rate := float64(g.limits.Handshakes)
	p := g.paces[from]
	if p == nil {
		if len(g.paces) >= maxPaces {
			g.forget(now)
		}
		p = &pace{left: HandshakeBurst * rate, at: now}
		if len(g.paces) < maxPaces { // else there are too many addresses for this to matter
			g.paces[from] = p
		}
	}
	p.left, p.at = min(HandshakeBurst*rate, p.left+rate*now.Sub(p.at).Seconds()), now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// forget drops the paces of those who have long been quiet.
func (g *Gate) forget(now time.Time) {
	for from, p := range g.paces {
		if now.Sub(p.at) >= HandshakeBurst*time.Second {
			delete(g.paces, from)
		}
	}
}

// Counts tells how many connections there are, how many of them are half-open, and how
// many play beside those.
func (g *Gate) Counts() (sessions, halfOpen, players int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.sessions, g.all.halfOpen, g.all.players
}

// Empty says whether everybody was counted out.
func (g *Gate) Empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all == (crowd{}) && len(g.byAddr) == 0
}
