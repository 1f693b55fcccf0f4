package packager_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager"
	"sluice/packager/timeline"
)

// TestNoDateInTheFuture publishes as ffmpeg does: what it encoded while it
// connected comes all at once. The times of what comes first are wrong then, and
// are put right before anybody can read them.
func TestNoDateInTheFuture(t *testing.T) {
	const late = 330 * time.Millisecond
	r := newRig(t, packager.Settings{})
	push := func(length time.Duration) {
		r.begin(videoTrack(t), audioTrack(t, 48_000))
		events := merge(video{num: 3000, gops: []int{60}, bframes: true}.events(length), audio(48_000, 0, length, 0))
		for i := range events {
			events[i].at = max(events[i].at-late, 0)
		}
		r.write(events).end()
		r.start = r.start.Add(length + time.Hour)
	}
	latest := func(epoch uint64) (ahead time.Duration) {
		tl := r.timeline()
		for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
			rendition := tl.Rendition(id)
			for g := range rendition.Segments.All() {
				for _, p := range g.Parts {
					if g.Epoch == epoch {
						end := p.Time.Add(p.Duration.Duration(rendition.Track.Timescale))
						ahead = max(ahead, end.Sub(p.Arrived))
					}
				}
			}
		}
		return ahead
	}
	push(7 * time.Second)
	checkInvariants(t, r)
	// A part's end is a frame after the arrival of its last sample's first byte.
	const frame = 35 * time.Millisecond
	require.LessOrEqual(t, latest(1), frame)
	tl := r.timeline()
	first := tl.Rendition(timeline.Source).Segments.First()
	require.WithinDuration(t, first.Time, tl.Epochs[0].Start, time.Millisecond, "HLS and DASH say the same")
	require.Len(t, tl.Epochs[0].Anchors, 1)

	// Once manifests go out, what the first part shows must do.
	push(7 * time.Second)
	checkInvariants(t, r)
	require.LessOrEqual(t, latest(2), late-4*33*time.Millisecond, "six frames are a part")
}
