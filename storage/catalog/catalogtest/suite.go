package catalogtest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/journal"
	"sluice/transcode/rung"
)

// Backend is what a catalog's backend implements.
type Backend interface {
	catalog.Store
	journal.NumberStore
	Close() error
}

// Open opens the backend's data in the folder.
type Open func(t *testing.T, dir string) Backend

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"empty":                  testEmpty,
		"put, replace, remove":   testPut,
		"refused streams":        testRefused,
		"a key names one stream": testKeyTaken,
		"copies":                 testCopies,
		"reopened":               testReopened,
		"numbers":                testNumbers,
		"many at once":           testManyAtOnce,
		"ended context":          testEndedContext,
		"revisions":              testRevisions,
		"keys":                   testKeys,
		"uses":                   testUses,
		"changes":                testChanges,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// Hashes of three keys.
var one, two, three = catalog.HashKey("one"), catalog.HashKey("two"), catalog.HashKey("three")

func opened(t *testing.T, open Open, dir string) Backend {
	t.Helper()
	b := open(t, dir)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

var created = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func stream(name string, keys ...catalog.KeyHash) catalog.Stream {
	s := catalog.Stream{Name: name, Created: created}
	for i, k := range keys {
		s.Keys = append(s.Keys, catalog.StreamKey{ID: fmt.Sprint("k", i), Hash: k, Purpose: catalog.Primary, Created: created})
	}
	return s
}

// put puts a stream whatever there is of that name, and returns it as it's stored.
func put(t *testing.T, b catalog.Store, s catalog.Stream) catalog.Stream {
	t.Helper()
	present, err := b.Stream(t.Context(), s.Name)
	if err != nil {
		require.ErrorIs(t, err, catalog.ErrNotFound)
	}
	s.Revision = present.Revision
	s.Revision, err = b.Put(t.Context(), s)
	require.NoError(t, err)
	require.NotZero(t, s.Revision)
	return s
}

func refused(t *testing.T, b catalog.Store, s catalog.Stream) error {
	t.Helper()
	_, err := b.Put(t.Context(), s)
	require.Error(t, err, "%+v", s)
	return err
}

func ladder() *rung.Spec {
	return &rung.Spec{
		Source: &rung.Source{Height: 1080}, Encoder: rung.NVENC, CBR: true,
		Rungs: []rung.Rung{{Name: "hall", Height: 720, FPS: 50, Bitrate: 2_000_000, Codec: rung.HEVC, Profile: "main", Preset: "p4"}},
	}
}

func names(t *testing.T, s catalog.Store) []string {
	t.Helper()
	streams, err := s.Streams(t.Context())
	require.NoError(t, err)
	list := []string{}
	for _, v := range streams {
		list = append(list, v.Name)
	}
	return list
}

func testEmpty(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	require.Empty(t, names(t, b))
	_, err := b.ByKey(t.Context(), one)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = b.Stream(t.Context(), "live")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.ErrorIs(t, b.Remove(t.Context(), "live"), catalog.ErrNotFound)
	n, err := b.LoadNumbers(t.Context(), "live")
	require.NoError(t, err)
	require.Zero(t, n)
}

func testPut(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	ctx := t.Context()
	first := put(t, b, stream("b", one, two))
	put(t, b, stream("c"))
	put(t, b, stream("a"))
	require.Equal(t, []string{"a", "b", "c"}, names(t, b))
	for _, k := range []catalog.KeyHash{one, two} {
		s, err := b.ByKey(ctx, k)
		require.NoError(t, err)
		require.Equal(t, first, s)
	}
	s, err := b.Stream(ctx, "b")
	require.NoError(t, err)
	require.Equal(t, first, s)

	changed := stream("b", two, three)
	changed.Timing = catalog.Timing{Segment: 4 * time.Second, Part: 333 * time.Millisecond, Window: time.Minute}
	changed = put(t, b, changed)
	_, err = b.ByKey(ctx, one)
	require.ErrorIs(t, err, catalog.ErrNotFound, "a key that was taken away is dead at once")
	s, err = b.ByKey(ctx, three)
	require.NoError(t, err)
	require.Equal(t, changed, s)

	require.NoError(t, b.Remove(ctx, "b"))
	require.Equal(t, []string{"a", "c"}, names(t, b))
	_, err = b.ByKey(ctx, two)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	put(t, b, stream("d", two)) // a removed stream's key is free
}

func testRefused(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	long := stream("x")
	for i := range catalog.MaxKeys + 1 {
		long.Keys = append(long.Keys, catalog.StreamKey{ID: fmt.Sprint(i), Hash: catalog.HashKey(fmt.Sprint(i)), Purpose: catalog.Primary})
	}
	with := func(change func(*catalog.StreamKey)) catalog.Stream {
		s := stream("x", one, two)
		change(&s.Keys[0])
		return s
	}
	hasty := stream("x")
	hasty.Timing.Segment = time.Millisecond
	nameless := stream("x")
	nameless.Ladder = &rung.Spec{Rungs: []rung.Rung{{Height: 720, Codec: rung.H264}}}
	for _, s := range []catalog.Stream{
		stream(""), stream("UPPER"), stream("a/b"), stream(".."), stream("-a"), stream("x", one, one), long, hasty, nameless,
		with(func(k *catalog.StreamKey) { k.ID = "k1" }), with(func(k *catalog.StreamKey) { k.ID = "" }),
		with(func(k *catalog.StreamKey) { k.ID = "K" }), with(func(k *catalog.StreamKey) { k.Hash = catalog.KeyHash{} }),
		with(func(k *catalog.StreamKey) { k.Purpose = "spare" }), with(func(k *catalog.StreamKey) { k.Label = "two\nlines" }),
		with(func(k *catalog.StreamKey) { k.Allow = make([]netip.Prefix, 1) }),
		with(func(k *catalog.StreamKey) { k.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} }),
	} {
		refused(t, b, s)
	}
	require.Empty(t, names(t, b))
	require.Error(t, b.SaveNumbers(t.Context(), "../x", timeline.Numbers{Epoch: 1}))
}

