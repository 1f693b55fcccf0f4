package onair

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// bubble runs a test whose clock is its own.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func later(p *publisher) { p.zero = media.TicksOf(72*time.Hour, media.VideoClock) }

func every(frames int) func(*publisher) { return func(p *publisher) { p.gop = frames } }

func TestOnePublisher(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary)
		s.pass(5 * time.Second)
		s.on("p")
		p.leave(nil)
		s.on("-")
		require.Equal(t, "p", s.order())
		require.Equal(t, []error{nil}, s.ends)
		require.Len(t, s.epoch(0).frames, 126, "each one, as it came")
		s.empty()
		s.stop()
	})
}

// A session that never begins, as when it's a port check with a right key.
func TestNothingBegun(t *testing.T) {
	s := newScreen(t)
	c := New(Options{})
	in := c.Input("show", Primary, Settings{}, s.open)
	require.Error(t, in.WriteSample(t.Context(), 1, media.Sample{}, time.Now()))
	require.NoError(t, in.End(t.Context(), nil))
	require.True(t, len(s.outputs) == 0)
	require.Empty(t, c.airs)
}

func TestBackup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary)
		s.pass(3300 * time.Millisecond)
		b := s.in('b', Backup, later)
		s.pass(6 * time.Second)
		s.on("p")

		// 0.9 s are nothing.
		p.stopped.Store(true)
		s.pass(900 * time.Millisecond)
		p.stopped.Store(false)
		s.pass(3 * time.Second)
		require.Equal(t, "p", s.order())

		// 1.1 s are a failure.
		last := s.ended
		p.stopped.Store(true)
		s.pass(1100 * time.Millisecond)
		s.on("b")
		e := s.epoch(-1)
		require.Less(t, e.at.Sub(last), 1100*time.Millisecond)
		require.Equal(t, 0, e.frames[0].n%50, "it starts with the newest keyframe")
		require.Greater(t, e.sounds, 0)
		status, ok := s.control.Status("show")
		require.True(t, ok)
		require.Equal(t, Backup, status.On)
		require.Equal(t, whySilent, status.Why)

		// The primary is back, and waited for until it's steady, then for its keyframe.
		p.stopped.Store(false)
		back := time.Now()
		s.pass(4900 * time.Millisecond)
		s.on("b")
		s.pass(2200 * time.Millisecond)
		s.on("p")
		e = s.epoch(-1)
		require.True(t, e.frames[0].sync)
		require.GreaterOrEqual(t, e.at.Sub(back), steadyFor)
		require.Less(t, e.gap, frame, "nothing is missing")

		p.leave(nil)
		s.pass(frame)
		s.on("b")
		require.Less(t, s.epoch(-1).gap, frame, "nothing is missing: the held GOP covers it")
		b.leave(nil)
		s.on("-")
		require.Len(t, s.ends, 1)
		s.empty()
		s.stop()
	})
}

// What was held begins before what was seen has ended: it's decoded, and takes no time.
func TestBackupCutsIntoItsGOP(t *testing.T) {
	for _, ago := range []time.Duration{0, 200 * time.Millisecond, time.Second, 1900 * time.Millisecond} {
		t.Run(ago.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newStudio(t)
				p := s.in('p', Primary)
				s.pass(2 * time.Second)
				b := s.in('b', Backup, later)
				s.pass(10*time.Second + ago)
				last := s.ended
				p.leave(nil)
				s.pass(frame)
				s.on("b")
				e := s.epoch(-1)
				require.Zero(t, e.frames[0].n%50)
				require.False(t, e.start.Before(last))
				require.Less(t, e.gap, 2*frame)
				s.pass(4 * time.Second)
				// Behind the seam its times are the wall's again.
				newest := e.frames[len(e.frames)-1]
				require.InDelta(t, 2*frame.Seconds(), time.Since(newest.date).Seconds()+2*frame.Seconds(), frame.Seconds())
				for i := 1; i < len(e.frames); i++ {
					require.Equal(t, e.frames[i-1].n+1, e.frames[i].n, "no picture is left out")
				}
				b.leave(nil)
				s.stop()
			})
		})
	}
}

func TestBackupAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		b := s.in('b', Backup)
		s.pass(frame)
		s.on("b")
		p := s.in('p', Primary)
		s.pass(4 * time.Second)
		s.on("b")
		s.pass(4 * time.Second)
		s.on("p")
		require.Equal(t, "bp", s.order())
		b.leave(nil)
		s.pass(time.Second)
		require.Equal(t, "bp", s.order(), "who isn't on air goes unseen")
		p.leave(nil)
		s.empty()
		s.stop()
	})
}

func TestBackupStays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t, func(s *Settings) { s.Stay = true })
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(3 * time.Second)
		p.stopped.Store(true)
		s.pass(1500 * time.Millisecond)
		s.on("b")
		p.stopped.Store(false)
		s.pass(time.Minute)
		s.on("b")
		b.stopped.Store(true)
		s.pass(1100 * time.Millisecond)
		s.on("p")
		p.leave(nil)
		b.leave(nil)
		require.Len(t, s.ends, 1)
		s.stop()
	})
}

func TestBackupAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t, func(s *Settings) { s.After = 3 * time.Second })
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(3 * time.Second)
		p.stopped.Store(true)
		s.pass(2900 * time.Millisecond)
		s.on("p")
		s.pass(200 * time.Millisecond)
		s.on("b")
		p.leave(nil)
		b.leave(nil)
		s.stop()
	})
}

// A primary that comes and goes is believed less each time.
func TestFlappingPrimary(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary, every(25)), s.in('b', Backup)
		s.pass(3 * time.Second)
		var back []time.Duration
		for range 4 {
			p.stopped.Store(true)
			s.pass(1500 * time.Millisecond)
			s.on("b")
			p.stopped.Store(false)
			start := time.Now()
			for s.shows() != "p" {
				s.pass(frame)
			}
			back = append(back, time.Since(start).Truncate(5*time.Second))
		}
		require.Equal(t, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second}, back)

		// One that fails each 3 s never comes back.
		p.stopped.Store(true)
		s.pass(1500 * time.Millisecond)
		epochs := len(s.order())
		for range 20 {
			p.stopped.Store(false)
			s.pass(3 * time.Second)
			p.stopped.Store(true)
			s.pass(1200 * time.Millisecond)
		}
		require.Len(t, s.order(), epochs)
		p.leave(nil)
		b.leave(nil)
		s.stop()
	})
}

func TestBackupWithOtherTracks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary, later)
		b := s.in('b', Backup, func(b *publisher) { b.only = media.Video })
		s.pass(5 * time.Second)
		p.leave(errors.New("gone"))
		s.pass(frame)
		s.on("b")
		require.Len(t, s.epoch(-1).tracks, 1)
		b.leave(nil)
		s.stop()
	})
}

func TestSoundAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		quiet := func(p *publisher) { p.only = media.Audio }
		p, b := s.in('p', Primary, quiet), s.in('b', Backup, quiet, later)
		s.pass(5 * time.Second)
		p.stopped.Store(true)
		s.pass(1100 * time.Millisecond)
		s.on("b")
		require.Less(t, s.epoch(-1).gap, frame, "the held sound covers the hole")
		p.leave(nil)
		b.leave(nil)
		s.stop()
	})
}

// A publisher that says it would send a picture, and doesn't, is better than nobody.
func TestPictureThatDoesNotCome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup, func(b *publisher) { b.dark = true })
		s.pass(15 * time.Second)
		p.leave(nil)
		s.pass(time.Second)
		require.Len(t, s.epochs, 2)
		require.Positive(t, s.epoch(-1).sounds)
		b.leave(nil)
		s.stop()
	})
}

// The primary is taken over by another session of its own while the backup is on air.
func TestTakeoverBehindTheBackup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(3 * time.Second)
		p.stopped.Store(true)
		s.pass(1500 * time.Millisecond)
		s.on("b")
		p.leave(errors.New("taken over"))
		q := s.in('q', Primary, later)
		s.pass(4 * time.Second)
		s.on("b")
		s.pass(4 * time.Second)
		s.on("q")
		require.Equal(t, "pbq", s.order())
		q.leave(nil)
		b.leave(nil)
		require.Len(t, s.ends, 1)
		s.stop()
	})
}

