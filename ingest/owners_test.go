package ingest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// actor is an owner that falls silent at a given time.
type actor struct {
	last    atomic.Pointer[time.Time] // nil: speaks all the time
	evicted chan error
}

func newActor() *actor { return &actor{evicted: make(chan error, 10)} }

func (a *actor) silence() time.Duration {
	if t := a.last.Load(); t != nil {
		return time.Since(*t)
	}
	return 0
}

func (a *actor) evict(cause error) { a.evicted <- cause }

func (a *actor) fallSilent() {
	now := time.Now()
	a.last.Store(&now)
}

func testOwners() *owners {
	l := &Limits{}
	l.setDefaults()
	return newOwners(l, false)
}

func TestClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		ctx := t.Context()
		first, second := newActor(), newActor()
		release, err := os.claim(ctx, seat{stream: "show"}, first)
		require.NoError(t, err)
		other, err := os.claim(ctx, seat{stream: "another"}, second)
		require.NoError(t, err)
		other()

		// The owner is alive: refused after OwnerWait, and never disturbed.
		start := time.Now()
		_, err = os.claim(ctx, seat{stream: "show"}, second)
		require.ErrorIs(t, err, ErrBusy)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.Empty(t, first.evicted)

		// It leaves while another waits.
		time.AfterFunc(time.Second, release)
		start = time.Now()
		release, err = os.claim(ctx, seat{stream: "show"}, second)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))
		release()
		require.Empty(t, os.of)
	})
}

func TestClaimTakesOverFromTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		ctx := t.Context()
		first, second := newActor(), newActor()
		release, err := os.claim(ctx, seat{stream: "show"}, first)
		require.NoError(t, err)

		// Silent since 0.5 s: evicted in a second from now, which then takes 0.2 s.
		first.fallSilent()
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		go func() {
			require.ErrorIs(t, <-first.evicted, ErrTakenOver)
			require.Equal(t, time.Second, time.Since(start))
			time.Sleep(200 * time.Millisecond)
			release()
		}()
		release2, err := os.claim(ctx, seat{stream: "show"}, second)
		require.NoError(t, err)
		require.Equal(t, 1200*time.Millisecond, time.Since(start))
		require.Empty(t, first.evicted, "told once")

		// An owner whose Sink hangs for ever locks nobody in.
		second.fallSilent()
		time.Sleep(2 * time.Second)
		start = time.Now()
		_, err = os.claim(ctx, seat{stream: "show"}, newActor())
		require.ErrorIs(t, err, ErrBusy)
		require.Equal(t, 8*time.Second, time.Since(start))
		require.Len(t, second.evicted, 1)
		release2()
	})
}

// A backup has a seat of its own, with the same rules.
func TestClaimOfABackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		release, err := os.claim(t.Context(), seat{stream: "show"}, newActor())
		require.NoError(t, err)
		spare, err := os.claim(t.Context(), seat{"show", true}, newActor())
		require.NoError(t, err)
		require.Len(t, os.all(), 2)
		_, err = os.claim(t.Context(), seat{"show", true}, newActor())
		require.ErrorIs(t, err, ErrBusy)
		release()
		spare()
		require.Empty(t, os.of)
	})
}

// With Newest an owner that is alive gives way too, and the one that came last has
// the stream, however many come.
func TestClaimTakesOverFromTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		os.newest = true
		ctx := t.Context()
		first, second := newActor(), newActor()
		release, err := os.claim(ctx, seat{stream: "show"}, first)
		require.NoError(t, err)
		start := time.Now()
		go func() {
			require.ErrorIs(t, <-first.evicted, ErrTakenOver)
			time.Sleep(200 * time.Millisecond) // its Sink ends
			release()
		}()
		release2, err := os.claim(ctx, seat{stream: "show"}, second)
		require.NoError(t, err)
		require.Equal(t, 200*time.Millisecond, time.Since(start))
		require.Empty(t, first.evicted, "told once")
		require.Empty(t, second.evicted)
		release2()
		require.Empty(t, os.of)
	})
}

func TestOnlyOneOfManyTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		first := newActor()
		release, err := os.claim(t.Context(), seat{stream: "show"}, first)
		require.NoError(t, err)
		first.fallSilent()
		go func() { <-first.evicted; release() }()
		results := make(chan error, 5)
		for range 5 {
			go func() {
				_, err := os.claim(t.Context(), seat{stream: "show"}, newActor())
				results <- err
			}()
		}
		won := 0
		for range 5 {
			if err := <-results; err == nil {
				won++
			} else {
				require.ErrorIs(t, err, ErrBusy)
			}
		}
		require.Equal(t, 1, won)
	})
}

func TestClaimGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		os := testOwners()
		_, err := os.claim(t.Context(), seat{stream: "show"}, newActor())
		require.NoError(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		time.AfterFunc(time.Second, func() { cancel(gone) })
		_, err = os.claim(ctx, seat{stream: "show"}, newActor())
		require.ErrorIs(t, err, gone)
	})
}
