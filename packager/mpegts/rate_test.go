package mpegts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/mpegts"
)

// TestRates compares what is said of tracks with the segments that come of them: a bound
// that holds, and isn't far off.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, sound *clip
		fps          float64
	}{
		{"usual", x264(t, "30", "-bf", "2", "-b:v", "1500k"), aac(t), 30},
		{"small", x264(t, "25", "-b:v", "100k"), aac(t), 25},
		{"few pictures", x264(t, "8", "-b:v", "100k"), aac(t), 8},
		{"60 fps", x264(t, "60", "-b:v", "500k"), sine(t, "-c:a", "aac", "-b:a", "32k"), 60},
		{"no picture", nil, aac(t), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			const length = 2 * time.Second
			for _, s := range cut(c.video, c.sound, length, 2) {
				most, about := mpegts.TableRate(length)
				for stream, units := range map[*mpegts.Stream]float64{s.Video: c.fps, s.Sound: 48_000. / 1024} {
					if stream == nil {
						continue
					}
					bits := uint64(0)
					for _, b := range stream.Fragments {
						bits += uint64(len(b)) * 8 / uint64(length/time.Second)
					}
					l := mpegts.Load{Most: bits, About: bits, Units: units, Picture: stream.Track.Kind == media.Video, Segment: length}
					m, a := l.Rates()
					most, about = most+m, about+a
				}
				got := uint64(len(made(t, s))) * 8 / uint64(length/time.Second)
				require.LessOrEqual(t, got, most)
				require.InEpsilon(t, got, about, 0.2)
				require.Less(t, float64(most-got), 0.15*float64(got)+130_000)
			}
		})
	}
	most, about := mpegts.Load{Most: 1000, About: 500}.Rates()
	require.Equal(t, [2]uint64{1000, 500}, [2]uint64{most, about}, "segments of no length")
}
