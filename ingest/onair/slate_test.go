package onair

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func TestSlate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		require.Equal(t, 1, s.slates.prepared)
		lost := time.Now()
		p.leave(errors.New("gone"))
		s.pass(2900 * time.Millisecond)
		s.on("-")
		s.pass(300 * time.Millisecond)
		s.on("s")
		require.InDelta(t, 3, s.epoch(-1).gap.Seconds(), 0.1, "a gap is as long as it was")

		// It doesn't delay whoever comes back.
		s.pass(5 * time.Second)
		q := s.in('q', Primary, later)
		s.pass(frame)
		s.on("q")
		require.Zero(t, s.slates.playing)
		require.Equal(t, "psq", s.order())
		require.Len(t, s.ends, 1, "between the loss and the slate")

		// Nobody comes back: it ends with the grace, counted from the loss.
		s.pass(5 * time.Second)
		lost = time.Now()
		q.leave(nil)
		s.pass(29900 * time.Millisecond)
		s.on("s")
		s.pass(200 * time.Millisecond)
		s.on("-")
		require.ErrorIs(t, s.ends[len(s.ends)-1], media.ErrOver)
		require.InDelta(t, 30, time.Since(lost).Seconds(), 0.2)
		s.empty()
		s.pass(time.Minute)
		require.Len(t, s.ends, 3)
		s.stop()
	})
}

// OBS is back after two seconds: one seam.
func TestSlateLeavesAShortLossAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		p.leave(errors.New("gone"))
		s.pass(2 * time.Second)
		p = s.in('p', Primary)
		s.pass(5 * time.Second)
		require.Equal(t, "pp", s.order())
		require.Zero(t, s.slates.plays)
		p.leave(nil)
		s.stop()
	})
}

// A publisher that hangs with its connection open is as good as lost.
func TestSlateOfAHungPublisher(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		p.stopped.Store(true)
		s.pass(3100 * time.Millisecond)
		s.on("s")
		require.Empty(t, s.ends, "one seam, no end")
		p.stopped.Store(false)
		s.pass(2100 * time.Millisecond)
		s.on("p")
		require.Equal(t, "psp", s.order())

		// It hangs until the grace is over, and then wakes: that is another broadcast.
		p.stopped.Store(true)
		s.pass(31 * time.Second)
		s.on("-")
		require.Len(t, s.ends, 1)
		require.ErrorIs(t, s.ends[0], media.ErrOver)
		s.pass(10 * time.Second)
		require.Len(t, s.outputs, 1)
		p.stopped.Store(false)
		s.pass(2100 * time.Millisecond)
		s.on("p")
		require.Len(t, s.outputs, 2)
		p.leave(nil)
		s.stop()
	})
}

// Both die: first the backup is on, then the slate.
func TestSlateAfterBoth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p, b := s.in('p', Primary), s.in('b', Backup, later)
		s.pass(5 * time.Second)
		p.stopped.Store(true)
		s.pass(2 * time.Second)
		b.stopped.Store(true)
		s.pass(4 * time.Second)
		s.on("s")
		require.Equal(t, "pbs", s.order())
		b.stopped.Store(false)
		s.pass(2100 * time.Millisecond)
		s.on("b")
		p.leave(nil)
		b.leave(nil)
		s.pass(time.Minute)
		s.on("-")
		s.empty()
		s.stop()
	})
}

func TestSlateThatIsNotReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		s.slates.unready = true
		p := s.in('p', Primary)
		s.pass(time.Second)
		p.leave(nil)
		s.pass(10 * time.Second)
		s.on("-")
		s.slates.mu.Lock()
		s.slates.unready = false
		s.slates.mu.Unlock()
		s.pass(time.Second)
		s.on("s")
		s.pass(20 * time.Second)
		s.on("-")
		s.empty()

		// One that fails isn't tried for ever.
		s.slates.mu.Lock()
		s.slates.fails = errors.New("broken")
		before := s.slates.plays
		s.slates.mu.Unlock()
		p = s.in('p', Primary)
		s.pass(time.Second)
		p.leave(nil)
		s.pass(time.Minute)
		require.Less(t, s.slates.plays-before, 7)
		s.empty()
		s.stop()
	})
}

// Without grace, or with less than the slate's delay, there's no slate.
func TestSlateNeedsGrace(t *testing.T) {
	for _, grace := range []time.Duration{0, 2 * time.Second} {
		bubble(t, func(t *testing.T) {
			s := newStudio(t, func(s *Settings) { s.Grace = grace }).withSlate()
			p := s.in('p', Primary)
			s.pass(time.Second)
			p.leave(nil)
			s.pass(time.Minute)
			require.Zero(t, s.slates.plays)
			s.empty()
			s.stop()
		})
	}
}

