package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// drifting plays n segments of two seconds, whose times on the server's clock
// move away from the media clock by step with each.
func drifting(t *testing.T, window, step time.Duration, n int) *Timeline {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tl := mustApply(t, New(Numbers{}),
		EpochStarted{Epoch: 1, At: start, Window: window, Tracks: []RenditionTrack{genVideo}},
		InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source},
		TargetsFixed{Targets{Segment: 2 * time.Second, Part: 2 * time.Second}})
	ts := genVideo.Track.Timescale
	length := media.TicksOf(2*time.Second, ts)
	for i := range n {
		at := media.TicksOf(Origin, ts) + media.Ticks(i)*length
		wall := start.Add(time.Duration(i) * (2*time.Second + step))
		tl = mustApply(t, tl,
			PartWritten{Epoch: 1, Rendition: Source, MSN: uint64(i + 1), Part: Part{Start: at, Duration: length, Samples: 1, Time: wall}},
			SegmentClosed{Epoch: 1, Rendition: Source, MSN: uint64(i + 1), Duration: length})
	}
	return tl
}

func TestAnchors(t *testing.T) {
	steady := drifting(t, time.Hour, time.Millisecond, 200).Epochs[0]
	require.Len(t, steady.Anchors, 1, "199 ms in all is too little")
	require.Equal(t, Anchor{MSN: steady.FirstMSN, Media: Origin, Time: steady.Start, Renditions: []RenditionID{Source}, FrameRates: []uint32{500}, Fixed: true}, steady.Anchors[0])

	for _, step := range []time.Duration{100 * time.Millisecond, -100 * time.Millisecond} {
		e := drifting(t, time.Hour, step, 9).Epochs[0]
		// Segment 4 is 300 ms late: 5 is anchored anew, and then 8.
		require.Len(t, e.Anchors, 3)
		for i, msn := range []uint64{1, 5, 8} {
			a := e.Anchors[i]
			require.Equal(t, msn, a.MSN)
			require.Equal(t, Origin+time.Duration(msn-1)*2*time.Second, a.Media)
			if i > 0 {
				require.Equal(t, e.Start.Add(time.Duration(msn-1)*2*time.Second+time.Duration(msn-2)*step), a.Time)
			}
		}
	}
}

func TestAnchorsGoWithTheirSegments(t *testing.T) {
	tl := drifting(t, 10*time.Second, 300*time.Millisecond, 100)
	e := tl.Epochs[0]
	require.Greater(t, e.FirstMSN, uint64(0))
	require.LessOrEqual(t, e.Anchors[0].MSN, tl.Kept, "the oldest segment has an anchor")
	require.Less(t, len(e.Anchors), 40, "%v", tl.Kept)
	if len(e.Anchors) > 1 {
		require.Greater(t, e.Anchors[1].MSN, tl.Kept)
	}
}
