package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// viewing is what the test page has recorded of a player that a test let play
// as long as it took; times in milliseconds (web/ui/harness/recorder.ts).
type viewing struct {
	playback
	Begun    float64
	Joined   *float64
	Pictures []struct{ At, Width, Height float64 }
	Events   []struct {
		Time, Shown float64 // s
		Name, Value string
	}
	Frames []float64 // s
	Notes  []string
	Stalls []struct{ At, Duration float64 }
	Buffer float64
}

// longestStall is the longest pause of playback.
func (v *viewing) longestStall() time.Duration {
	longest := 0.0
	for _, s := range v.Stalls {
		longest = max(longest, s.Duration)
	}
	return time.Duration(longest * float64(time.Millisecond))
}

// played is how far playback has come since it joined.
func (v *viewing) played() time.Duration {
	if v.Joined == nil {
		return 0
	}
	return time.Duration((v.CurrentTime - *v.Joined) * float64(time.Second))
}

// heights are those of the pictures shown, in order.
func (v *viewing) heights() []int {
	var all []int
	for _, p := range v.Pictures {
		all = append(all, int(p.Height))
	}
	return all
}

// requireUnharmed fails where the player has noticed more than a pause.
func (v *viewing) requireUnharmed(t *testing.T) {
	t.Helper()
	v.requireAlive(t)
	require.Empty(t, v.faults())
}

// requireAlive fails where the player has met what it doesn't get over by itself.
func (v *viewing) requireAlive(t *testing.T) {
	t.Helper()
	require.True(t, v.Started, "no first frame")
	require.Empty(t, v.Uncaught)
	require.Zero(t, v.FatalErrors)
	require.Zero(t, v.SteppedBack)
}

// player is one in Chromium that plays until it is told to stop.
type player struct {
	t         *testing.T
	cmd       *exec.Cmd
	release   io.Closer
	out, said buffer
	exited    chan struct{}
	err       error // of Wait, once exited is closed
	explained bool
}

// lastWords bounds what is told of what a player did when a test has failed, or
// a pause was a longStall.
const (
	lastWords = 100
	longStall = 2 * time.Second
)

// play opens an address in a browser.
func play(t *testing.T, name, url string) *player {
	t.Helper()
	require.NoError(t, buildHarness())
	p := &player{t: t, exited: make(chan struct{})}
	p.cmd = exec.Command("node", "harness/drive.mjs", "--timeout", "60", "--hold", "--player", name, "--src", url)
	p.cmd.Dir = uiFolder
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.release = stdin
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.finish)
	return p
}

// finish lets the browser close and waits for that.
func (p *player) finish() {
	p.release.Close()
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	if p.t.Failed() && !p.explained {
		p.explain()
	}
}

// explain prints what the player did of late.
func (p *player) explain() {
	p.explained = true
	var seen viewing
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if json.Unmarshal([]byte(lines[len(lines)-1]), &seen) == nil {
		lines = lines[:len(lines)-1]
	}
	p.t.Logf("the player, begun at %v, did:\n%s\nand shows:\n%s", time.UnixMilli(int64(seen.Begun)).Format("15:04:05.000"),
		strings.Join(seen.Notes[max(0, len(seen.Notes)-lastWords):], "\n"), strings.Join(lines[max(0, len(lines)-3):], "\n"))
}

// shown is what a player says of its picture while it plays.
type shown struct {
	CurrentTime float64 // s
	Height      int
	Colour      [3]int // red, green, blue
}

// shows returns what the player has shown last.
func (p *player) shows() shown {
	lines := bytes.Split([]byte(p.out.String()), []byte("\n"))
	var s shown
	if n := len(lines) - 2; n >= 0 { // what follows the last newline isn't whole
		_ = json.Unmarshal(lines[n], &s)
	}
	return s
}

// awaits waits until a picture satisfies what is asked.
func (p *player) awaits(what string, enough func(shown) bool) {
	p.t.Helper()
	eventually(p.t, what, func() error {
		if s := p.shows(); !enough(s) {
			return fmt.Errorf("at %.3f s, a picture of %d lines", s.CurrentTime, s.Height)
		}
		return nil
	})
}

// playsOn waits until the player has shown so much more.
func (p *player) playsOn(by time.Duration) {
	p.t.Helper()
	from := p.shows().CurrentTime
	p.awaits("playback goes on", func(s shown) bool { return s.CurrentTime >= from+by.Seconds() })
}

// stop ends playing and returns what was seen.
func (p *player) stop() *viewing {
	p.t.Helper()
	p.finish()
	require.NoError(p.t, p.err, p.said.String())
	var seen viewing
	lines := bytes.Split(bytes.TrimSpace([]byte(p.out.String())), []byte("\n"))
	require.NoError(p.t, json.Unmarshal(lines[len(lines)-1], &seen), p.out.String())
	p.t.Logf("from %v on: played %v; heights %v; stalls %v; errors %v", time.UnixMilli(int64(seen.Begun)).Format("15:04:05.000"),
		seen.played(), seen.Pictures, seen.Stalls, seen.Errors)
	if seen.longestStall() >= longStall {
		p.explain()
	}
	return &seen
}