// The output holds the one up whose call it is, and nobody else.
func TestNobodyIsBlocked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup)
		s.pass(3 * time.Second)
		s.slow.Store(int64(5 * time.Second))
		s.pass(time.Second)
		start, n := time.Now(), b.n.Load()
		s.pass(3 * time.Second)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.InDelta(t, 75, b.n.Load()-n, 1)
		s.slow.Store(0)
		p.leave(nil)
		b.leave(nil)
		s.stop()
	})
}

// New tracks of who is on air reach the output, also where somebody has the turn just then.
func TestNewTracksWaitForTheTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		p.stopped.Store(true)
		s.pass(frame)
		s.control.mu.Lock()
		a := s.control.airs["show"]
		s.control.mu.Unlock()
		require.True(t, a.acquire())
		begun := make(chan error)
		go func() { begun <- p.sink.Begin(t.Context(), p.tracks()) }()
		s.pass(frame)
		require.Equal(t, "p", s.order())
		a.release()
		require.NoError(t, <-begun)
		p.n.Store(0) // a keyframe
		p.stopped.Store(false)
		s.pass(time.Second)
		require.Equal(t, "pp", s.order())
		p.leave(nil)
		s.stop()
	})
}

// A session that should have ended does no harm beside the one that has its place.
func TestSecondOfARole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		q := s.in('q', Primary, later)
		s.pass(frame)
		require.ErrorIs(t, *p.failed.Load(), errOrder)
		s.pass(2 * time.Second)
		s.on("q")
		require.ErrorIs(t, p.sink.Begin(t.Context(), p.tracks()), errOrder)
		q.leave(nil)
		s.empty()
		s.stop()
	})
}

// An output that fails costs the session whose call it was.
func TestOutputFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.in('p', Primary)
		s.pass(3 * time.Second)
		s.mu.Lock()
		s.fails = errors.New("full")
		s.mu.Unlock()
		s.pass(frame)
		<-p.gone
		require.ErrorIs(t, *p.failed.Load(), s.fails)
		require.Len(t, s.ends, 1)
		s.empty()
		s.stop()
	})
}

// What is kept of a spare is bounded, and it says so.
func TestHeldIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStudio(t)
		p, b := s.in('p', Primary), s.in('b', Backup, every(500))
		s.pass(9 * time.Second)
		in := b.sink.(*input)
		require.True(t, in.held.key)
		s.pass(3 * time.Second)
		require.False(t, in.held.key)
		require.LessOrEqual(t, len(in.held.samples), 52, "the newest sound")
		require.True(t, in.wary)
		p.leave(nil)
		s.pass(time.Second)
		s.on("p")
		s.pass(10 * time.Second)
		s.on("b")
		b.leave(nil)
		s.stop()
	})
}

// Random histories keep the rules that the screen checks.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				s := newStudio(t, func(s *Settings) { s.Stay, s.Grace = seed%3 == 0, 10*time.Second })
				if seed%2 == 0 {
					s.withSlate()
				}
				var there [roles]*publisher
				for range 60 {
					role := Role(r.IntN(roles))
					p := there[role]
					switch {
					case p == nil:
						there[role] = s.in("pb"[role], role, later, every(1+r.IntN(100)))
					case r.IntN(4) == 0:
						p.leave(context.Canceled)
						there[role] = nil
					default:
						p.stopped.Store(!p.stopped.Load())
					}
					s.slates.mu.Lock()
					s.slates.unready = r.IntN(4) == 0
					s.slates.mu.Unlock()
					s.pass(time.Duration(r.IntN(8000)) * time.Millisecond)
				}
				for _, p := range there {
					if p != nil {
						p.leave(nil)
					}
				}
				s.pass(11 * time.Second)
				s.on("-")
				s.empty()
				require.Len(t, s.ends, len(s.outputs), "each output ended, once")
				s.stop()
				require.Zero(t, s.slates.playing)
			})
		})
	}
}
