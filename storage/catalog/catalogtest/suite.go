package catalogtest

import (
	"context"
	"fmt"
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

func stream(name string, keys ...catalog.KeyHash) catalog.Stream {
	return catalog.Stream{Name: name, Keys: keys, Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
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
	require.ErrorIs(t, b.Remove(t.Context(), "live"), catalog.ErrNotFound)
	n, err := b.LoadNumbers(t.Context(), "live")
	require.NoError(t, err)
	require.Zero(t, n)
}

func testPut(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	ctx := t.Context()
	require.NoError(t, b.Put(ctx, stream("b", one, two)))
	require.NoError(t, b.Put(ctx, stream("c")))
	require.NoError(t, b.Put(ctx, stream("a")))
	require.Equal(t, []string{"a", "b", "c"}, names(t, b))
	for _, k := range []catalog.KeyHash{one, two} {
		s, err := b.ByKey(ctx, k)
		require.NoError(t, err)
		require.Equal(t, stream("b", one, two), s)
	}

	changed := stream("b", two, three)
	changed.Timing = catalog.Timing{Segment: 4 * time.Second, Part: 333 * time.Millisecond, Window: time.Minute}
	require.NoError(t, b.Put(ctx, changed))
	_, err := b.ByKey(ctx, one)
	require.ErrorIs(t, err, catalog.ErrNotFound, "a key that was taken away is dead at once")
	s, err := b.ByKey(ctx, three)
	require.NoError(t, err)
	require.Equal(t, changed, s)

	require.NoError(t, b.Remove(ctx, "b"))
	require.Equal(t, []string{"a", "c"}, names(t, b))
	_, err = b.ByKey(ctx, two)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.NoError(t, b.Put(ctx, stream("d", two)), "a removed stream's key is free")
}

func testRefused(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	long := stream("x")
	for i := range catalog.MaxKeys + 1 {
		long.Keys = append(long.Keys, catalog.HashKey(fmt.Sprint(i)))
	}
	hasty := stream("x")
	hasty.Timing.Segment = time.Millisecond
	nameless := stream("x")
	nameless.Ladder = &rung.Spec{Rungs: []rung.Rung{{Height: 720, Codec: rung.H264}}}
	for _, s := range []catalog.Stream{
		stream(""), stream("UPPER"), stream("a/b"), stream(".."), stream("-a"), stream("x", one, one), long, hasty, nameless,
	} {
		require.Error(t, b.Put(t.Context(), s), "%+v", s)
	}
	require.Empty(t, names(t, b))
	require.Error(t, b.SaveNumbers(t.Context(), "../x", timeline.Numbers{Epoch: 1}))
}

func testKeyTaken(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	require.NoError(t, b.Put(t.Context(), stream("a", one)))
	require.NoError(t, b.Put(t.Context(), stream("b", two)))
	require.ErrorIs(t, b.Put(t.Context(), stream("b", three, one)), catalog.ErrKeyTaken)

	s, err := b.ByKey(t.Context(), two)
	require.NoError(t, err, "a refused Put changes nothing")
	require.Equal(t, stream("b", two), s)
	_, err = b.ByKey(t.Context(), three)
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func testCopies(t *testing.T, open Open) {
	b := opened(t, open, t.TempDir())
	laddered := func() catalog.Stream {
		s := stream("a", one)
		s.Ladder = ladder()
		return s
	}
	given := laddered()
	require.NoError(t, b.Put(t.Context(), given))
	given.Keys[0], given.Ladder.Source.Height, given.Ladder.Rungs[0].Height = two, 0, 480
	got, err := b.ByKey(t.Context(), one)
	require.NoError(t, err)
	got.Keys[0], got.Ladder.Source.Height, got.Ladder.Rungs[0].Height = two, 0, 480
	list, err := b.Streams(t.Context())
	require.NoError(t, err)
	require.Equal(t, []catalog.Stream{laddered()}, list)
	list[0].Keys[0], list[0].Ladder.Rungs[0].Height = three, 480
	got, err = b.ByKey(t.Context(), one)
	require.NoError(t, err)
	require.Equal(t, laddered(), got)
}

func testReopened(t *testing.T, open Open) {
	dir := t.TempDir()
	b := open(t, dir)
	full := stream("a", one, two)
	full.Timing = catalog.Timing{Segment: time.Second, Part: 100 * time.Millisecond, Window: 10 * time.Second}
	full.Ladder = ladder()
	require.NoError(t, b.Put(t.Context(), full))
	require.NoError(t, b.Put(t.Context(), stream("b")))
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
	require.NoError(t, b.Put(ctx, stream("live", one)))
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
			for r := range uint64(rounds) {
				n := timeline.Numbers{Epoch: r + 1, MSN: uint64(i)}
				if err := b.SaveNumbers(t.Context(), name, n); err != nil {
					t.Errorf("save: %v", err)
				}
				if got, err := b.LoadNumbers(t.Context(), name); err != nil || got != n {
					t.Errorf("%s: saved %v, loaded %v, %v", name, n, got, err)
				}
				if err := b.Put(t.Context(), stream(name, key)); err != nil {
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
	require.ErrorIs(t, b.Put(ctx, stream("a", one)), context.Canceled)
	require.ErrorIs(t, b.Remove(ctx, "a"), context.Canceled)
	_, err := b.Streams(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.ByKey(ctx, one)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.LoadNumbers(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.SaveNumbers(ctx, "a", timeline.Numbers{Epoch: 1}), context.Canceled)
	require.NoError(t, b.Put(t.Context(), stream("a", one)), "the store goes on")
}
