package media

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// What libopus, FLAC's encoder of FFmpeg and its AC-3 encoders begin streams with.
const (
	opusStereo   = "4f707573486561640102380180bb0000000000"
	opusSurround = "4f7075734865616401063801" + "80bb0000" + "0000" + "01" + "0402" + "000401020305"
	flacInfo     = "1200120000025800051b0bb802f00000bb80a316b305f13b13fe767b3d0d068f95bc"
	ac3Frame     = "0b77fe95144043e106f46370"
	eac3Frame    = "0b77017f3487c000"
)

// units pads a syncframe of E-AC-3 to the size that it says.
func units(t testing.TB, frames ...string) (all []byte) {
	for _, f := range frames {
		b := unhexed(t, f)
		size := (int(b[2]&7)<<8 | int(b[3]) + 1) * 2
		all = append(append(all, b...), make([]byte, size-len(b))...)
	}
	return all
}

func TestOpus(t *testing.T) {
	c, err := NewOpus(unhexed(t, opusStereo))
	require.NoError(t, err)
	require.Equal(t, &Opus{Channels: 2, PreSkip: 312, InputRate: 48_000}, c)
	require.Equal(t, "opus", c.RFC6381())
	require.EqualValues(t, 960, c.FrameLength())
	require.True(t, c.Equal(c))
	require.False(t, c.Equal(PlainOpus(2)))
	require.Equal(t, 1, PlainOpus(0).Channels)
	for n := 3; n <= 9; n++ {
		c := PlainOpus(n)
		require.Equal(t, min(n, 8), c.Channels)
		require.Len(t, c.Mapping, c.Channels)
		require.EqualValues(t, c.Channels, c.Streams+c.Coupled)
	}

	surround, err := NewOpus(unhexed(t, opusSurround))
	require.NoError(t, err)
	require.Equal(t, &Opus{
		Channels: 6, PreSkip: 312, InputRate: 48_000, Family: 1, Streams: 4, Coupled: 2, Mapping: []byte{0, 4, 1, 2, 3, 5},
	}, surround)
	rate, channels := surround.Output()
	require.Equal(t, []int{48_000, 6}, []int{rate, channels})
	require.False(t, c.Equal(surround))
	plain := *PlainOpus(6)
	plain.PreSkip = 312
	require.True(t, surround.Equal(&plain))

	for name, head := range map[string]string{
		"nothing": "", "cut off": opusStereo[:36], "no magic": "4f" + opusStereo, "version": opusStereo[:16] + "10" + opusStereo[18:],
		"no channels": opusStereo[:18] + "00" + opusStereo[20:], "three of family 0": opusStereo[:18] + "03" + opusStereo[20:],
		"mapping cut off": opusSurround[:len(opusSurround)-2], "more coupled than streams": opusSurround[:40] + "05" + opusSurround[42:],
	} {
		_, err := NewOpus(unhexed(t, head))
		require.Error(t, err, name)
	}
}

func TestOpusPackets(t *testing.T) {
	for packet, want := range map[string]Ticks{
		"\x00":     480,     // SILK, 10 ms
		"\x18":     2880,    // 60 ms
		"\xe0":     120,     // CELT, 2.5 ms
		"\xf8":     960,     // 20 ms
		"\xf9":     2 * 960, // two of them
		"\xfb\x03": 3 * 960, // as many as the second byte says
		"\xfb\x86": 5760,    // padded, and as long as may be
		"\xfb\x07": 0,       // longer than that
		"\xfb\x00": 0,
		"\xfb":     0,
		"":         0,
	} {
		require.Equal(t, want, PlainOpus(2).PacketLength([]byte(packet)), "%x", packet)
	}
}

func TestFLAC(t *testing.T) {
	for _, form := range []string{flacInfo, "664c6143" + flacInfo, "664c614300000022" + flacInfo, "664c614380000022" + flacInfo, "80000022" + flacInfo} {
		c, err := NewFLAC(unhexed(t, form))
		require.NoError(t, err)
		require.Equal(t, flacInfo, hex.EncodeToString(c.StreamInfo))
		require.Equal(t, "fLaC", c.RFC6381())
		require.Equal(t, 48_000, c.SampleRate())
		require.EqualValues(t, 4608, c.FrameLength())
		rate, channels := c.Output()
		require.Equal(t, []int{48_000, 2}, []int{rate, channels})
		require.Equal(t, 16, c.BitDepth())
		require.True(t, c.Equal(c))
	}
	for _, bad := range []string{"", "664c6143", flacInfo[:60], "00000000" + flacInfo[8:]} {
		_, err := NewFLAC(unhexed(t, bad))
		require.Error(t, err, bad)
	}
}

func TestFLACFrames(t *testing.T) {
	var c FLAC
	for frame, want := range map[string]Ticks{
		"fff8c9a800":               4096,
		"fff8199800":               192,
		"fff8299800":               576,
		"fff8599800":               4608,
		"fff8f99800":               32768,
		"fff86998000fc0":           16,  // eight bits behind a number of one byte
		"fff87998c280023ff0":       576, // sixteen behind one of two
		"fff97998fe80808080808001": 0,   // cut off
		"fff8099800":               0,   // reserved
		"fff8c9a8":                 0,
		"ffe8c9a800":               0,
		"":                         0,
	} {
		require.Equal(t, want, c.BlockLength(unhexed(t, frame)), frame)
	}
}

