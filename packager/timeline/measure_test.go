package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// play applies segments of one part each to a stream of video only, and returns
// what comes of it.
func play(t *testing.T, window time.Duration, target time.Duration, segments ...Part) *Timeline {
	t.Helper()
	apply := func(tl *Timeline, e Entry) *Timeline {
		next, err := Apply(tl, e)
		require.NoError(t, err, "%T", e)
		return next
	}
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock}
	tl := apply(New(Numbers{}), EpochStarted{Epoch: 1, Window: window, Tracks: []RenditionTrack{{Source, track}}})
	tl = apply(tl, InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source})
	tl = apply(tl, TargetsFixed{Targets{Segment: target, Part: target / 10}})
	for _, p := range segments {
		msn := tl.Next.MSN
		tl = apply(tl, PartWritten{Epoch: 1, Rendition: Source, MSN: msn, Part: p})
		tl = apply(tl, SegmentClosed{Epoch: 1, Rendition: Source, MSN: msn, Duration: p.Duration})
	}
	return tl
}

// lasting is a part of so many milliseconds and bytes, half of them its first picture's.
func lasting(ms, size int) Part {
	return Part{Duration: media.Ticks(ms) * 90, Samples: ms * 30 / 1000, Data: make([]byte, size), Key: size / 2}
}

func repeat(n int, p Part) []Part {
	all := make([]Part, n)
	for i := range all {
		all[i] = p
	}
	return all
}

func TestPeakBandwidth(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		name     string
		target   time.Duration
		segments []Part
		want     uint64
	}{
		{"one", 2 * time.Second, repeat(1, lasting(2000, 1000)), 4000},
		{"the highest", 2 * time.Second, []Part{lasting(2000, 1000), lasting(2000, 3000), lasting(2000, 500)}, 12_000},
		{"half a target counts", 2 * time.Second, []Part{lasting(2000, 1000), lasting(1000, 1000)}, 8000},
		{"less does not, by itself", 2 * time.Second, []Part{lasting(2000, 1000), lasting(100, 1000)}, 7619},
		{"nor at the start", 2 * time.Second, []Part{lasting(100, 1000), lasting(2000, 1000)}, 7619},
		{"short ones together", 10 * time.Second, repeat(9, lasting(1000, 1000)), 8000},
		{"longer than was promised", 2 * time.Second, repeat(2, lasting(8000, 8000)), 8000},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := play(t, hour, c.target, c.segments...)
			r := tl.Rendition(Source)
			require.Equal(t, c.want, r.PeakBandwidth)
			require.InDelta(t, float64(c.want)/2, r.PeakKeys, 1)
			require.Equal(t, r.Bytes/2, r.KeyBytes)
		})
	}
}

func TestTrim(t *testing.T) {
	for _, c := range []struct {
		name           string
		window, target time.Duration
		ms             int
		listed         uint64
	}{
		{"by window", 30 * time.Second, 2 * time.Second, 2000, 15},
		{"six segments and one", 5 * time.Second, time.Second, 2000, 7},
		{"three targets and one", 5 * time.Second, 10 * time.Second, 2000, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := play(t, c.window, c.target, repeat(200, lasting(c.ms, 10))...)
			require.Equal(t, c.listed, tl.Next.MSN-tl.First)
			require.Less(t, tl.Kept, tl.First, "what left the playlist is still there")
			kept := time.Duration(tl.First-tl.Kept) * time.Duration(c.ms) * time.Millisecond
			require.GreaterOrEqual(t, kept, time.Duration(c.listed)*time.Duration(c.ms)*time.Millisecond)
		})
	}
}

// What a rung left when it went counts together with what it begins with when it
// is back at once.
func TestPeakBandwidthOfARungThatWasAway(t *testing.T) {
	tl := play(t, time.Hour, 2*time.Second)
	apply := func(e Entry) {
		next, err := Apply(tl, e)
		require.NoError(t, err, "%T", e)
		tl = next
	}
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Name: "480p"}
	write := func(id RenditionID, msn uint64, p Part) {
		apply(PartWritten{Epoch: 1, Rendition: id, MSN: msn, Part: p})
		apply(SegmentClosed{Epoch: 1, Rendition: id, MSN: msn, Duration: p.Duration})
	}
	join := func(msn uint64) {
		apply(RenditionJoined{Epoch: 1, RenditionTrack: RenditionTrack{"480p", track}, MSN: msn})
	}
	write(Source, 1, lasting(2000, 1000))
	join(1)
	apply(InitWritten{Epoch: 1, InitEpoch: 1, Rendition: "480p"})
	write("480p", 1, lasting(2000, 100))
	write(Source, 2, lasting(2000, 1000))
	write("480p", 2, lasting(500, 1000))
	apply(RenditionLeft{Rendition: "480p"})
	join(3)
	write("480p", 3, lasting(2000, 1000))
	require.EqualValues(t, 3, tl.Rendition("480p").From)
	require.EqualValues(t, 6400, tl.Rendition("480p").PeakBandwidth)
}

// What an epoch begins with may be pictures that are decoded only: they tell nothing of the
// frame rate where it is known, and as little as can be where it isn't.
func TestFrameRateAtAnEpochsBeginning(t *testing.T) {
	squeezed := lasting(200, 1000)
	squeezed.Samples += 50
	tl := play(t, time.Hour, 2*time.Second, lasting(2000, 1000), lasting(2000, 1000))
	require.EqualValues(t, 30_000, tl.Rendition(Source).FrameRate)
	apply := func(e Entry) {
		var err error
		tl, err = Apply(tl, e)
		require.NoError(t, err, "%T", e)
	}
	track := media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock}
	apply(EpochEnded{Epoch: 1, At: time.Unix(4, 0)})
	apply(EpochStarted{Epoch: 2, Window: time.Hour, Tracks: []RenditionTrack{{Source, track}}})
	apply(InitWritten{Epoch: 2, InitEpoch: 1, Rendition: Source})
	msn := tl.Next.MSN
	for i, p := range []Part{squeezed, squeezed, lasting(1600, 1000)} {
		p.Start = media.Ticks(i) * 18_000
		apply(PartWritten{Epoch: 2, Rendition: Source, MSN: msn, Index: i, Part: p})
	}
	apply(SegmentClosed{Epoch: 2, Rendition: Source, MSN: msn, Duration: 180_000})
	require.EqualValues(t, 30_000, tl.Rendition(Source).FrameRate)
}
