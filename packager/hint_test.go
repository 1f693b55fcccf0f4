package packager_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager"
)

// Wherever a publisher breaks off, also between pictures that are decoded in another
// order than they are shown, and past where a keyframe was to come, a rung that is
// behind hints at each part that it still gets.
func TestHintsOfRungsThatTrail(t *testing.T) {
	for name, c := range map[string]struct {
		v      video
		frames []int // that the publisher sends before it breaks off
		lag    time.Duration
		every  int
	}{
		"in order":       {video{num: 3000, gops: []int{60}}, []int{241, 246, 247, 250}, 300 * time.Millisecond, 1},
		"reordered":      {video{num: 3000, gops: []int{60}, bframes: true}, []int{242, 246, 252, 258}, 300 * time.Millisecond, 1},
		"half the rate":  {video{num: 3000, gops: []int{60}, bframes: true}, []int{246, 252}, 300 * time.Millisecond, 2},
		"fast":           {video{num: 750, gops: []int{240}}, []int{985, 1009}, 300 * time.Millisecond, 1},
		"no keyframe":    {video{num: 3000, gops: []int{60, 60, 60, 300}}, []int{250, 255}, time.Second, 1},
		"still none":     {video{num: 3000, gops: []int{60, 60, 60, 300}}, []int{300}, 300 * time.Millisecond, 1},
		"far behind it":  {video{num: 3000, gops: []int{60}, bframes: true}, []int{246}, 3 * time.Second, 1},
		"a segment more": {video{num: 3000, gops: []int{60}}, []int{240}, 300 * time.Millisecond, 1},
	} {
		for _, n := range c.frames {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: c.every, lag: c.lag})
				watching := newViewers(t)
				l.seen = func() { watching.lookAtHLS(l.timeline(), l.start.Add(l.recorder.now)) }
				events := c.v.events(12 * time.Second)[:n]
				l.begin(videoTrack(t))
				l.write(events).end()
				again := video{num: 3000, gops: []int{60}}.events(8 * time.Second)
				for i := range again {
					again[i].at += events[n-1].at + 200*time.Millisecond
				}
				l.begin(videoTrack(t))
				l.write(again).end()
				l.drain(2)
				require.NoError(t, l.packager.Shutdown(t.Context()))
				require.Len(t, l.timeline().Epochs, 2)
				for _, found := range watching.hls.Violations() {
					// The source's own hints are guesses where a keyframe doesn't come.
					if strings.HasPrefix(found.Rule.ID, "hint.") && strings.Contains(found.URL, "480p") {
						t.Errorf("HLS: %v", found)
					}
				}
			})
		}
	}
}
