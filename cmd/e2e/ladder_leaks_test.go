package e2e

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// starts is how often TestLadderLeaks starts and stops a ladder; SLUICE_STARTS
// sets another number.
const starts = 1000

// TestLadderLeaks publishes for a moment, over and over: no process, no file and
// no goroutine of it remains.
func TestLadderLeaks(t *testing.T) {
	n := starts
	if v := os.Getenv("SLUICE_STARTS"); v != "" {
		var err error
		n, err = strconv.Atoi(v)
		require.NoError(t, err)
	}
	s := newStandIn(t, honest)
	g := startLadder(t, s.env(), "source,144p", "--grace", "100ms", "--window", "10s")
	moment := record(t, video("320x180", "30", "15").with(tone()), 2*time.Second)
	const warm = 5
	for i := range warm {
		g.publishFor(moment, s, i)
	}
	g.eventually("nothing is transcoded", g.idle)
	files, routines := g.openFiles(), g.metric("go_goroutines")
	begun, before := time.Now(), s.ladders()
	for i := range n {
		g.publishFor(moment, s, i)
	}
	t.Logf("%d starts and stops in %v, %d processes of ladders", n, time.Since(begun).Round(time.Millisecond), s.ladders()-before)

	g.eventually("nothing is transcoded", g.idle)
	g.eventually("no file remains", func() error {
		now := g.openFiles()
		if pipes := pipesIn(now); pipes > pipesIn(files) || len(now) > len(files)+few {
			return fmt.Errorf("%d of before, and now %d: %v", len(files), len(now), now)
		}
		return nil
	})
	g.eventually("no goroutine remains", func() error {
		if now := g.metric("go_goroutines"); now > routines+few {
			return fmt.Errorf("%v of before, and now %v", routines, now)
		}
		return nil
	})
}

// few is what may come and go by itself: connections to us that idle, and their
// goroutines. A leak of each start is far more.
const few = 8

// publishFor publishes until there is a ladder, and leaves: mostly while ffmpeg
// has just started, at times once it has made something.
func (g *gateway) publishFor(c clip, ffmpeg *standIn, i int) {
	g.t.Helper()
	before := ffmpeg.ladders()
	s := g.loop(c)
	defer s.end()
	g.eventually("ffmpeg starts", func() error {
		if ffmpeg.ladders() == before {
			return errors.New("not yet")
		}
		return nil
	})
	if i%8 == 0 {
		g.joins("144p")
	}
}

// idle reports whether the gateway has no child.
func (g *gateway) idle() error {
	if left := children(g.cmd.Process.Pid); len(left) > 0 {
		return fmt.Errorf("%d children: %v", len(left), left)
	}
	return nil
}

func pipesIn(files map[string]string) int {
	n := 0
	for _, to := range files {
		if strings.HasPrefix(to, "pipe:") {
			n++
		}
	}
	return n
}