// The end of the program ends a slate's broadcast, and begins none.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(time.Second)
		p.leave(nil)
		s.pass(5 * time.Second)
		s.on("s")
		s.stop()
		s.on("-")
		require.NotErrorIs(t, s.ends[len(s.ends)-1], media.ErrOver)
		require.Zero(t, s.slates.playing)
		s.empty()
	})
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(time.Second)
		p.leave(errors.New("shutdown"))
		b.leave(errors.New("shutdown"))
		s.stop()
		require.Zero(t, s.slates.plays)
		require.Len(t, s.ends, 1)
		s.empty()
	})
}

// While an output hangs, the slate is tried now and then, not all the time.
func TestSlateBesideAnOutputThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(2 * time.Second)
		s.slow.Store(int64(10 * time.Second))
		s.pass(9 * time.Second)
		s.slow.Store(0)
		s.slates.mu.Lock()
		plays := s.slates.plays
		s.slates.mu.Unlock()
		require.NotZero(t, plays)
		require.Less(t, plays, 15)
		s.pass(5 * time.Second)
		s.on("p")
		p.leave(nil)
		s.stop()
	})
}

// The slate has the rate at which pictures come, whatever is declared. It's measured soon, and once
// again; who comes back has it at once.
func TestSlateAtTheMeasuredRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(900 * time.Millisecond)
		require.Zero(t, s.slates.prepared)
		s.pass(200 * time.Millisecond)
		require.Equal(t, []map[media.TrackID]float64{{1: 25}}, s.slates.rates)
		s.pass(7 * time.Second)
		require.Equal(t, []map[media.TrackID]float64{{1: 25}, {1: 25}}, s.slates.rates)
		s.pass(time.Minute)
		require.Len(t, s.slates.rates, 2)
		p.leave(errors.New("gone"))
		s.pass(2 * time.Second)
		p = s.in('p', Primary)
		s.pass(100 * time.Millisecond)
		p.leave(errors.New("gone"))
		s.pass(4 * time.Second)
		s.on("s")
		require.Equal(t, map[media.TrackID]float64{1: 25}, s.slates.asked)

		// Of sound there's nothing to measure.
		q := s.in('q', Primary, func(p *publisher) { p.only = media.Audio })
		s.pass(time.Second)
		require.Len(t, s.slates.rates, 3)
		q.leave(errors.New("gone"))
		s.pass(4 * time.Second)
		require.Nil(t, s.slates.asked, "it's another's")
		s.stop()
	})
}

func TestPace(t *testing.T) {
	const ts = media.VideoClock
	for _, tc := range []struct {
		name      string
		durations func(n int) media.Ticks
		want      [2]float64
	}{
		{"59.94", func(n int) media.Ticks { return media.Ticks(1501 + n%2) }, [2]float64{60_000. / 1001, 60_000. / 1001}},
		{"29.97, of which that is known late", func(n int) media.Ticks {
			if n < 128 {
				return 3000
			}
			return 3003
		}, [2]float64{30, 30_000. / 1001}},
		{"one in three seconds", func(int) media.Ticks { return 3 * 90_000 }, [2]float64{1. / 3, 1. / 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p pace
			var got []float64
			for n := range 1000 {
				if rate, ok := p.take(media.Sample{Duration: tc.durations(n)}, ts); ok {
					got = append(got, rate)
				}
				_, ok := p.take(media.Sample{}, ts)
				require.False(t, ok)
			}
			require.Len(t, got, 2)
			require.InDeltaSlice(t, tc.want[:], got, 0.0005)
		})
	}
}

// A picture in several sizes is measured when all are, or when the leading one is: of the others
// one may never come. Nothing is measured for ever.
func TestPaceOfSizes(t *testing.T) {
	tracks := []media.Track{{ID: 1, Kind: media.Video, Timescale: 30}, {ID: 2, Kind: media.Video, Timescale: 30}, {ID: 3, Kind: media.Audio, Timescale: 30}}
	for _, tc := range []struct {
		name  string
		leads int // none: -1
		comes bool
		all   int
	}{{"all come", -1, true, 2}, {"the leading one does", 0, false, 2}, {"one never does", -1, false, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			in := &input{settings: Settings{Slates: &fakeSlates{}}, tracks: tracks}
			if tc.leads >= 0 {
				in.leads = &tracks[tc.leads]
			}
			in.pace(tracks)
			want := map[media.TrackID]float64{1: 30}
			if tc.comes {
				want[2] = 15
			}
			all := 0
			for n := range 30 * 20 {
				if in.measure(0, media.Sample{Duration: 1}) {
					all++
				}
				if tc.comes && n%2 == 0 && in.measure(1, media.Sample{Duration: 2}) {
					all++
					require.Equal(t, want, in.rates)
				}
				require.False(t, in.measure(2, media.Sample{Duration: 1}))
			}
			require.Equal(t, tc.all, all)
			require.Equal(t, want, in.rates)
			require.Zero(t, testing.AllocsPerRun(10, func() { in.measure(0, media.Sample{Duration: 1}) }))
		})
	}
	in := &input{settings: Settings{Slates: &fakeSlates{}}, tracks: tracks[2:]}
	in.pace(in.tracks)
	require.False(t, in.measure(0, media.Sample{Duration: 1000}), "there's no picture")
}
