package timeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func mustApply(t *testing.T, tl *Timeline, entries ...Entry) *Timeline {
	t.Helper()
	for _, e := range entries {
		next, err := Apply(tl, e)
		require.NoError(t, err, "%T", e)
		tl = next
	}
	return tl
}

// liveFeed stands at an epoch of video and sound with a part each.
func liveFeed(t *testing.T) *Feed {
	part := Part{Duration: 100, Samples: 1}
	return NewFeed(mustApply(t, New(Numbers{}),
		EpochStarted{Epoch: 1, Window: time.Minute, Tracks: []RenditionTrack{genVideo, genAudio}},
		InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source}, InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Audio},
		PartWritten{Epoch: 1, Rendition: Source, MSN: 1, Part: part}, PartWritten{Epoch: 1, Rendition: Audio, MSN: 1, Part: part},
	))
}

func hasPart(id RenditionID, p Position) func(*Timeline) bool {
	return func(tl *Timeline) bool { return tl.Rendition(id).Reached(p) }
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := liveFeed(t)
		got, err := f.Await(t.Context(), Source, hasPart(Source, Position{1, 0}))
		require.NoError(t, err)
		require.Same(t, f.Current(), got, "what is there needs no wait")

		looked := 0
		done := make(chan *Timeline)
		for range 100 {
			go func() {
				got, err := f.Await(t.Context(), Source, hasPart(Source, Position{1, 1}))
				if err != nil {
					panic(err)
				}
				done <- got
			}()
		}
		go func() {
			_, err := f.Await(t.Context(), Source, func(tl *Timeline) bool { looked++; return tl.State == Away })
			if err != nil {
				panic(err)
			}
			done <- nil
		}()
		synctest.Wait()
		before := looked
		f.Publish(mustApply(t, f.Current(), PartWritten{Epoch: 1, Rendition: Audio, MSN: 1, Index: 1, Part: Part{Duration: 1}}))
		synctest.Wait()
		require.Equal(t, before, looked, "another rendition's part wakes nobody")
		f.Publish(mustApply(t, f.Current(), PartWritten{Epoch: 1, Rendition: Source, MSN: 1, Index: 1, Part: Part{Duration: 1}}))
		for range 100 {
			require.Same(t, f.Current(), <-done)
		}
		f.Publish(mustApply(t, f.Current(),
			SegmentClosed{Epoch: 1, Rendition: Source, MSN: 1, Duration: 1},
			SegmentClosed{Epoch: 1, Rendition: Audio, MSN: 1, Duration: 1}, EpochEnded{Epoch: 1}))
		require.Nil(t, <-done)
	})
}

func TestAwaitAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := liveFeed(t)
		gone := errors.New("viewer gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		errs := make(chan error)
		for range 20 {
			go func() {
				_, err := f.Await(ctx, "", func(*Timeline) bool { return false })
				errs <- err
			}()
		}
		synctest.Wait()
		cancel(gone)
		for range 20 {
			require.ErrorIs(t, <-errs, gone)
		}
	}) // which fails if a goroutine is left
}

// TestAwaitLosesNothing publishes while others come and wait.
func TestAwaitLosesNothing(t *testing.T) {
	f := liveFeed(t)
	const parts = 500
	done := make(chan error)
	for range 8 {
		go func() {
			for i := 1; i <= parts; i++ {
				if _, err := f.Await(t.Context(), Source, hasPart(Source, Position{1, i})); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := 1; i <= parts; i++ {
		next, err := Apply(f.Current(), PartWritten{Epoch: 1, Rendition: Source, MSN: 1, Index: i, Part: Part{Duration: 1}})
		require.NoError(t, err)
		f.Publish(next)
	}
	for range 8 {
		require.NoError(t, <-done)
	}
}

func TestChanged(t *testing.T) {
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	f := liveFeed(t)
	video, audio, all := f.Changed(Source), f.Changed(Audio), f.Changed("")
	require.False(t, closed(video))
	f.Publish(mustApply(t, f.Current(), PartWritten{Epoch: 1, Rendition: Source, MSN: 1, Index: 1, Part: Part{Start: 100, Duration: 100}}))
	require.True(t, closed(video))
	require.True(t, closed(all))
	require.False(t, closed(audio), "of another rendition")
	require.False(t, closed(f.Changed(Source)), "only what comes later")
}