func TestAC3(t *testing.T) {
	c, err := NewAC3(unhexed(t, ac3Frame))
	require.NoError(t, err)
	require.Equal(t, &AC3{BitStreamID: 8, Channels: 2, BitRateCode: 10, rate: 48_000, channelsCount: 2}, c)
	require.Equal(t, "ac-3", c.RFC6381())
	require.EqualValues(t, 1536, c.FrameLength())
	require.True(t, c.Equal(c))
	other := *c
	other.BitRateCode++
	require.False(t, c.Equal(&other))
	for _, bad := range []string{"", ac3Frame[:8], "0b78" + ac3Frame[4:], eac3Frame} {
		_, err := NewAC3(unhexed(t, bad))
		require.Error(t, err, bad)
	}
}

func TestEAC3(t *testing.T) {
	c, err := NewEAC3(units(t, eac3Frame))
	require.NoError(t, err)
	require.Equal(t, "ec-3", c.RFC6381())
	require.EqualValues(t, 1536, c.FrameLength())
	rate, channels := c.Output()
	require.Equal(t, []int{48_000, 2}, []int{rate, channels})
	require.EqualValues(t, 192, c.Kilobits)

	// Six of one block are one access unit of the same length.
	block := "0b77001f0487c000"
	six, err := NewEAC3(units(t, block, block, block, block, block, block))
	require.NoError(t, err)
	require.EqualValues(t, 1536, six.FrameLength())
	require.True(t, c.Equal(six), "%+v %+v", c, six)

	// 3/2 and LFE, and a substream that adds Lrs/Rrs: bit 6 of its chanmap.
	surround, err := NewEAC3(units(t, "0b77017f3f87c000", "0b77417f3487d020"))
	require.NoError(t, err)
	_, channels = surround.Output()
	require.Equal(t, 8, channels)
	require.EqualValues(t, 1, surround.Dependent)
	require.EqualValues(t, 2, surround.Places)
	require.False(t, surround.Equal(c))

	for name, unit := range map[string][]byte{
		"nothing": nil, "cut off": units(t, eac3Frame)[:100], "AC-3": unhexed(t, ac3Frame), "dependent only": units(t, "0b77417f3587c000"),
	} {
		_, err := NewEAC3(unit)
		require.Error(t, err, name)
	}
}

func TestVP9(t *testing.T) {
	key := unhexed(t, "824983420013f00b36063824")
	c, err := NewVP9(key, VP9Hints{})
	require.NoError(t, err)
	require.Equal(t, "vp09.00.11.08", c.RFC6381())
	require.Equal(t, Format{Width: 320, Height: 180, SARWidth: 1, SARHeight: 1, Chroma: Chroma420, BitDepth: 8}, c.Format())
	require.True(t, VP9Sync(key))
	require.True(t, c.Equal(c))

	hdr, err := NewVP9(key, VP9Hints{Level: 31, Primaries: 9, Transfer: 16, Matrix: 9})
	require.NoError(t, err)
	require.Equal(t, "vp09.00.31.08.01.09.16.09.00", hdr.RFC6381())
	require.False(t, c.Equal(hdr))

	for _, frame := range []string{"", "86", "8249834200", "88", "00"} {
		require.False(t, frame != "8249834200" && VP9Sync(unhexed(t, frame)), frame)
		_, err := NewVP9(unhexed(t, frame), VP9Hints{})
		require.Error(t, err, frame)
	}
}

// Whatever comes, nothing panics, and what is a codec has sane numbers.
func FuzzSoundConfigurations(f *testing.F) {
	for _, s := range []string{opusStereo, opusSurround, flacInfo, ac3Frame} {
		f.Add(unhexed(f, s))
	}
	f.Add(units(f, eac3Frame, "0b77417f3487d020"))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(s Sound, err error) {
			if err == nil && (s.SampleRate() <= 0 || s.FrameLength() <= 0 || s.FrameLength() > 1<<16 || !s.Equal(s)) {
				t.Fatalf("%+v", s)
			}
		}
		opus, err := NewOpus(b)
		check(opus, err)
		flac, err := NewFLAC(b)
		check(flac, err)
		ac3, err := NewAC3(b)
		check(ac3, err)
		eac3, err := NewEAC3(b)
		check(eac3, err)
		if n := PlainOpus(2).PacketLength(b); n < 0 || n > opusLongest {
			t.Fatal(n)
		}
		if n := new(FLAC).BlockLength(b); n < 0 || n > 1<<16 {
			t.Fatal(n)
		}
		if c, err := NewVP9(b, VP9Hints{}); err == nil && c.Format().check("vp9") != nil {
			t.Fatalf("%+v", c)
		}
	})
}
