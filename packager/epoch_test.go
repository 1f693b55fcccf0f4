package packager_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
)

// shifted is a copy of the events with all times later.
func shifted(events []event, media90k media.Ticks, at time.Duration) []event {
	out := make([]event, len(events))
	for i, e := range events {
		if e.id == videoID {
			e.sample.DTS += media90k
		} else {
			e.sample.DTS += media90k.Rescale(90_000, 48_000)
		}
		e.at += at
		out[i] = e
	}
	return out
}

func both(length time.Duration) []event {
	return merge(gopTwo.events(length), audio(48_000, 0, length, 0))
}

// types lists the types of entries other than parts and closed segments.
func (r *rig) story() []string {
	var out []string
	for _, e := range r.all() {
		switch e.(type) {
		case timeline.EpochStarted:
			out = append(out, "started")
		case timeline.InitWritten:
			out = append(out, "init")
		case timeline.TargetsFixed:
			out = append(out, "targets")
		case timeline.EpochEnded:
			out = append(out, "ended")
		case timeline.StreamEnded:
			out = append(out, "over")
		case timeline.Cleared:
			out = append(out, "cleared")
		}
	}
	return out
}

// TestReconnect is a publisher that comes back with timestamps from zero again.
func TestReconnect(t *testing.T) {
	r := newRig(t, packager.Settings{})
	for range 3 {
		r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(7 * time.Second)).end()
	}
	checkInvariants(t, r)
	require.Equal(t, []string{
		"started", "init", "init", "targets", "ended", "started", "init", "init", "ended", "started", "init", "init", "ended",
	}, r.story())
	inits := entriesOf[timeline.InitWritten](r)
	for i, e := range inits {
		require.EqualValues(t, 1, e.InitEpoch)
		require.Same(t, &inits[i%2].Data[0], &e.Data[0], "the very same bytes")
	}
	for i, e := range r.timeline().Epochs {
		require.EqualValues(t, 1+4*i, e.FirstMSN)
	}
	segments := r.segments(timeline.Source)
	require.Len(t, segments, 12)
	for i, g := range segments {
		require.EqualValues(t, i+1, g.msn)
		require.Equal(t, origin+media.Ticks(i%4)*180_000, g.start())
	}
}

// TestDelay is what the epoch tells of the decode times that it has moved.
func TestDelay(t *testing.T) {
	for _, c := range []struct {
		events []event
		tracks []media.Track
		want   time.Duration
	}{
		{both(3 * time.Second), []media.Track{videoTrack(t), audioTrack(t, 48_000)}, 0},
		{video{num: 3600, gops: []int{50}, bframes: true}.events(3 * time.Second), []media.Track{videoTrack(t)}, 40 * time.Millisecond},
		{audio(48_000, 0, 3*time.Second, 0), []media.Track{audioTrack(t, 48_000)}, 0},
	} {
		r := newRig(t, packager.Settings{}).begin(c.tracks...).write(c.events).end()
		require.Equal(t, c.want, r.timeline().Epochs[0].Delay)
		require.Equal(t, c.want, entriesOf[timeline.EpochStarted](r)[0].Delay)
	}
}

// TestParametersChange begins again within a session.
func TestParametersChange(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000)).write(both(5 * time.Second))
	r.begin(otherVideoTrack(t), audioTrack(t, 48_000)).write(shifted(both(5*time.Second), 5*90_000, 5*time.Second)).end()
	checkInvariants(t, r)
	inits := entriesOf[timeline.InitWritten](r)
	require.Len(t, inits, 4)
	require.EqualValues(t, 2, inits[2].InitEpoch, "a new picture")
	require.EqualValues(t, 1, inits[3].InitEpoch, "the same sound")
	require.NotEqual(t, inits[0].Data, inits[2].Data)
	require.Len(t, entriesOf[timeline.TargetsFixed](r), 1)
}

