package admit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/ingest/gate"
	"sluice/storage/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func from(s string) netip.Prefix { return gate.Network(netip.MustParseAddr(s)) }

func TestPauseGrows(t *testing.T) {
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60}
	for failures, seconds := range want {
		require.Equal(t, seconds*time.Second, pause(failures), "%d failures", failures)
	}
	require.Equal(t, maxPause, pause(1<<40))
}

func TestLimiter(t *testing.T) {
	l := newLimiter()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key := catalog.HashKey("k")
	a, b := from("192.0.2.1"), from("192.0.2.2")
	enter := func(p netip.Prefix) any {
		wait, ok := l.enter(p, key, now)
		if !ok {
			return "refused"
		}
		return wait
	}
	for range freeFailures {
		require.Zero(t, enter(a))
		l.fail(a, now)
	}
	require.Zero(t, enter(a), "typing errors are free")
	l.fail(a, now)
	require.Equal(t, time.Second, enter(a))
	require.Equal(t, 2*time.Second, enter(a), "who comes next stands behind")
	require.Zero(t, enter(b), "others are not concerned")
	require.Equal(t, 1, l.limited(now))
	for range 4 {
		l.fail(a, now)
	}
	require.Equal(t, "refused", enter(a))
	require.Equal(t, "refused", enter(a), "which makes nobody wait longer")
	now = now.Add(15 * time.Second)
	require.Equal(t, time.Second, enter(a))
	require.Equal(t, "refused", enter(a))
	now = now.Add(time.Minute)
	require.Zero(t, enter(a), "the pause is over")
	require.Equal(t, 1, l.limited(now), "and the next one waits")
	now = now.Add(forgetAfter)
	require.Zero(t, enter(a))
	require.Empty(t, l.addresses, "forgotten")

	// Who has published from there with this key isn't kept out by a neighbour.
	l.trust(a, key, now)
	for range 20 {
		l.fail(a, now)
	}
	require.Zero(t, enter(a))
	_, ok := l.enter(a, catalog.HashKey("other"), now)
	require.False(t, ok, "with another key it's kept out")
	_, ok = l.enter(a, key, now.Add(trustFor))
	require.True(t, ok, "a pause doesn't last for a day")

	// In IPv6 a network is one address.
	for range 20 {
		l.fail(from("2001:db8::1"), now)
	}
	require.Equal(t, "refused", enter(from("2001:db8::ffff")))
	require.Zero(t, enter(from("2001:db8:0:1::1")))
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 5 {
		l.fail(from("192.0.2.1"), now.Add(time.Hour)) // the newest stay
	}
	for i := range 2 * maxAddresses {
		a := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		l.fail(a, now.Add(time.Duration(i)*time.Millisecond))
		l.trust(a, catalog.HashKey(fmt.Sprint(i)), now.Add(time.Duration(i)*time.Millisecond))
	}
	require.Len(t, l.addresses, maxAddresses)
	require.Len(t, l.trusted, maxTrusted)
	_, ok := l.addresses[from("192.0.2.1")]
	require.True(t, ok)
}
