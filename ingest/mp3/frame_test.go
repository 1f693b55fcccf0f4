package mp3_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/mp3"
	"sluice/media"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name   string
		header string
		want   mp3.Header
	}{
		{"MPEG-1 128k joint stereo", "\xff\xfb\x90\x64", mp3.Header{SampleRate: 44_100, Channels: 2, BitRate: 128_000, Size: 417}},
		{"with padding", "\xff\xfb\x92\x64", mp3.Header{SampleRate: 44_100, Channels: 2, BitRate: 128_000, Size: 418}},
		{"with CRC, 48 kHz mono", "\xff\xfa\x94\xc4", mp3.Header{SampleRate: 48_000, Channels: 1, BitRate: 128_000, Size: 384}},
		{"the largest", "\xff\xfb\xea\x00", mp3.Header{SampleRate: 32_000, Channels: 2, BitRate: 320_000, Size: 1441}},
		{"MPEG-2 64k", "\xff\xf3\x84\x00", mp3.Header{SampleRate: 24_000, Channels: 2, BitRate: 64_000, Size: 192}},
		{"MPEG-2 22.05 kHz dual channel", "\xff\xf3\x80\x80", mp3.Header{SampleRate: 22_050, Channels: 2, BitRate: 64_000, Size: 208}},
		{"MPEG-2.5 8 kHz", "\xff\xe3\x18\xc0", mp3.Header{SampleRate: 8_000, Channels: 1, BitRate: 8_000, Size: 72}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mp3.Parse([]byte(c.header))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	for name, header := range map[string]string{
		"nothing": "", "three bytes": "\xff\xfb\x90", "no sync": "\xff\x1b\x90\x64", "ID3": "ID3\x04", "reserved version": "\xff\xeb\x90\x64",
		"layer II": "\xff\xfd\x90\x64", "layer I": "\xff\xff\x90\x64", "AAC in ADTS": "\xff\xf1\x50\x80",
		"free format": "\xff\xfb\x00\x64", "bad bit rate": "\xff\xfb\xf0\x64", "reserved sample rate": "\xff\xfb\x9c\x64",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mp3.Parse([]byte(header))
			require.ErrorIs(t, err, mp3.ErrMalformed)
		})
	}
}

func TestCut(t *testing.T) {
	frame := append([]byte("\xff\xe3\x18\xc0"), make([]byte, 68)...)
	two := append(append([]byte(nil), frame...), frame...)
	h, first, rest, err := mp3.Cut(two)
	require.NoError(t, err)
	require.Equal(t, 72, h.Size)
	require.Equal(t, frame, first)
	require.Equal(t, frame, rest)
	for n := range len(frame) {
		_, got, rest, err := mp3.Cut(frame[:n])
		require.ErrorIs(t, err, mp3.ErrMalformed)
		require.Nil(t, got)
		require.Len(t, rest, n)
	}
}

// Whatever has a header is a codec, and a frame is within its bytes.
func FuzzCut(f *testing.F) {
	f.Add([]byte("\xff\xe3\x18\xc0 and more"))
	f.Add(append([]byte("\xff\xfb\x92\x64"), make([]byte, 900)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			h, frame, rest, err := mp3.Cut(b)
			if err != nil {
				require.ErrorIs(t, err, mp3.ErrMalformed)
				return
			}
			require.Equal(t, h.Size, len(frame))
			require.Equal(t, len(b), len(frame)+len(rest))
			require.GreaterOrEqual(t, len(frame), 24)
			_, err = media.NewMP3(h.SampleRate, h.Channels)
			require.NoError(t, err)
			again, err := mp3.Parse(frame)
			require.NoError(t, err)
			require.Equal(t, h, again)
			b = rest
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	frame := append([]byte("\xff\xfb\x90\x64"), make([]byte, 413)...)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _, _, err := mp3.Cut(frame)
		require.NoError(t, err)
	}))
}