// TestTracksChange loses the sound with a reconnection and gets it back: its
// rendition has gaps meanwhile, under the same numbers.
func TestTracksChange(t *testing.T) {
	r := newRig(t, packager.Settings{Window: 60 * time.Second})
	r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(6 * time.Second)).end()
	r.begin(videoTrack(t)).write(gopTwo.events(10 * time.Second)).end()
	r.begin(audioTrack(t, 48_000)).write(audio(48_000, 0, 4*time.Second, 0)).end()
	r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(6 * time.Second)).end()
	checkInvariants(t, r)
	for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
		for i, g := range r.segments(id) {
			require.EqualValues(t, i+1, g.msn)
			require.Equal(t, id == timeline.Audio && g.epoch == 2 || id == timeline.Source && g.epoch == 3, g.gap())
		}
	}
}

// TestTracksGoneForGood stops giving gaps to a rendition of which nothing is
// listed any more.
func TestTracksGoneForGood(t *testing.T) {
	r := newRig(t, packager.Settings{Window: 10 * time.Second})
	r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(6 * time.Second)).end()
	r.begin(videoTrack(t)).write(gopTwo.events(5 * time.Minute))
	require.Nil(t, r.timeline().Rendition(timeline.Audio))
	r.end()
	r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(6 * time.Second)).end()
	checkInvariants(t, r)
	require.Less(t, len(r.segments(timeline.Audio)), 30)
}

// TestClockJumps has a publisher whose clock jumps within a session.
func TestClockJumps(t *testing.T) {
	for name, by := range map[string]media.Ticks{"back": -3 * 90_000, "forth": 60 * 90_000, "to the end of time": 1<<52 - 1<<30} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000))
			r.write(both(6 * time.Second))
			r.write(shifted(both(6*time.Second), 6*90_000+by, 6*time.Second)).end()
			checkInvariants(t, r)
			require.Len(t, entriesOf[timeline.EpochStarted](r), 2)
			frames := 0
			for _, g := range r.segments(timeline.Source) {
				for _, p := range g.parts {
					frames += p.Samples
				}
			}
			require.Equal(t, 360, frames, "no picture is lost")
		})
	}
}

// TestGrace has publishers that come back in time, and too late.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, packager.Settings{Grace: 20 * time.Second, Window: 40 * time.Second})
		served := make(chan error)
		stop := serve(t, r, served)
		publish := func(length time.Duration) {
			r.begin(videoTrack(t), audioTrack(t, 48_000))
			r.start = time.Now()
			for _, e := range both(length) {
				time.Sleep(time.Until(r.start.Add(e.at)))
				r.write([]event{e})
			}
			r.end()
		}
		publish(5 * time.Second)
		time.Sleep(19 * time.Second)
		require.Equal(t, timeline.Away, r.timeline().State)
		publish(5 * time.Second)
		require.Equal(t, timeline.Away, r.timeline().State)
		require.EqualValues(t, 1, r.timeline().First, "the same broadcast")

		time.Sleep(20*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, timeline.Ended, r.timeline().State)
		require.True(t, r.timeline().Ready(), "its window is still played")
		publish(5 * time.Second)
		now := r.timeline()
		require.EqualValues(t, 7, now.First, "a new broadcast lists nothing old")
		require.EqualValues(t, 1, now.Kept, "which can still be fetched")
		require.Equal(t, 2*time.Second, now.Targets.Segment)

		time.Sleep(20*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, timeline.Ended, r.timeline().State)
		time.Sleep(40*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, timeline.Offline, r.timeline().State)
		require.Empty(t, r.timeline().Renditions)
		publish(5 * time.Second)
		require.EqualValues(t, 10, r.timeline().First)
		checkInvariants(t, r)
		// A session without a picture stops the grace time, and goes on with it.
		r.begin(videoTrack(t))
		time.Sleep(time.Minute)
		require.Equal(t, timeline.Away, r.timeline().State)
		r.end()
		synctest.Wait()
		require.Equal(t, timeline.Ended, r.timeline().State)
		stop()
	})
}

