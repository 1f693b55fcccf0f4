package gate

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// porch is a gate in tests, and what it evicted.
type porch struct {
	*Gate
	t       *testing.T
	evicted []*Place
}

func newPorch(t *testing.T, l Limits) *porch {
	for _, most := range []*int{&l.Sessions, &l.SessionsPerAddress, &l.HalfOpen, &l.HalfOpenPerAddress, &l.Players, &l.PlayersPerAddress, &l.Handshakes} {
		if *most == 0 {
			*most = 1000 // more than come
		}
	}
	return &porch{Gate: New(l), t: t}
}

func network(s string) netip.Prefix { return Network(netip.MustParseAddr(s)) }

func (p *porch) enter(from string) (*Place, error) {
	var in *Place
	in, err := p.Gate.Enter(network(from), func() { p.evicted = append(p.evicted, in) })
	return in, err
}

func (p *porch) in(from string) *Place {
	p.t.Helper()
	in, err := p.enter(from)
	require.NoError(p.t, err)
	return in
}

func (p *porch) out(from string, want error) {
	p.t.Helper()
	_, err := p.enter(from)
	require.ErrorIs(p.t, err, want)
}

// empty says that everybody was counted out.
func (p *porch) empty() {
	p.t.Helper()
	require.Empty(p.t, p.byAddr)
	require.Zero(p.t, p.all)
	require.True(p.t, p.Empty())
}

func TestNetworks(t *testing.T) {
	require.Equal(t, network("10.0.0.1"), network("::ffff:10.0.0.1"))
	require.Equal(t, network("2001:db8::1"), network("2001:db8::2"), "one network")
	require.NotEqual(t, network("2001:db8::1"), network("2001:db8:0:1::1"))
}

func TestGate(t *testing.T) {
	const a, b, c = "10.0.0.1", "10.0.0.2", "2001:db8::1"
	p := newPorch(t, Limits{Sessions: 8, SessionsPerAddress: 5, HalfOpen: 6, HalfOpenPerAddress: 3})
	var all []*Place
	come := func(from string) *Place { all = append(all, p.in(from)); return all[len(all)-1] }
	for range 3 {
		come(a)
	}
	p.out(a, ErrCrowdedAddress)
	for _, x := range all {
		require.NoError(t, x.Pass())
		require.NoError(t, x.Pass(), "a second publication")
	}
	come(a)
	come(a)
	p.out(a, ErrCrowdedAddress)
	for range 3 {
		require.NoError(t, come(b).Pass())
	}
	p.out(c, ErrCrowded)
	require.Empty(t, p.evicted, "there is no use in that")
	all[0].Leave()
	come(c)
	for _, x := range all[1:] {
		x.Leave()
	}
	p.empty()
}

// Where too many are half-open, the oldest of the address with most of them goes. Who
// publishes or plays is never touched, and who went counts no more.
func TestGateMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPorch(t, Limits{HalfOpen: 6, HalfOpenPerAddress: 4})
		var left []*Place
		come := func(from string) *Place {
			time.Sleep(settled)
			in := p.in(from)
			left = append(left, in)
			return in
		}
		publisher, player := come("10.0.0.9"), come("10.0.0.9")
		require.NoError(t, publisher.Pass())
		require.NoError(t, player.Watch())
		first, a1, a2, a3, b1, b2 := come("10.0.0.3"), come("10.0.0.1"), come("10.0.0.1"), come("10.0.0.1"), come("10.0.0.2"), come("10.0.0.2")
		d1 := come("10.0.0.4")
		require.Equal(t, []*Place{a1}, p.evicted)
		come("10.0.0.5")
		require.Equal(t, []*Place{a1, a2}[1:], p.evicted[1:], "as many as the other one, and older")
		come("10.0.0.6")
		require.Same(t, b1, p.evicted[2])
		come("10.0.0.7")
		require.Same(t, first, p.evicted[3], "one each: the oldest")
		require.ErrorIs(t, first.Pass(), ErrEvicted)
		require.ErrorIs(t, first.Watch(), ErrEvicted)
		require.NoError(t, a3.Pass())
		require.NoError(t, b2.Watch())
		come("10.0.0.8")
		come("10.0.1.1")
		come("10.0.1.2")
		require.Same(t, d1, p.evicted[4])
		b2.Unwatch() // half-open again, and not the oldest any more
		come("10.0.1.3")
		require.NotContains(t, p.evicted, b2)
		require.Equal(t, 7, p.all.halfOpen, "who comes back from playing keeps its connection")
		player.Unwatch()
		for _, x := range left {
			x.Leave()
		}
		p.empty()
		require.False(t, slices.Contains(p.evicted, publisher) || slices.Contains(p.evicted, player))
	})
}

