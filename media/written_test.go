package media

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// writable are tracks of every codec.
func writable(t testing.TB) []Track {
	t.Helper()
	sound := func(c Codec, err error) Track {
		require.NoError(t, err)
		return Track{ID: 2, Kind: Audio, Timescale: 48_000, Codec: c, Name: "audio2", Language: "de", Label: "Ton"}
	}
	picture := func(c Codec, err error) Track {
		require.NoError(t, err)
		return Track{ID: 1, Kind: Video, Timescale: VideoClock, Codec: c}
	}
	return []Track{
		{ID: 7, Kind: Video, Timescale: VideoClock},
		picture(made(nil, func() (*H264, error) {
			return NewH264(fromHex(t, "6764000dacd941419f9f0110000003001000000303c0f1429960"), []byte{0x68, 0xeb})
		})),
		picture(made(nil, func() (*HEVC, error) {
			return NewHEVC(fromHex(t, "40010c01ffff01600000030090000003000003003cba024000"),
				fromHex(t, "42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10"), fromHex(t, "4401c173c089"))
		})),
		picture(made(nil, func() (*AV1, error) { return NewAV1(fromHex(t, "0a0b00000024c6a7dd36be4010")) })),
		picture(made(nil, func() (*VP9, error) {
			return NewVP9(fromHex(t, "824983420013f00b36063824"), VP9Hints{Level: 31, Primaries: 9})
		})),
		sound(made(nil, func() (*AAC, error) { return NewAAC([]byte{0x11, 0x90}) })),
		sound(made(nil, func() (*Opus, error) { return NewOpus(fromHex(t, opusSurround)) })),
		sound(PlainOpus(2), nil),
		sound(made(nil, func() (*FLAC, error) { return NewFLAC(fromHex(t, flacInfo)) })),
		sound(made(nil, func() (*AC3, error) { return NewAC3(fromHex(t, ac3Frame)) })),
		sound(made(nil, func() (*EAC3, error) { return NewEAC3(units(t, eac3Frame)) })),
		sound(made(nil, func() (*MP3, error) { return NewMP3(44_100, 2) })),
	}
}

func TestTracksAreWritten(t *testing.T) {
	for _, want := range writable(t) {
		b, err := json.Marshal(want)
		require.NoError(t, err)
		var got Track
		require.NoError(t, json.Unmarshal(b, &got), "%s", b)
		require.Equal(t, want, got)
		require.True(t, want.Equal(got))
	}
	_, err := json.Marshal(Track{Codec: struct{ Codec }{}})
	require.ErrorIs(t, err, errCodec)
}

func FuzzReadTrack(f *testing.F) {
	for _, track := range writable(f) {
		b, err := json.Marshal(track)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var track, again Track
		if json.Unmarshal(b, &track) != nil {
			return
		}
		if c := track.Codec; c != nil {
			_, _ = c.Name(), c.RFC6381()
		}
		written, err := json.Marshal(track)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(written, &again), "%s", written)
		require.True(t, track.Equal(again))
	})
}
