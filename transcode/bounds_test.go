package transcode

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// Sound that waits for a picture, or for a process, is bounded in number and bytes.
func TestWaitingSoundIsBounded(t *testing.T) {
	for size, most := range map[int]int{10: maxHeldSound, 1 << 20: maxHeldBytes >> 20} {
		l := &Ladder{run: &run{}}
		s := &sound{track: media.Track{Timescale: 48_000}, more: make(chan struct{}, 1), counts: newMetrics(nil).ofSound("live")}
		for n := range media.Ticks(3000) {
			sample := media.Sample{DTS: n * 1024, Duration: 1024, Sync: true, Data: make([]byte, size)}
			require.NoError(t, l.hold(t.Context(), 2, sample, time.Now()))
			s.push(sample, time.Now())
			require.LessOrEqual(t, s.bytes, soundBytes)
		}
		require.Len(t, l.hidden.held, most)
		require.Equal(t, most*size, l.hidden.bytes)
		require.Equal(t, media.Ticks(2999*1024), l.hidden.held[most-1].sample.DTS, "the newest stays")
		held := 0
		for _, f := range s.frames {
			held += len(f.data)
		}
		require.Equal(t, held, s.bytes)
		require.LessOrEqual(t, media.Ticks(len(s.frames)), 15*48_000/1024+media.Ticks(2))
	}
}
