package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

func TestEpochDated(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	earlier := start.Add(-300 * time.Millisecond)
	part := func(i int) PartWritten {
		return PartWritten{Epoch: 1, Rendition: Source, MSN: 1, Index: i, Part: Part{
			Start: media.TicksOf(Origin, media.VideoClock) + media.Ticks(i)*18_000, Duration: 18_000, Samples: 6,
			Time: start.Add(time.Duration(i) * 200 * time.Millisecond),
		}}
	}
	told := mustApply(t, New(Numbers{}),
		EpochStarted{Epoch: 1, At: start, Window: time.Minute, Tracks: []RenditionTrack{genVideo, genAudio}},
		InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source}, part(0), part(1))
	moved := mustApply(t, told, EpochDated{Epoch: 1, At: earlier})

	require.Equal(t, earlier, moved.Epochs[0].Start)
	require.Equal(t, []Anchor{{MSN: 1, Media: Origin, Time: earlier, Renditions: []RenditionID{Source, Audio}}}, moved.Epochs[0].Anchors)
	open := moved.Rendition(Source).Open
	require.Equal(t, earlier, open.Time)
	require.Equal(t, earlier.Add(200*time.Millisecond), open.Parts[1].Time)
	require.Greater(t, moved.Rendition(Source).Version, told.Rendition(Source).Version)

	before := told.Rendition(Source).Open
	require.Equal(t, start, told.Epochs[0].Start, "who has the old timeline sees the old times")
	require.Equal(t, start, told.Epochs[0].Anchors[0].Time)
	require.Equal(t, start, before.Time)
	require.Equal(t, start, before.Parts[0].Time)

	fixed := TargetsFixed{Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond}}
	for name, tl := range map[string]*Timeline{
		"once manifests tell of it": mustApply(t, told, fixed),
		"once a segment is closed": mustApply(t, told,
			SegmentClosed{Epoch: 1, Rendition: Source, MSN: 1, Duration: 36_000}),
		"before there is an epoch": New(Numbers{}),
	} {
		_, err := Apply(tl, EpochDated{Epoch: 1, At: earlier})
		require.ErrorIs(t, err, ErrOrder, name)
	}
	// An epoch of which there is nothing yet can be moved at any time.
	next := mustApply(t, told, fixed,
		SegmentClosed{Epoch: 1, Rendition: Source, MSN: 1, Duration: 36_000},
		SegmentClosed{Epoch: 1, Rendition: Audio, MSN: 1, Duration: 19_200, Time: start},
		EpochEnded{Epoch: 1, At: start.Add(time.Second)},
		EpochStarted{Epoch: 2, At: start.Add(9 * time.Second), Window: time.Minute, Tracks: []RenditionTrack{genVideo}},
		EpochDated{Epoch: 2, At: start.Add(8 * time.Second)})
	require.Equal(t, start.Add(8*time.Second), next.Current().Start)
	require.Equal(t, start, next.Epochs[0].Start)
}
