package packager_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// TestEpochFollowsAnother has publishers take turns without a pause: whatever the arrival
// of their media says, no epoch starts before the one before it has ended, and a GOP whose
// beginning is only decoded breaks no promise.
func TestEpochFollowsAnother(t *testing.T) {
	const frame = 33 * time.Millisecond
	for _, squeezed := range []int{0, 15, 30, 45, 58} { // pictures that take no time
		r := newRig(t, packager.Settings{})
		r.begin(videoTrack(t)).write(video{num: 3000, gops: []int{60}}.events(7 * time.Second))
		cut := media.Ticks(squeezed) * 3000
		events := video{num: 3000, gops: []int{60}}.events(7 * time.Second)
		for i := range events {
			e := &events[i]
			e.at += 7*time.Second - time.Duration(squeezed)*frame - 150*time.Millisecond // ahead, as in a burst
			if e.sample.DTS < cut {
				e.sample.DTS = cut - (cut-e.sample.DTS)/256
			}
			if i > 0 {
				e.at = max(e.at, 7*time.Second-150*time.Millisecond)
			}
		}
		r.begin(videoTrack(t)).write(events).end()
		checkInvariants(t, r)
		tl := r.timeline()
		require.Len(t, tl.Epochs, 2)
		var end time.Time
		source := tl.Rendition(timeline.Source)
		const slew = 2 * time.Millisecond // in a segment's time dates follow a clock by no more
		for g := range source.Segments.All() {
			require.False(t, g.Time.Before(end.Add(-slew)), "segment %d begins %v before the one before it ends", g.MSN, end.Sub(g.Time))
			end = g.Time.Add(g.Duration.Duration(media.VideoClock))
			require.LessOrEqual(t, g.Duration.Duration(media.VideoClock), tl.Targets.Segment+500*time.Millisecond)
		}
		require.False(t, tl.Epochs[1].Anchors[0].Time.Before(tl.Epochs[0].Start.Add(7*time.Second)))
		require.InDelta(t, 30_000, int(source.FrameRate), 500, "what is only decoded doesn't count")
	}
}
