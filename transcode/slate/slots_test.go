package slate

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// crew encodes make-believe loops in Slots.
type crew struct {
	t     *testing.T
	slots *Slots
	mu    sync.Mutex
	busy  int
	most  int // that were busy at once
	asked int // to give way
}

// encode takes so long, as often as it's told to give way, and returns when it was done.
func (c *crew) encode(ctx context.Context, lasts time.Duration) {
	work := func(ctx context.Context) error {
		c.mu.Lock()
		c.busy++
		c.most = max(c.most, c.busy)
		c.mu.Unlock()
		defer func() { c.mu.Lock(); c.busy--; c.mu.Unlock() }()
		select {
		case <-time.After(lasts):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := c.slots.do(ctx, false, work)
	if errors.Is(err, errSlow) {
		c.mu.Lock()
		c.asked++
		c.mu.Unlock()
		err = c.slots.do(ctx, true, work)
	}
	require.NoError(c.t, err)
}

// Whatever is slow, what is quick gets its turn; and nothing is begun more than twice.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crew{t: t, slots: NewSlots()}
		var slow, quick sync.WaitGroup
		for range 3 {
			slow.Go(func() { c.encode(t.Context(), 10*time.Minute) })
		}
		synctest.Wait()
		began := time.Now()
		for range 10 {
			quick.Go(func() { c.encode(t.Context(), 3*time.Second) })
		}
		quick.Wait()
		require.LessOrEqual(t, time.Since(began), 2*slowAfter+10*3*time.Second)
		slow.Wait()
		require.LessOrEqual(t, time.Since(began), 31*time.Minute)
		require.Equal(t, maxEncoding, c.most)
		require.Equal(t, 2, c.asked, "each but the one that may be slow")
	})
}

// As long as nobody else wants anything, what is slow may all go on.
func TestSlotsThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crew{t: t, slots: NewSlots()}
		began := time.Now()
		var all sync.WaitGroup
		for range maxEncoding {
			all.Go(func() { c.encode(t.Context(), 10*time.Minute) })
		}
		all.Wait()
		require.Equal(t, 10*time.Minute, time.Since(began))
		require.Zero(t, c.asked)
	})
}

func TestSlotsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				err := s.do(ctx, n%2 == 0, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				require.ErrorIs(t, err, context.Canceled)
			})
		}
		time.Sleep(time.Second)
		cancel()
		all.Wait()
		require.Empty(t, s.free)
		require.Empty(t, s.slow)
		require.Zero(t, s.waiting.Load())
	})
}

// Streams of which the slate takes for ever hold up no other's, of this Maker or of another
// that shares its slots.
func TestMakersAreIndependent(t *testing.T) {
	slow := says + `case "$*" in *512x288*|*640x360*|*768x432*) exec sleep 1000;; esac
exec ffmpeg "$@"`
	slots := NewSlots()
	slots.after, slots.again = 12*time.Second, 10*time.Millisecond
	path := script(t, slow)
	one := serveQuiet(t, Options{FFmpeg: path, Slots: slots}, time.Hour)
	for _, size := range []string{"512x288", "640x360", "768x432"} {
		one.Prepare([]media.Track{h264Track(t, size, "10")}, nil)
	}
	one.awaitLine(t, "a slate takes long: others go first")
	other := serve(t, Options{FFmpeg: path, Slots: slots, Data: filepath.Join(t.TempDir(), "data")})
	other.awaitClip(t, smallTracks(t), anyClip)
	one.awaitClip(t, smallTracks(t), anyClip)
}
