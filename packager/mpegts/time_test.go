package mpegts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/mpegts"
)

// run is a track of samples with those decode times and composition offsets.
func run(kind media.Kind, times, offsets []media.Ticks) *mpegts.Stream {
	track := media.Track{ID: 1, Kind: kind, Timescale: media.VideoClock, Codec: &media.H264{SPS: []byte("\x67s"), PPS: []byte("\x68p")}}
	data := []byte{0, 0, 0, 60, 0x65}
	if kind == media.Audio {
		track.Codec, _ = media.NewMP3(48_000, 2)
	}
	data = append(data, make([]byte, 59)...)
	f := cmaf.Fragment{Sequence: 1, TrackID: 1}
	for i, at := range times {
		s := media.Sample{DTS: at, Duration: 3000, Sync: i == 0, Data: data}
		if i < len(offsets) {
			s.CTSOffset = offsets[i]
		}
		if i+1 < len(times) {
			s.Duration = times[i+1] - at
		}
		f.Samples = append(f.Samples, s)
	}
	return &mpegts.Stream{Track: track, Fragments: [][]byte{f.AppendTo(nil)}}
}

func every(step media.Ticks, from media.Ticks, n int) []media.Ticks {
	var all []media.Ticks
	for i := range n {
		all = append(all, from+media.Ticks(i)*step)
	}
	return all
}

// TestClockBeginsAnew goes over the end of 33 bits: a stream of 26 hours.
func TestClockBeginsAnew(t *testing.T) {
	from := media.Ticks(day - 90_000)
	s := mpegts.Segment{Epoch: 1, Video: run(media.Video, every(3000, from, 60), nil), Sound: run(media.Audio, every(2160, from, 83), nil)}
	seen := read(t, made(t, s), nil)
	require.Len(t, seen.pes[0x100], 60)
	require.EqualValues(t, day-3000, seen.pes[0x100][29].Header.OptionalHeader.PTS.Base)
	require.EqualValues(t, 0, seen.pes[0x100][30].Header.OptionalHeader.PTS.Base)
}

// TestPicturesOfAnyRate keeps the clock going whatever pictures come, and tables too.
func TestPicturesOfAnyRate(t *testing.T) {
	for name, times := range map[string][]media.Ticks{
		"1 fps":               every(90_000, 900_000, 4),
		"8 fps":               every(11_250, 900_000, 16),
		"25 fps":              every(3600, 900_000, 50),
		"120 fps":             every(750, 900_000, 240),
		"one that stops":      append(every(3000, 900_000, 20), 900_000+7*90_000),
		"milliseconds":        {900_000, 902_970, 906_030, 909_000, 911_970, 915_030, 920_000, 921_000},
		"a segment of 30 s":   every(3000, 900_000, 900),
		"a picture by itself": {900_000},
	} {
		t.Run(name, func(t *testing.T) {
			s := mpegts.Segment{Epoch: 1, Video: run(media.Video, times, nil)}
			for _, sound := range []*mpegts.Stream{nil, run(media.Audio, every(2160, 899_000, 50), nil)} {
				s.Sound = sound
				seen := read(t, made(t, s), nil)
				require.Len(t, seen.pes[0x100], len(times))
				checkTables(t, seen)
			}
		})
	}
}

// TestDelay decodes pictures as much earlier as the epoch says, in every segment, and
// more only where they would be late.
func TestDelay(t *testing.T) {
	s := mpegts.Segment{Epoch: 1, Delay: 100 * time.Millisecond, Video: run(media.Video, every(3000, 900_000, 4), []media.Ticks{0, 6000, -3000, 0})}
	header := read(t, made(t, s), nil).pes[0x100][2].Header.OptionalHeader
	require.EqualValues(t, 903_000, header.PTS.Base)
	require.EqualValues(t, 906_000-9000, header.DTS.Base)
	s.Delay = 0
	header = read(t, made(t, s), nil).pes[0x100][2].Header.OptionalHeader
	require.EqualValues(t, 903_000, header.PTS.Base)
	require.Nil(t, header.DTS)
}

// TestNothingThere makes tables of a segment whose pictures are missing, and errs on
// what is no fragment.
func TestNothingThere(t *testing.T) {
	s := mpegts.Segment{Epoch: 1, Video: &mpegts.Stream{Track: run(media.Video, nil, nil).Track}, Sound: run(media.Audio, every(2160, 900_000, 5), nil)}
	require.Len(t, made(t, s), 32*188)
	s.Sound.Fragments = [][]byte{[]byte("no fragment")}
	_, err := s.AppendTo(nil)
	require.ErrorIs(t, err, cmaf.ErrMalformed)
	s.Sound.Fragments = nil
	require.True(t, s.Whole())
	s.Sound.Fragments = [][]byte{nil}
	require.False(t, s.Whole())
}
