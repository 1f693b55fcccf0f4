package packager

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// feed gives a clock a frame every 40 ms of media time. arrival maps the media
// time to when the frame arrives. It checks what always holds, and returns the
// error of the clock at the end, compared with truth.
func feed(t *testing.T, w *wallClock, start time.Time, from, to time.Duration, arrival, truth func(time.Duration) time.Duration) (last, worst time.Duration) {
	t.Helper()
	const frame = 40 * time.Millisecond
	before := w.at(from)
	for at := from; at < to; at += frame {
		w.observe(at, start.Add(arrival(at)))
		now := w.at(at)
		if at > from {
			if step := now.Sub(before); (step - frame).Abs() > frame/maxSlew+2 {
				t.Fatalf("the clock moves by %v in a frame of %v at %v", step, frame, at)
			}
		}
		before = now
		last = now.Sub(start.Add(truth(at)))
		worst = max(worst, last.Abs())
	}
	return last, worst
}

// settledClock is one that has been read already.
func settledClock(start time.Time) wallClock {
	w := newWallClock(start)
	w.settle(time.Time{})
	return w
}

func TestWallClockDrift(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for name, ppm := range map[string]time.Duration{"slow": 100, "fast": -100, "exact": 0} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			w := settledClock(start)
			truth := func(at time.Duration) time.Duration { return at + at/1_000_000*ppm }
			jittered := func(at time.Duration) time.Duration {
				if at == 0 {
					return 0
				}
				return truth(at) + time.Duration(r.ExpFloat64()*float64(20*time.Millisecond))
			}
			last, worst := feed(t, &w, start, 0, 24*time.Hour, jittered, truth)
			// A minute's drift is 6 ms, which is what looking back costs.
			require.Less(t, worst, 12*time.Millisecond)
			require.Less(t, last.Abs(), 12*time.Millisecond)
		})
	}
}

func TestWallClockStall(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	w := settledClock(start)
	identity := func(at time.Duration) time.Duration { return at }
	// The network stands still for 8 s, and then all comes at once.
	arrival := func(at time.Duration) time.Duration {
		if at > 100*time.Second && at < 108*time.Second {
			return 108 * time.Second
		}
		return at
	}
	_, worst := feed(t, &w, start, 0, 5*time.Minute, arrival, identity)
	require.Zero(t, worst)
}

func TestWallClockBurstAtStart(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	w := settledClock(start)
	// The first second was in the publisher's buffer: all of it comes 1 s late.
	arrival := func(at time.Duration) time.Duration { return max(at-time.Second, 0) }
	truth := func(at time.Duration) time.Duration { return at - time.Second }
	last, _ := feed(t, &w, start, 0, time.Hour, arrival, truth)
	require.Zero(t, last, "a second at 500 ppm takes 2000 s")
}

// What was in the publisher's buffer is found out before a time is read.
func TestWallClockSettles(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	const late = 330 * time.Millisecond
	burst := func() wallClock {
		w := newWallClock(start)
		for at := time.Duration(0); at < 2*time.Second; at += 40 * time.Millisecond {
			w.observe(at, start.Add(max(at-late, 0)))
		}
		return w
	}
	w := burst()
	require.Equal(t, start, w.at(0), "nothing moves before")
	require.Equal(t, -late, w.settle(start.Add(-time.Hour)))
	require.Equal(t, start.Add(-late), w.at(0))
	w.observe(3*time.Second, start.Add(2*time.Second))
	require.WithinDuration(t, start.Add(-late), w.at(0), time.Millisecond, "from now on it is slow")

	w = burst()
	require.Equal(t, -100*time.Millisecond, w.settle(start.Add(-100*time.Millisecond)), "not into what was before")
	w = burst()
	require.Zero(t, w.settle(start.Add(time.Second)), "and never on")
	w = newWallClock(start)
	require.Zero(t, w.settle(time.Time{}), "without a sample")
	require.Equal(t, start, w.at(0))
}

func TestWallClockLongerWay(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	w := settledClock(start)
	// After ten minutes everything takes half a second more.
	late := func(at time.Duration) time.Duration {
		if at > 10*time.Minute {
			return at + 500*time.Millisecond
		}
		return at
	}
	last, _ := feed(t, &w, start, 0, 10*time.Minute, late, late)
	require.Zero(t, last)
	last, _ = feed(t, &w, start, 10*time.Minute, 11*time.Minute, late, late)
	require.InDelta(t, int64(-500*time.Millisecond), int64(last), float64(10*time.Millisecond), "not before a minute")
	last, _ = feed(t, &w, start, 11*time.Minute, 40*time.Minute, late, late)
	require.Zero(t, last)
}

// TestWallClockOutOfOrder asks for times behind the newest, as sound does.
func TestWallClockOutOfOrder(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	w := settledClock(start)
	w.observe(0, start)
	w.observe(10*time.Second, start.Add(10*time.Second))
	was := w
	w.observe(9*time.Second, start.Add(20*time.Second))
	require.Equal(t, was.correction, w.correction)
	require.Equal(t, start.Add(5*time.Second), w.at(5*time.Second))
	w.observe(-time.Second, start)
	require.Equal(t, start.Add(-time.Second), w.at(-time.Second))
}
