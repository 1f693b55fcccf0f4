package packager_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// TestJitterKeepsSegments packages what phones and cameras send: a keyframe
// every two seconds, stamped when it was captured, a few frames early or late.
// One that comes a little early still ends its segment, or segments would be
// twice as long as the broadcaster asked for.
func TestJitterKeepsSegments(t *testing.T) {
	for name, first := range map[string]time.Duration{"early": -14 * time.Millisecond, "late": 14 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, packager.Settings{})
			r.begin(videoTrack(t))
			random := rand.New(rand.NewPCG(7, 1))
			events := video{num: 1500, gops: []int{120}}.events(60 * time.Second)
			for i := range events {
				s := &events[i].sample
				by := media.Ticks(random.IntN(15)-7) * 90
				if i == 120 {
					by = media.TicksOf(first, media.VideoClock)
				}
				if i > 0 {
					s.DTS = max((s.DTS+by)/90*90, events[i-1].sample.DTS+90)
				}
			}
			r.write(events).end()
			checkAll(t, r, 30*90)
			require.Equal(t, 2*time.Second, r.targets().Segment)
			for i, g := range r.segments(timeline.Source) {
				near(t, 2*time.Second, g.closed.Duration.Duration(media.VideoClock), 50*time.Millisecond, "segment %d", i)
			}
		})
	}
}
