package journaltest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/journal"
)

// Open opens the backend under test over a store of numbers, and runs what it
// needs to run. stop ends it in good order and returns when it has ended; it is
// called once. Each call of Open is a process of its own: what a backend keeps
// over restarts it must find again, and one that keeps nothing starts empty.
type Open func(t *testing.T, numbers journal.NumberStore) (j journal.Journal, stop func())

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"AppendIsSeen", appendIsSeen},
		{"OneFeedForAll", oneFeedForAll},
		{"OutOfOrder", outOfOrder},
		{"StreamsAreIndependent", streamsAreIndependent},
		{"FollowersSeeEveryPart", followersSeeEveryPart},
		{"OldTimelinesStay", oldTimelinesStay},
		{"FollowersDoNotHoldUpWriters", followersDoNotHoldUpWriters},
		{"NumbersGoOnAfterStop", numbersGoOnAfterStop},
		{"NumbersRiseAfterCrash", numbersRiseAfterCrash},
		{"NumbersOfOtherStreamsStay", numbersOfOtherStreamsStay},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

var track = timeline.RenditionTrack{
	Rendition: timeline.Source,
	Track:     media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock},
}

// Writer appends a plain stream of video: the shortest legal story.
type Writer struct {
	*testing.T
	Journal journal.Journal
	Stream  string
}

func (w Writer) append(e timeline.Entry) {
	w.Helper()
	require.NoError(w, w.Journal.Append(w.Context(), w.Stream, e), "%T", e)
}

func (w Writer) now() *timeline.Timeline {
	w.Helper()
	f, err := w.Journal.Follow(w.Context(), w.Stream)
	require.NoError(w, err)
	return f.Current()
}

// Start starts an epoch.
func (w Writer) Start() {
	w.Helper()
	n := w.now().Next.Epoch
	w.append(timeline.EpochStarted{Epoch: n, At: time.Now(), Window: 10 * time.Second, Tracks: []timeline.RenditionTrack{track}})
	w.append(timeline.InitWritten{Epoch: n, InitEpoch: n, Rendition: timeline.Source, Data: []byte("init")})
}

// Part appends a part to the open segment, or opens the next one.
func (w Writer) Part() {
	w.Helper()
	t := w.now()
	p := t.Rendition(timeline.Source).NextPosition(t)
	w.append(timeline.PartWritten{
		Epoch: t.Current().Number, Rendition: timeline.Source, MSN: p.MSN, Index: p.Part,
		Part: timeline.Part{Start: media.Ticks(p.MSN*10+uint64(p.Part)) * 18_000, Duration: 18_000, Data: []byte("part")},
	})
}

// Segment appends one of one part.
func (w Writer) Segment() {
	w.Helper()
	w.Part()
	t := w.now()
	open := t.Rendition(timeline.Source).Open
	w.append(timeline.SegmentClosed{
		Epoch: open.Epoch, Rendition: timeline.Source, MSN: open.MSN, Duration: 18_000,
	})
}

// End ends the epoch and the stream.
func (w Writer) End() {
	w.Helper()
	w.append(timeline.EpochEnded{Epoch: w.now().Current().Number, At: time.Now()})
	w.append(timeline.StreamEnded{At: time.Now()})
}

func appendIsSeen(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	w := Writer{t, j, "live"}
	require.Equal(t, timeline.Offline, w.now().State)
	w.Start()
	require.Equal(t, timeline.Live, w.now().State)
	w.Part()
	got := w.now().Rendition(timeline.Source).Open
	require.Equal(t, []byte("part"), got.Parts[0].Data)
	require.Equal(t, []byte("init"), got.Init.Data)
}

func oneFeedForAll(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	feeds := make([]*timeline.Feed, 8)
	var wg sync.WaitGroup
	for i := range feeds {
		wg.Go(func() {
			f, err := j.Follow(t.Context(), "live")
			if err != nil {
				t.Error(err)
			}
			feeds[i] = f
		})
	}
	wg.Wait()
	for _, f := range feeds {
		require.Same(t, feeds[0], f)
	}
}

func outOfOrder(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	w := Writer{t, j, "live"}
	err := j.Append(t.Context(), "live", timeline.StreamEnded{})
	require.ErrorIs(t, err, timeline.ErrOrder)
	w.Start()
	w.Segment()
	before := w.now()
	for _, e := range []timeline.Entry{
		timeline.EpochStarted{Epoch: 99, Tracks: []timeline.RenditionTrack{track}},
		timeline.PartWritten{Epoch: before.Current().Number, Rendition: timeline.Source, MSN: before.Next.MSN + 1},
		timeline.SegmentClosed{Epoch: before.Current().Number, Rendition: timeline.Audio, MSN: before.Next.MSN, Duration: 1},
		timeline.Cleared{},
	} {
		require.ErrorIs(t, j.Append(t.Context(), "live", e), timeline.ErrOrder, "%T", e)
		require.Same(t, before, w.now(), "the record stays as it was")
	}
	w.Segment()
	w.End()
}

