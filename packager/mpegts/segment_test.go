package mpegts_test

import (
	"bytes"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/mpegts"
)

// TestSegments makes segments of what real encoders make, and reads them with go-astits,
// one by one and as they follow each other.
func TestSegments(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, sound *clip
	}{
		{"30 fps with B-frames", x264(t, "30", "-bf", "3"), aac(t)},
		{"29.97 fps", x264(t, "30000/1001", "-bf", "0"), aac(t)},
		{"25 fps", x264(t, "25", "-bf", "2"), aac(t)},
		{"24 fps, small", x264(t, "24", "-b:v", "20k"), aac(t)},
		{"60 fps", x264(t, "60", "-tune", "zerolatency"), aac(t)},
		{"8 fps", x264(t, "8", "-bf", "2"), aac(t)},
		{"2 fps", x264(t, "2"), aac(t)},
		{"no sound", x264(t, "30"), nil},
		{"sound alone", nil, aac(t)},
		{"MP3 of long frames", x264(t, "30"), sine(t, "-c:a", "libmp3lame", "-ar", "16000")},
		{"MP3 alone", nil, sine(t, "-c:a", "libmp3lame", "-ar", "44100", "-ac", "2")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before *seen
			for i, s := range cut(c.video, c.sound, second, 3) {
				b := made(t, s)
				require.Equal(t, b, made(t, s), "the same again")
				now := read(t, b, before)
				before = now
				checkTables(t, now)
				if c.video != nil {
					comparePictures(t, &s, now.pes[0x100])
					require.True(t, now.pes[0x100][0].Data[4] == 9, "segment %d begins with a delimiter", i)
				}
				if c.sound != nil {
					compareSound(t, &s, now.pes[0x101])
				}
			}
		})
	}
}

func checkTables(t *testing.T, s *seen) {
	t.Helper()
	for i := 1; i < len(s.tables); i++ {
		require.LessOrEqual(t, since(s.tables[i], s.tables[i-1]), int64(500*90))
	}
}

// read back the samples that went in.
func samplesOf(t *testing.T, s *mpegts.Stream) []media.Sample {
	t.Helper()
	c := clip{}
	for _, b := range s.Fragments {
		c.samples = append(c.samples, readFragment(t, b)...)
	}
	return c.samples
}

func comparePictures(t *testing.T, s *mpegts.Segment, units []*astits.PESData) {
	t.Helper()
	samples := samplesOf(t, s.Video)
	require.Len(t, units, len(samples))
	for i, u := range units {
		want := samples[i]
		require.EqualValues(t, want.PTS(), u.Header.OptionalHeader.PTS.Base)
		got := bytes.Split(u.Data, []byte{0, 0, 0, 1})[1:]
		require.EqualValues(t, []byte{9, 0xF0}, got[0], "a delimiter first")
		var nalus [][]byte
		for data := want.Data; len(data) > 0; {
			n := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
			nalus, data = append(nalus, data[4:4+n]), data[4+n:]
		}
		if want.Sync {
			codec := s.Video.Track.Codec.(*media.H264)
			require.Equal(t, codec.SPS, got[1])
			require.Equal(t, codec.PPS, got[2])
			got = got[2:]
		}
		require.Equal(t, nalus, got[1:], "picture %d", i)
	}
}

func compareSound(t *testing.T, s *mpegts.Segment, units []*astits.PESData) {
	t.Helper()
	samples := samplesOf(t, s.Sound)
	_, framed := s.Sound.Track.Codec.(*media.AAC)
	for i, u := range units {
		at := samples[0].PTS().Rescale(s.Sound.Track.Timescale, media.VideoClock)
		require.EqualValues(t, at, u.Header.OptionalHeader.PTS.Base)
		require.EqualValues(t, len(u.Data)+8, u.Header.PacketLength)
		for data := u.Data; len(data) > 0; samples = samples[1:] {
			require.NotEmpty(t, samples)
			want := samples[0].Data
			if framed {
				require.Equal(t, byte(0xFF), data[0])
				n := int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5])>>5
				require.Equal(t, len(want)+7, n)
				data = data[7:]
			}
			require.Equal(t, want, data[:len(want)], "sound, unit %d", i)
			data = data[len(want):]
		}
	}
	require.Empty(t, samples)
}
