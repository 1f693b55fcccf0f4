package e2e

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Rates of TestLadderThrottled, in bits a second.
const (
	wideLine = 10e6
	thinLine = 600e3
)

// throttled are the players.
var throttled = []struct {
	name, path string
	requests   int // for media, in a few seconds: for parts, or for segments
	thin       int // likewise, while the line is thin
}{
	{"hls", "/live/live/index.m3u8", 20, 60},
	{"dash", "/live/live/manifest.mpd", 3, 6},
}

// mostStall is how long a player may stand still on a machine that is late by so
// much with all that it does. On an idle one neither player stands still at all.
func mostStall(late time.Duration) time.Duration { return 2*time.Second + 20*late }

// hiccups watches how late this machine runs what is due: a player on it can't
// do better.
type hiccups struct {
	stop  chan struct{}
	spent sync.WaitGroup
	worst time.Duration // valid once it has ended
}

// watchMachine starts to look.
func watchMachine() *hiccups {
	const every = 20 * time.Millisecond
	h := &hiccups{stop: make(chan struct{})}
	h.spent.Add(1)
	go func() {
		defer h.spent.Done()
		timer := time.NewTimer(every)
		defer timer.Stop()
		for due := time.Now().Add(every); ; due = time.Now().Add(every) {
			timer.Reset(time.Until(due))
			select {
			case <-timer.C:
				h.worst = max(h.worst, time.Since(due))
			case <-h.stop:
				return
			}
		}
	}()
	return h
}

func (h *hiccups) end() time.Duration {
	close(h.stop)
	h.spent.Wait()
	return h.worst
}

// TestLadderThrottled takes a viewer's line from 10 Mb/s to 600 kb/s and back:
// the player goes down the ladder and up again.
func TestLadderThrottled(t *testing.T) {
	for _, c := range throttled {
		t.Run(c.name, func(t *testing.T) {
			g := startLadder(t, nil, faultLadder, "--window", "1m")
			g.loop(busyClip(t))
			g.joins(faultRungs...)
			home := g.throttle(wideLine)
			p := play(t, c.name, home.url(c.path))
			home.plays(t, c.requests, "source")
			machine := watchMachine()
			thin := time.Now()
			home.set(thinLine)
			home.plays(t, c.thin, faultRungs...)
			p.awaits("a smaller picture", func(s shown) bool { return s.Height > 0 && s.Height < 360 })
			t.Logf("some seconds of a rung are loaded after %v", time.Since(thin).Round(time.Millisecond))
			home.set(wideLine)
			wide := time.Now()
			home.plays(t, c.requests, "source")
			p.awaits("the large picture is back", func(s shown) bool { return s.Height == 360 })
			t.Logf("the source is shown after %v", time.Since(wide).Round(time.Millisecond))
			late := machine.end()
			seen := p.stop()

			seen.requireAlive(t)
			tops := seen.heights()
			require.NotEmpty(t, tops)
			first := slices.IndexFunc(tops, func(h int) bool { return h < 360 })
			t.Logf("longest stall %v, this machine was late by %v at the most", seen.longestStall(), late)
			require.GreaterOrEqual(t, first, 0, "no smaller picture was shown: %v", tops)
			require.Equal(t, 360, tops[len(tops)-1], "the large picture isn't back: %v", tops)
			require.LessOrEqual(t, seen.longestStall(), mostStall(late))
		})
	}
}