func streamsAreIndependent(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			w := Writer{t, j, fmt.Sprintf("stream %d", i)}
			w.Start()
			for range 10 * (i + 1) {
				w.Segment()
			}
		})
	}
	wg.Wait()
	for i := range uint64(8) {
		w := Writer{t, j, fmt.Sprintf("stream %d", i)}
		require.Equal(t, 10*(i+1)+1, w.now().Next.MSN)
	}
}

func followersSeeEveryPart(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	const parts = 200
	w := Writer{t, j, "live"}
	w.Start()
	f, err := j.Follow(t.Context(), "live")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range parts {
				got, err := f.Await(t.Context(), timeline.Source, func(tl *timeline.Timeline) bool {
					return tl.Rendition(timeline.Source).Reached(timeline.Position{MSN: 1, Part: n})
				})
				if err != nil || len(got.Rendition(timeline.Source).Open.Parts) <= n {
					t.Errorf("await part %d: %v", n, err)
					return
				}
			}
		})
	}
	for range parts {
		w.Part()
	}
	wg.Wait()
}

func oldTimelinesStay(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	w := Writer{t, j, "live"}
	w.Start()
	w.Part()
	old := w.now()
	for range 100 {
		w.Segment()
	}
	w.End()
	require.Equal(t, timeline.Live, old.State)
	require.EqualValues(t, 2, old.Next.MSN)
	require.Len(t, old.Rendition(timeline.Source).Open.Parts, 1)
	require.Zero(t, old.Rendition(timeline.Source).Segments.Len())
}

// followersDoNotHoldUpWriters has followers that look only once in a while, and
// some that never come back.
func followersDoNotHoldUpWriters(t *testing.T, open Open) {
	j, stop := open(t, &Numbers{})
	defer stop()
	w := Writer{t, j, "live"}
	w.Start()
	f, err := j.Follow(t.Context(), "live")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	block := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			_, _ = f.Await(ctx, timeline.Source, func(*timeline.Timeline) bool { return false })
		})
		wg.Go(func() { // stuck in the middle of looking
			_, _ = f.Await(ctx, "", func(*timeline.Timeline) bool { <-block; return true })
		})
	}
	for range 300 {
		w.Segment()
	}
	cancel()
	close(block)
	wg.Wait()
}

func numbersGoOnAfterStop(t *testing.T, open Open) {
	numbers := &Numbers{}
	for n := range uint64(4) {
		j, stop := open(t, numbers)
		w := Writer{t, j, "live"}
		require.Equal(t, timeline.Numbers{Epoch: 1 + n, MSN: 1 + 10*n}, w.now().Next)
		w.Start()
		for range 10 {
			w.Segment()
		}
		w.End()
		stop()
	}
}

// numbersRiseAfterCrash leaves journals behind as they are, with more segments
// than any reservation.
func numbersRiseAfterCrash(t *testing.T, open Open) {
	numbers := &Numbers{}
	used := timeline.Numbers{Epoch: 1, MSN: 1}
	for range 3 {
		crashed := &Numbers{}
		j, stop := open(t, fork{numbers, crashed})
		w := Writer{t, j, "live"}
		next := w.now().Next
		require.GreaterOrEqual(t, next.MSN, used.MSN, "an MSN comes twice")
		require.GreaterOrEqual(t, next.Epoch, used.Epoch, "an epoch comes twice")
		w.Start()
		for range 5000 {
			w.Segment()
			if last := w.now().Next.MSN; last%100 == 0 {
				require.Eventually(t, func() bool { return numbers.Saved("live").MSN >= last }, 10*time.Second, time.Millisecond)
			}
		}
		used = w.now().Next
		crashed.Fail(true) // what it saves from now on is lost
		stop()
	}
}

// fork lets saves through to a store until its switch fails.
type fork struct {
	*Numbers
	lost *Numbers
}

func (f fork) SaveNumbers(ctx context.Context, stream string, n timeline.Numbers) error {
	if err := f.lost.SaveNumbers(ctx, stream, n); err != nil {
		return err
	}
	return f.Numbers.SaveNumbers(ctx, stream, n)
}

func numbersOfOtherStreamsStay(t *testing.T, open Open) {
	numbers := &Numbers{}
	j, stop := open(t, numbers)
	w := Writer{t, j, "one"}
	w.Start()
	w.Segment()
	w.End()
	stop()
	j, stop = open(t, numbers)
	defer stop()
	require.Equal(t, timeline.Numbers{Epoch: 1, MSN: 1}, Writer{t, j, "two"}.now().Next)
	require.Equal(t, timeline.Numbers{Epoch: 2, MSN: 2}, Writer{t, j, "one"}.now().Next)
}