// Who has just come isn't sent away for the next one.
func TestGateLeavesTimeForAHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPorch(t, Limits{HalfOpen: 3})
		first := p.in("10.0.0.1")
		time.Sleep(settled / 2)
		second, third := p.in("10.0.0.2"), p.in("10.0.0.2")
		p.out("10.0.0.3", ErrCrowded)
		time.Sleep(settled / 2)
		fourth := p.in("10.0.0.3") // the other address has more of them, but younger ones
		require.Equal(t, []*Place{first}, p.evicted)
		p.out("10.0.0.3", ErrCrowded)
		for _, x := range []*Place{first, second, third, fourth} {
			x.Leave()
		}
		p.empty()
	})
}

func TestGateOfPlayers(t *testing.T) {
	const a, b = "192.0.2.1", "192.0.2.2"
	p := newPorch(t, Limits{Sessions: 2, SessionsPerAddress: 2, HalfOpen: 2, HalfOpenPerAddress: 2, Players: 3, PlayersPerAddress: 2})
	var players []*Place
	play := func(from string, want error) {
		t.Helper()
		in := p.in(from)
		err := in.Watch()
		require.ErrorIs(t, err, want)
		if err != nil {
			in.Leave()
			return
		}
		players = append(players, in)
	}
	play(a, nil)
	play(a, nil)
	play(a, ErrCrowdedAddress)
	play(b, nil)
	play(b, ErrCrowded)
	in := []*Place{p.in(a), p.in(a)}
	p.out(a, ErrCrowdedAddress)
	p.out(b, ErrCrowded)
	for _, x := range in {
		x.Leave()
	}
	players[0].Unwatch()
	for _, x := range players {
		x.Leave()
	}
	p.empty()
}

// An address may begin so many handshakes at once, then so many a second; others don't
// notice, and it's forgotten when it has been quiet.
func TestPaceOfHandshakes(t *testing.T) {
	p := newPorch(t, Limits{Handshakes: 10})
	now := time.Unix(1000, 0)
	a, b := network("10.0.0.1"), network("10.0.0.2")
	may := func(from netip.Prefix, n int) (did int) {
		for range n {
			if p.MayShake(from, now) {
				did++
			}
		}
		return did
	}
	require.Equal(t, 10*HandshakeBurst, may(a, 1000))
	now = now.Add(100 * time.Millisecond)
	require.Equal(t, 1, may(a, 1000))
	now = now.Add(2 * time.Second)
	require.Equal(t, 20, may(a, 1000))
	require.Equal(t, 10*HandshakeBurst, may(b, 1000))
	for i := range 3 * maxPaces {
		require.True(t, p.MayShake(Network(netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})), now))
	}
	require.Len(t, p.paces, maxPaces)
	require.Zero(t, may(b, 10), "it's still remembered")
	now = now.Add(time.Minute)
	require.True(t, p.MayShake(network("10.0.0.3"), now))
	require.Len(t, p.paces, 1)
}

func TestLogLines(t *testing.T) {
	l := NewLines()
	now := time.Unix(1000, 0)
	a, b := Network(netip.MustParseAddr("10.0.0.1")), Network(netip.MustParseAddr("10.0.0.2"))
	ok := func(from netip.Prefix, reason string) bool { _, ok := l.May(from, reason, now); return ok }
	require.True(t, ok(a, "tls"))
	require.False(t, ok(a, "tls"))
	require.True(t, ok(a, "http"))
	require.True(t, ok(b, "tls"))
	require.False(t, ok(a, "tls"))
	now = now.Add(LineEvery)
	missed, may := l.May(a, "tls", now)
	require.True(t, may)
	require.Equal(t, 2, missed)

	// What comes by the thousand is said once, until it has been quiet for a while.
	require.True(t, ok(a, "handshakes"))
	for range 5 {
		now = now.Add(LineEvery - 1)
		require.False(t, ok(a, "handshakes"))
	}
	now = now.Add(LineEvery)
	missed, may = l.May(a, "handshakes", now)
	require.True(t, may)
	require.Equal(t, 5, missed)

	// A flood from many addresses takes no more memory than this.
	for i := range 3 * maxLines {
		l.May(Network(netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})), "tls", now)
	}
	require.LessOrEqual(t, len(l.said), maxLines)
	now = now.Add(LineEvery)
	require.True(t, ok(b, "http"))
	require.Less(t, len(l.said), 10)
}
