package clock

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func TestEventsOnThePicturesClock(t *testing.T) {
	c := New(0)
	v := c.Video(30000.0 / 1001)
	_, ok := v.At(0)
	require.False(t, ok, "no frame has come")
	start := uint32(math.MaxUint32 - 500) // it wraps
	var frames []Time
	for n := range int64(60) {
		s, verdict := v.Stamp(start+uint32(n*1001/30), 0)
		require.Equal(t, Kept, verdict)
		frames = append(frames, s)
	}
	for n, f := range frames {
		at, ok := v.At(start + uint32(int64(n)*1001/30))
		require.True(t, ok)
		require.Equal(t, f.DTS, at, "a frame's own millisecond")
	}
	at, _ := v.At(start + 10)
	require.Equal(t, frames[0].DTS+900, at, "between frames")
	at, _ = v.At(start + 7000)
	require.InDelta(t, float64(frames[0].DTS+7*90_000), float64(at), 90, "ahead")
	newest := frames[len(frames)-1].DTS
	for _, far := range []uint32{start - 60_000, start + 60_000, 1 << 30} {
		at, ok = v.At(far)
		require.True(t, ok)
		require.InDelta(t, float64(newest), float64(at), 90, "of another clock")
	}
	c.Restart()
	_, ok = v.At(start)
	require.False(t, ok, "the clock jumped, and no frame has come")
	before := *v
	s, _ := v.Stamp(5_000_000, 66)
	at, ok = v.At(5_000_000)
	require.True(t, ok)
	require.Equal(t, s.DTS, at)
	require.NotEqual(t, before.axis, v.axis)
}

// Of a rate that nobody knows, milliseconds are what there is.
func TestEventsBesideFramesWithoutARate(t *testing.T) {
	v := New(0).Video()
	for _, ts := range []uint32{1000, 1007, 1100, 1160} {
		v.Stamp(ts, 0)
		at, ok := v.At(ts + 3)
		require.True(t, ok)
		require.Equal(t, media.Ticks(ts+3)*90, at)
	}
}

func TestEventsOnTheSoundsClock(t *testing.T) {
	a := New(0).Audio(44_100, 1024)
	_, ok := a.At(7)
	require.False(t, ok)
	a.Stamp(1000)
	at, ok := a.At(1500)
	require.True(t, ok)
	require.Equal(t, media.Ticks(1500*90), at)
}
