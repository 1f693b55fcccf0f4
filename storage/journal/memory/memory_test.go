package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/journaltest"
	"sluice/storage/journal/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open runs a journal until stop is called.
func open(t *testing.T, numbers journal.NumberStore) (journal.Journal, func()) {
	j := memory.New(memory.Options{Numbers: numbers})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Serve(ctx) }()
	return j, func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

func TestSuite(t *testing.T) { journaltest.Run(t, open) }

// TestWithoutNumbers is a journal that starts at 1 with each process.
func TestWithoutNumbers(t *testing.T) {
	j := memory.New(memory.Options{})
	w := journaltest.Writer{T: t, Journal: j, Stream: "live"}
	w.Start()
	for range 3000 {
		w.Segment()
	}
	w.End()
}

// TestStoreAway shows that no number is used that wasn't reserved before.
func TestStoreAway(t *testing.T) {
	numbers := &journaltest.Numbers{}
	numbers.Fail(true)
	j, stop := open(t, numbers)
	defer stop()
	_, err := j.Follow(t.Context(), "live")
	require.ErrorIs(t, err, journaltest.ErrStore)
	err = j.Append(t.Context(), "live", timeline.EpochStarted{})
	require.ErrorIs(t, err, journaltest.ErrStore)
	numbers.Fail(false)
	f, err := j.Follow(t.Context(), "live")
	require.NoError(t, err)
	numbers.Fail(true)
	first := timeline.EpochStarted{Epoch: 1, Tracks: []timeline.RenditionTrack{{Rendition: timeline.Source}}}
	require.ErrorIs(t, j.Append(t.Context(), "live", first), journaltest.ErrStore)
	require.Equal(t, timeline.Offline, f.Current().State, "nobody saw the number")
	numbers.Fail(false)
	require.NoError(t, j.Append(t.Context(), "live", first))
	require.Greater(t, numbers.Saved("live").MSN, f.Current().Next.MSN)
}

// TestFollowingReservesNothing: who looks for streams that are never published
// writes nothing, and moves no numbers on.
func TestFollowingReservesNothing(t *testing.T) {
	numbers := &journaltest.Numbers{}
	for range 3 {
		j, stop := open(t, numbers)
		f, err := j.Follow(t.Context(), "live")
		require.NoError(t, err)
		require.Equal(t, timeline.Numbers{Epoch: 1, MSN: 1}, f.Current().Next)
		stop()
		require.Zero(t, numbers.Saves())
	}
	// Nor does one that was entered wrongly.
	j, stop := open(t, numbers)
	require.ErrorIs(t, j.Append(t.Context(), "live", timeline.StreamEnded{}), timeline.ErrOrder)
	stop()
	require.Zero(t, numbers.Saves())
}

// TestReservationRetried has a store that is away when a reservation runs low:
// the stream goes on, and the reservation is asked for again, with pauses.
func TestReservationRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		numbers := &journaltest.Numbers{}
		j, stop := open(t, numbers)
		w := journaltest.Writer{T: t, Journal: j, Stream: "live"}
		w.Start()
		reserved := numbers.Saved("live")
		numbers.Fail(true)
		for range 1200 {
			w.Segment()
		}
		synctest.Wait()
		require.Equal(t, reserved, numbers.Saved("live"))
		saves := numbers.Saves()
		for range 10 { // all within the pause
			w.Segment()
			synctest.Wait()
		}
		require.Equal(t, saves, numbers.Saves(), "no busy loop")
		time.Sleep(time.Minute)
		numbers.Fail(false)
		w.Segment()
		synctest.Wait()
		require.Greater(t, numbers.Saved("live").MSN, reserved.MSN)
		stop()
		require.EqualValues(t, 1+1211, numbers.Saved("live").MSN, "an orderly stop skips none")
	})
}

// TestAppendAfterStop: what is appended after Serve has ended repeats no number
// with the next process.
func TestAppendAfterStop(t *testing.T) {
	numbers := &journaltest.Numbers{}
	j, stop := open(t, numbers)
	w := journaltest.Writer{T: t, Journal: j, Stream: "live"}
	w.Start()
	w.Segment()
	stop()
	require.EqualValues(t, 2, numbers.Saved("live").MSN)
	w.Segment()
	w.Segment()
	w.End()
	require.GreaterOrEqual(t, numbers.Saved("live").MSN, uint64(4))
}

func BenchmarkAppend(b *testing.B) {
	j := memory.New(memory.Options{})
	track := timeline.RenditionTrack{
		Rendition: timeline.Source, Track: media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock},
	}
	for _, e := range []timeline.Entry{
		timeline.EpochStarted{Epoch: 1, Window: time.Minute, Tracks: []timeline.RenditionTrack{track}},
		timeline.InitWritten{Epoch: 1, InitEpoch: 1, Rendition: timeline.Source},
	} {
		require.NoError(b, j.Append(b.Context(), "live", e))
	}
	index := 0
	b.ReportAllocs()
	for b.Loop() {
		err := j.Append(b.Context(), "live", timeline.PartWritten{
			Epoch: 1, Rendition: timeline.Source, MSN: uint64(1 + index/10), Index: index % 10,
			Part: timeline.Part{Duration: 1},
		})
		if err != nil {
			b.Fatal(err)
		}
		if index++; index%10 == 0 {
			closed := timeline.SegmentClosed{Epoch: 1, Rendition: timeline.Source, MSN: uint64(index / 10), Duration: 10}
			if err := j.Append(b.Context(), "live", closed); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestRestore begins with what an earlier process left, or anew where that can't be used.
func TestRestore(t *testing.T) {
	numbers := &journaltest.Numbers{}
	require.NoError(t, numbers.SaveNumbers(t.Context(), "live", timeline.Numbers{Epoch: 7, MSN: 70}))
	var left *timeline.Timeline
	var broken error
	restore := func(_ context.Context, stream string, next timeline.Numbers) (*timeline.Timeline, error) {
		require.Equal(t, "live", stream)
		require.Equal(t, timeline.Numbers{Epoch: 7, MSN: 70}, next)
		return left, broken
	}
	next := func() timeline.Numbers {
		f, err := memory.New(memory.Options{Numbers: numbers, Restore: restore}).Follow(t.Context(), "live")
		require.NoError(t, err)
		return f.Current().Next
	}
	require.Equal(t, timeline.Numbers{Epoch: 7, MSN: 70}, next())
	broken = errors.New("damaged")
	require.Equal(t, timeline.Numbers{Epoch: 7, MSN: 70}, next())
	broken, left = nil, timeline.New(timeline.Numbers{Epoch: 3, MSN: 33})
	require.Equal(t, timeline.Numbers{Epoch: 3, MSN: 33}, next())
}