func testKeyTaken(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	put(t, b, stream("a", one))
	before := put(t, b, stream("b", two))
	greedy := stream("b", three, one)
	greedy.Revision = before.Revision
	require.ErrorIs(t, refused(t, b, greedy), catalog.ErrKeyTaken)

	s, err := b.ByKey(t.Context(), two)
	require.NoError(t, err, "a refused Put changes nothing")
	require.Equal(t, before, s)
	_, err = b.ByKey(t.Context(), three)
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func testCopies(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	full := func() catalog.Stream {
		s := stream("a", one)
		s.Ladder = ladder()
		s.Keys[0].Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		return s
	}
	spoil := func(s catalog.Stream) {
		s.Keys[0].Allow[0] = netip.Prefix{}
		s.Keys[0].Hash, s.Ladder.Source.Height, s.Ladder.Rungs[0].Height = two, 0, 480
	}
	given := full()
	want := put(t, b, given).Clone()
	spoil(given)
	got, err := b.ByKey(t.Context(), one)
	require.NoError(t, err)
	require.Equal(t, want, got)
	spoil(got)
	list, err := b.Streams(t.Context())
	require.NoError(t, err)
	require.Equal(t, []catalog.Stream{want}, list)
	spoil(list[0])
	got, err = b.Stream(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func testReopened(t *testing.T, open Open) {
	dir := t.TempDir()
	b := open(t, dir)
	full := stream("a", one, two)
	full.Timing = catalog.Timing{Segment: time.Second, Part: 100 * time.Millisecond, Window: 10 * time.Second}
	full.Ladder = ladder()
	full = put(t, b, full)
	put(t, b, stream("b"))
	require.NoError(t, b.Remove(t.Context(), "b"))
	require.NoError(t, b.SaveNumbers(t.Context(), "b", timeline.Numbers{Epoch: 7, MSN: 1 << 60}))
	require.NoError(t, b.Close())

	b = opened(t, open, dir)
	list, err := b.Streams(t.Context())
	require.NoError(t, err)
	require.Equal(t, []catalog.Stream{full}, list)
	s, err := b.ByKey(t.Context(), two)
	require.NoError(t, err)
	require.Equal(t, full, s)
	n, err := b.LoadNumbers(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, timeline.Numbers{Epoch: 7, MSN: 1 << 60}, n)
}

func testNumbers(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	ctx := t.Context()
	save := func(name string, n timeline.Numbers) {
		t.Helper()
		require.NoError(t, b.SaveNumbers(ctx, name, n))
		got, err := b.LoadNumbers(ctx, name)
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	save("live", timeline.Numbers{Epoch: 2001, MSN: 2001})
	save("other", timeline.Numbers{Epoch: 5, MSN: 6})
	// An orderly stop gives back what was reserved and not used.
	save("live", timeline.Numbers{Epoch: 2, MSN: 40})

	// The numbers are no part of the stream: they outlive it.
	put(t, b, stream("live", one))
	require.NoError(t, b.Remove(ctx, "live"))
	n, err := b.LoadNumbers(ctx, "live")
	require.NoError(t, err)
	require.Equal(t, timeline.Numbers{Epoch: 2, MSN: 40}, n)
}

func testManyAtOnce(t *testing.T, open Open) {
	const writers, rounds = 16, 5
	dir := t.TempDir()
	b := open(t, dir)
	var wg sync.WaitGroup
	for i := range writers {
		name, key := fmt.Sprintf("s%02d", i), catalog.HashKey(fmt.Sprint("k", i))
		wg.Go(func() {
			revision := uint64(0)
			for r := range uint64(rounds) {
				n := timeline.Numbers{Epoch: r + 1, MSN: uint64(i)}
				if err := b.SaveNumbers(t.Context(), name, n); err != nil {
					t.Errorf("save: %v", err)
				}
				if got, err := b.LoadNumbers(t.Context(), name); err != nil || got != n {
					t.Errorf("%s: saved %v, loaded %v, %v", name, n, got, err)
				}
				s := stream(name, key)
				s.Revision = revision
				var err error
				if revision, err = b.Put(t.Context(), s); err != nil {
					t.Errorf("put: %v", err)
				}
				if s, err := b.ByKey(t.Context(), key); err != nil || s.Name != name {
					t.Errorf("put %s, found %q, %v", name, s.Name, err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, b.Close())

	b = opened(t, open, dir)
	require.Len(t, names(t, b), writers)
	for i := range writers {
		n, err := b.LoadNumbers(t.Context(), fmt.Sprintf("s%02d", i))
		require.NoError(t, err)
		require.Equal(t, timeline.Numbers{Epoch: rounds, MSN: uint64(i)}, n)
	}
}

func testEndedContext(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Put(ctx, stream("a", one))
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Stream(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.NoteUses(ctx, map[catalog.KeyHash]time.Time{one: created}), context.Canceled)
	for range b.Changes(ctx) {
		t.Error("a change after the end")
	}
	require.ErrorIs(t, b.Remove(ctx, "a"), context.Canceled)
	_, err = b.Streams(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.ByKey(ctx, one)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.LoadNumbers(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.SaveNumbers(ctx, "a", timeline.Numbers{Epoch: 1}), context.Canceled)
	put(t, b, stream("a", one)) // the store goes on
}
