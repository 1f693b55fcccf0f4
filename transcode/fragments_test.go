package transcode

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
)

func fedSample(size int) media.Sample {
	return media.Sample{DTS: 900_000, CTSOffset: 3000, Duration: 3000, Sync: true, Data: bytes.Repeat([]byte{7}, size)}
}

func TestFragments(t *testing.T) {
	track := fullHD(t)
	init, err := cmaf.Init(media.Track{ID: feedTrack, Kind: track.Kind, Timescale: track.Timescale, Codec: track.Codec})
	require.NoError(t, err)
	fragment := func(n uint32, s media.Sample) []byte {
		f := cmaf.Fragment{Sequence: n, TrackID: feedTrack, Samples: []media.Sample{s}}
		return f.AppendTo(nil)
	}
	var f fragments
	require.NoError(t, f.begin(track))
	require.Equal(t, append(init, fragment(8, fedSample(9))...), f.next(7, fedSample(9)))
	require.Equal(t, fragment(9, fedSample(100)), f.next(8, fedSample(100)))
	require.Equal(t, fragment(10, fedSample(1)), f.next(9, fedSample(1)))
}

func TestFragmentsAllocateNothing(t *testing.T) {
	var f fragments
	require.NoError(t, f.begin(fullHD(t)))
	s, n := fedSample(50_000), 0
	f.next(n, s)
	require.Zero(t, testing.AllocsPerRun(100, func() { n++; f.next(n, s) }))
}

func BenchmarkFragments(b *testing.B) {
	var f fragments
	require.NoError(b, f.begin(fullHD(b)))
	s, n := fedSample(50_000), 0
	b.SetBytes(50_000)
	b.ReportAllocs()
	for b.Loop() {
		f.next(n, s)
		n++
	}
}