// TestOver ends a stream of which somebody else knows that nobody comes back.
func TestOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, packager.Settings{Grace: 20 * time.Second})
		served := make(chan error)
		stop := serve(t, r, served)
		r.begin(videoTrack(t)).write(video{num: 3000, gops: []int{60}}.events(5 * time.Second))
		require.NoError(t, r.stream.End(t.Context(), fmt.Errorf("after the slate: %w", media.ErrOver)))
		synctest.Wait()
		require.Equal(t, timeline.Ended, r.timeline().State)

		// It holds for that session alone.
		r.begin(videoTrack(t)).write(video{num: 3000, gops: []int{60}}.events(5 * time.Second)).end()
		synctest.Wait()
		require.Equal(t, timeline.Away, r.timeline().State)
		stop()
	})
}

// serve runs Serve until the function that it returns is called.
func serve(t *testing.T, r *rig, served chan error) func() {
	ctx, cancel := context.WithCancel(t.Context())
	go func() { served <- r.packager.Serve(ctx) }()
	return func() {
		cancel()
		require.ErrorIs(t, <-served, ctx.Err())
	}
}

// TestNewBroadcastKnowsItsTargets shows the first manifest after a restart of the
// broadcast without waiting for a GOP.
func TestNewBroadcastKnowsItsTargets(t *testing.T) {
	for _, c := range []struct {
		name  string
		gops  []int
		known bool
	}{{"healthy", []int{60}, true}, {"long GOP", []int{100}, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, packager.Settings{Grace: -1})
			v := video{num: 3000, gops: c.gops}
			r.begin(videoTrack(t), audioTrack(t, 48_000))
			r.write(merge(v.events(9*time.Second), audio(48_000, 0, 9*time.Second, 0))).end()
			served := make(chan error)
			stop := serve(t, r, served)
			require.Eventually(t, func() bool { return r.timeline().State == timeline.Ended }, time.Minute, time.Millisecond)
			r.begin(videoTrack(t), audioTrack(t, 48_000)).write(v.events(time.Second))
			require.Equal(t, c.known, r.timeline().Ready())
			r.end()
			checkInvariants(t, r)
			stop()
		})
	}
}

// TestShutdown ends streams in every state.
func TestShutdown(t *testing.T) {
	j := memory.New(memory.Options{})
	p := packager.New(j, packager.Options{})
	rigs := map[string]*rig{}
	for _, name := range []string{"live", "away", "idle", "begun"} {
		rec := &recorder{Journal: j}
		rigs[name] = &rig{TB: t, recorder: rec, packager: p, stream: p.Stream(name, packager.Settings{}), start: time.Now()}
	}
	rigs["live"].begin(videoTrack(t), audioTrack(t, 48_000)).write(both(5 * time.Second))
	rigs["away"].begin(videoTrack(t), audioTrack(t, 48_000)).write(both(5 * time.Second)).end()
	rigs["begun"].begin(videoTrack(t))
	require.NoError(t, p.Shutdown(t.Context()))
	for name, want := range map[string]timeline.State{
		"live": timeline.Ended, "away": timeline.Ended, "idle": timeline.Offline, "begun": timeline.Offline,
	} {
		f, err := j.Follow(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, f.Current().State, name)
	}
	s := rigs["live"].stream
	sample := gopTwo.events(time.Second)[0].sample
	require.ErrorIs(t, s.WriteSample(t.Context(), videoID, sample, time.Now()), packager.ErrClosed)
	require.ErrorIs(t, s.Begin(t.Context(), []media.Track{videoTrack(t)}), packager.ErrClosed)
	require.NoError(t, s.End(t.Context(), nil))
	require.ErrorIs(t, p.Stream("new", packager.Settings{}).Begin(t.Context(), []media.Track{videoTrack(t)}), packager.ErrClosed)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestCrashedWriter finds an epoch open that a dead process left, and ends it.
func TestCrashedWriter(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t), audioTrack(t, 48_000)).write(both(5 * time.Second))
	require.Equal(t, timeline.Live, r.timeline().State)
	second := newRigOn(t, r.Journal, packager.Settings{})
	second.entries = r.all()
	second.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(5 * time.Second)).end()
	checkInvariants(t, second)
	require.Equal(t, []string{"started", "init", "init", "targets", "ended", "started", "init", "init", "ended"}, second.story())
}

