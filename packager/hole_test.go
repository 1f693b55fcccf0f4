package packager_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// Where nothing comes for seconds, of any track, no segment reaches over that: a seam
// tells players to. Where sound goes on, or there's none, the picture may just stand still.
func TestHoles(t *testing.T) {
	const from = 10500 * time.Millisecond
	for _, c := range []struct {
		name         string
		video, sound time.Duration // how long nothing comes of each
		mute         bool
		epochs       int
	}{
		{"none", 0, 0, false, 1},
		{"of half a second", 500 * time.Millisecond, 500 * time.Millisecond, false, 1},
		{"up to a keyframe", 3400 * time.Millisecond, 3400 * time.Millisecond, false, 2},
		{"up to the middle of a GOP", 4200 * time.Millisecond, 4200 * time.Millisecond, false, 2},
		{"sound is back first", 4500 * time.Millisecond, 4100 * time.Millisecond, false, 2},
		{"the picture is back first", 4100 * time.Millisecond, 4500 * time.Millisecond, false, 2},
		{"of the picture", 4200 * time.Millisecond, 0, false, 1},
		{"of the sound", 0, 4200 * time.Millisecond, false, 1},
		{"of a picture without sound", 4200 * time.Millisecond, 0, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			length := 29 * time.Second // no keyframe is due at the end
			events := merge(video{num: 3000, gops: []int{60}}.events(length), audio(48_000, 0, length, 0))
			tracks := []media.Track{videoTrack(t), audioTrack(t, 48_000)}
			if c.mute {
				events, tracks = video{num: 3000, gops: []int{60}}.events(length), tracks[:1]
			}
			events = slices.DeleteFunc(events, func(e event) bool {
				lost := c.sound
				if e.id == videoID {
					lost = c.video
				}
				return e.at >= from && e.at < from+lost
			})
			r := newRig(t, packager.Settings{Window: time.Minute}).begin(tracks...)
			watching := newViewers(t)
			if c.epochs == 2 {
				r.seen = func() { watching.look(r.timeline(), r.start.Add(r.now)) }
			}
			r.write(events).end()
			require.Len(t, r.timeline().Epochs, c.epochs)
			if c.epochs == 2 {
				require.Empty(t, watching.hls.Violations())
				require.Empty(t, watching.dash.Violations())
				next := r.timeline().Epochs[1]
				require.LessOrEqual(t, next.Start.Sub(r.start), from+max(c.video, c.sound)+2*time.Second, "with the next keyframe")
			}
			for g := range r.timeline().Rendition(timeline.Source).Segments.All() {
				if c.epochs == 2 {
					require.LessOrEqual(t, g.Duration, media.Ticks(180_000))
				}
			}
		})
	}
}
