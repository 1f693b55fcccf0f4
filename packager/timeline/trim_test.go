package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// TestWindowIsTheLeadingRenditions has sound that was there before the picture,
// and now has a hole in every segment: the picture's segments make the window.
func TestWindowIsTheLeadingRenditions(t *testing.T) {
	const window, length = 20 * time.Second, 2 * time.Second
	tl := mustApply(t, New(Numbers{}),
		EpochStarted{Epoch: 1, Window: window, Tracks: []RenditionTrack{genAudio}},
		InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Audio},
		TargetsFixed{Targets{Segment: length, Part: length}},
		EpochEnded{Epoch: 1, At: time.Unix(1, 0)},
		EpochStarted{Epoch: 2, Window: window, Tracks: []RenditionTrack{genVideo, genAudio}},
		InitWritten{Epoch: 2, InitEpoch: 2, Rendition: Source},
		InitWritten{Epoch: 2, InitEpoch: 2, Rendition: Audio})
	require.Equal(t, Audio, tl.Renditions[0].ID)
	for msn := uint64(1); msn <= 200; msn++ {
		for _, r := range []struct {
			RenditionTrack
			length time.Duration
		}{{genVideo, length}, {genAudio, length / 2}} {
			d := media.TicksOf(r.length, r.Track.Timescale)
			tl = mustApply(t, tl,
				PartWritten{Epoch: 2, Rendition: r.Rendition, MSN: msn, Part: Part{Duration: d, Samples: 1, Data: []byte{1}}},
				SegmentClosed{Epoch: 2, Rendition: r.Rendition, MSN: msn, Duration: d})
		}
	}
	require.EqualValues(t, window/length, tl.Next.MSN-tl.First)
	require.LessOrEqual(t, tl.Next.MSN-tl.Kept, uint64(3*window/length), "no more is kept than can be asked for")
}