// TestCallsOutOfOrder gives errors, and nothing else.
func TestCallsOutOfOrder(t *testing.T) {
	r := newRig(t, packager.Settings{})
	sample := gopTwo.events(time.Second)[0].sample
	require.Error(t, r.stream.WriteSample(t.Context(), videoID, sample, time.Now()))
	require.NoError(t, r.stream.End(t.Context(), errors.New("before it began")))
	for _, tracks := range [][]media.Track{
		nil, {{ID: 1, Kind: media.Video}}, {videoTrack(t), videoTrack(t)}, make([]media.Track, 100),
		{{ID: 1, Kind: media.Video, Timescale: 90_000}},
	} {
		require.Error(t, r.stream.Begin(t.Context(), tracks))
	}
	r.begin(videoTrack(t))
	require.Error(t, r.stream.WriteSample(t.Context(), 77, sample, time.Now()), "an unknown track")
	r.write(gopTwo.events(time.Second)).end().end()
	require.Same(t, r.stream, r.packager.Stream("live", packager.Settings{}))
}

// flaky is a journal that is away from its nth append on until it is back.
type flaky struct {
	journal.Journal
	n, from int
	back    bool
}

var errAway = errors.New("journal is away")

func (f *flaky) Append(ctx context.Context, stream string, e timeline.Entry) error {
	if f.n++; f.n >= f.from && !f.back {
		return errAway
	}
	return f.Journal.Append(ctx, stream, e)
}

// TestJournalAway loses a session when its journal fails, wherever it is, and
// nothing of the next one.
func TestJournalAway(t *testing.T) {
	for n := 2; n < 70; n++ {
		away := &flaky{Journal: memory.New(memory.Options{}), from: n / 2}
		r := newRigOn(t, away, packager.Settings{})
		r.begin(videoTrack(t), audioTrack(t, 48_000))
		var err error
		for _, e := range both(5 * time.Second) {
			if err = r.stream.WriteSample(t.Context(), e.id, e.sample, r.start.Add(e.at)); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, errAway)
		sample := gopTwo.events(time.Second)[0].sample
		require.ErrorIs(t, r.stream.WriteSample(t.Context(), videoID, sample, r.start), errAway, "errors stick")
		away.back = n%2 == 0 // in time to record the end, or not
		_ = r.stream.End(t.Context(), err)
		away.back = true
		r.begin(videoTrack(t), audioTrack(t, 48_000)).write(both(3 * time.Second)).end()
		require.Equal(t, timeline.Away, r.timeline().State)
		checkListed(t, r.timeline())
		checkInvariants(t, r)
	}
}

// TestManyAtOnce has publishers, timers, health checks and a shutdown at once.
func TestManyAtOnce(t *testing.T) {
	j := memory.New(memory.Options{})
	p := packager.New(j, packager.Options{Settings: packager.Settings{Grace: time.Millisecond, Window: time.Millisecond}})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Serve(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	events, tracks := both(4*time.Second), []media.Track{videoTrack(t), audioTrack(t, 48_000)}
	var closed atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			s := p.Stream(fmt.Sprintf("stream %d", i), packager.Settings{})
			for {
				err := s.Begin(t.Context(), tracks)
				for _, e := range events {
					if err == nil {
						err = s.WriteSample(t.Context(), e.id, e.sample, time.Now())
					}
				}
				s.Health()
				err = errors.Join(err, s.End(t.Context(), nil))
				if err != nil {
					if !errors.Is(err, packager.ErrClosed) {
						t.Error(err)
					}
					closed.Add(1)
					return
				}
			}
		})
	}
	f, err := j.Follow(t.Context(), "stream 3")
	require.NoError(t, err)
	_, err = f.Await(t.Context(), "", func(tl *timeline.Timeline) bool { return tl.Next.Epoch > 5 })
	require.NoError(t, err)
	cancel()
	wg.Wait()
	require.EqualValues(t, 8, closed.Load())
	for i := range 8 {
		f, err := j.Follow(t.Context(), fmt.Sprintf("stream %d", i))
		require.NoError(t, err)
		require.NotEqual(t, timeline.Live, f.Current().State)
		require.NotEqual(t, timeline.Away, f.Current().State)
	}
}
