package onair

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// What is said about a picture that nobody sees isn't told.
func TestEventsOfWhoIsOnAir(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup, later)
		s.pass(3 * time.Second)
		require.NoError(t, p.sink.WriteEvent(t.Context(), media.Event{At: 1, Value: "p"}))
		require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: 1, Value: "b"}))
		require.Equal(t, []media.Event{{At: 1, Value: "p"}}, s.epoch(-1).events)
		p.leave(nil)
		s.pass(frame)
		old := b.zero + 1
		require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: old, Value: "b"}))
		e := s.epoch(-1)
		require.Len(t, e.events, 1)
		require.Greater(t, e.events[0].At, old, "it's moved as its picture was")
		b.leave(nil)
		s.stop()
	})
}

// What a backup announced before it went on air holds there too, and so does what it said about
// the pictures of its GOP that are going to be seen; not what it said about those before.
func TestEventsOfTheGOPThatWasHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup, later)
		s.pass(2300 * time.Millisecond) // the newest keyframes are of 2 s
		at := func(d time.Duration) media.Ticks { return b.zero + media.TicksOf(d, media.VideoClock) }
		tell := func(d time.Duration, value string) {
			require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: at(d), Value: value}))
		}
		tell(1500*time.Millisecond, "of a GOP that is over")
		tell(2200*time.Millisecond, "seen already, of the primary")
		tell(60*time.Second, "ahead")
		p.stopped.Store(true)
		s.pass(200 * time.Millisecond)
		tell(2600*time.Millisecond, "seen first of the backup")
		s.pass(time.Second)
		s.on("b")
		require.Equal(t, []media.Event{{At: at(60 * time.Second), Value: "ahead"}, {At: at(2600 * time.Millisecond), Value: "seen first of the backup"}},
			s.epoch(-1).events)
		p.stopped.Store(false)
		s.pass(8 * time.Second)
		s.on("p")
		p.leave(nil)
		s.pass(frame)
		s.on("b")
		require.Empty(t, s.epoch(-1).events, "nothing twice")
		b.leave(nil)
		s.stop()
	})
}

// A session that begins anew has another clock: what was ahead on the one before isn't told.
func TestEventsOfAClockThatIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(time.Second)
		b.stopped.Store(true) // the session is of one goroutine at a time
		s.pass(frame)
		require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: 1 << 40}))
		require.NoError(t, b.sink.Begin(t.Context(), b.tracks()))
		for range 2 * heldEvents {
			require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: 1 << 41}))
		}
		b.stopped.Store(false)
		s.pass(3 * time.Second)
		p.leave(nil)
		s.pass(frame)
		s.on("b")
		require.Len(t, s.epoch(-1).events, heldEvents)
		require.Equal(t, media.Ticks(1<<41), s.epoch(-1).events[0].At)
		b.leave(nil)
		s.stop()
	})
}

// What was said before the first picture is told with that, or with what is seen first
// of its GOP; not any more once that GOP is over.
func TestEventsBeforeTheFirstPicture(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t).withSlate()
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		p.leave(nil)
		s.pass(5 * time.Second)
		s.on("s")
		says := func(values ...string) func(*publisher) {
			return func(b *publisher) {
				later(b)
				b.begun, b.start = true, time.Now()
				require.NoError(t, b.sink.Begin(t.Context(), b.tracks()))
				for i, v := range values {
					require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: b.zero + media.Ticks(i), Value: v}))
				}
			}
		}
		told := func() (values []string) {
			e := s.epoch(-1)
			for _, v := range e.events {
				require.GreaterOrEqual(t, v.At, e.first)
				values = append(values, v.Value)
			}
			return values
		}
		q := s.in('q', Primary, says("ends", "the slate"))
		s.pass(frame)
		s.on("q")
		require.Equal(t, []string{"ends", "the slate"}, told())

		b := s.in('b', Backup, says("hot", "spare"))
		s.pass(time.Second)
		require.NoError(t, b.sink.WriteEvent(t.Context(), media.Event{At: b.zero, Value: "said late"}))
		q.leave(nil)
		s.pass(frame)
		s.on("b")
		require.Equal(t, []string{"hot", "spare", "said late"}, told())

		q = s.in('q', Primary, says("of a GOP that is over"))
		s.pass(3 * time.Second) // it's not steady for long enough
		s.on("b")
		b.stopped.Store(true)
		s.pass(1500 * time.Millisecond)
		s.on("q")
		require.Empty(t, told())
		q.leave(nil)
		b.leave(nil)
		s.stop()
	})
}
