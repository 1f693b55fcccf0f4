package onair

import (
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// A seam keeps the order of times, puts the first at the cut, and leaves what comes
// behind its pivot alone.
func TestSeamKeepsOrder(t *testing.T) {
	require.NoError(t, quick.Check(func(first int32, length uint16, a, b uint32) bool {
		from := media.Ticks(first)
		m := seamAt(from, from+media.Ticks(length)*10, 0)
		x, y := from+media.Ticks(a%1_000_000), from+media.Ticks(b%1_000_000)
		if x > y {
			x, y = y, x
		}
		start := m.at(from)
		return m.at(x) <= m.at(y) && m.at(x) >= x && (!m.on || m.at(x) >= m.cut-1 && start-m.cut <= 1) && (m.at(y) == y || y < m.pivot)
	}, &quick.Config{MaxCount: 20_000}))
}

func TestSeam(t *testing.T) {
	require.Equal(t, seam{}, seamAt(90_000, 90_000, 0))
	require.Equal(t, seam{}, seamAt(90_000, 0, 0), "a gap stays")

	m := seamAt(0, 180_000, 7200)
	require.InDelta(t, 180_000, int(m.at(0)), 1)
	require.Less(t, m.pivot-m.cut, media.Ticks(90_000/100), "no longer than a frame")
	k, ok := m.move(&picture, media.Sample{DTS: -7200, CTSOffset: 7200, Duration: 3600})
	require.True(t, ok)
	require.InDelta(t, 180_000, int(k.PTS()), 1)
	require.Equal(t, media.Ticks(7200), k.CTSOffset)
	b, _ := m.move(&picture, media.Sample{DTS: 3600, CTSOffset: 0})
	require.Less(t, k.DTS, b.DTS)
	require.LessOrEqual(t, b.DTS, b.PTS())
	after, _ := m.move(&picture, media.Sample{DTS: 200_000, CTSOffset: 3600})
	require.Equal(t, media.Sample{DTS: 200_000, CTSOffset: 3600}, after)
	require.Equal(t, media.Ticks(3600), k.Duration, "a frame is still a frame")

	_, ok = m.move(&sound, media.Sample{DTS: 94_000, Duration: 1920})
	require.False(t, ok)
	a, ok := m.move(&sound, media.Sample{DTS: 96_000, Duration: 1920})
	require.True(t, ok)
	require.Equal(t, media.Ticks(96_000), a.DTS)
}

// Sound and other sizes of the keyframe's time that came before it are kept.
func TestHeldKeepsWhatBelongs(t *testing.T) {
	small := media.Track{ID: 3, Kind: media.Video, Timescale: media.VideoClock}
	now := time.Unix(1000, 0)
	var h held
	put := func(track *media.Track, dts media.Ticks, sync bool) {
		h.add(&picture, heldSample{track, media.Sample{DTS: dts, Duration: 3600, Sync: sync, Data: []byte{1}}, now})
	}
	put(&picture, 0, true)
	put(&small, 0, true)
	put(&sound, 0, true)
	put(&small, 90_000, true)
	put(&sound, 47_000, true)
	put(&sound, 48_000, true)
	put(&picture, 90_000, true)
	require.Len(t, h.samples, 3)
	require.Equal(t, &picture, h.samples[0].track)
	require.True(t, h.fresh)
	put(&sound, 50_000, true)
	require.False(t, h.fresh)
	require.Equal(t, 4, h.bytes)
}
