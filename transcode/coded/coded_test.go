package coded_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/annexb"
	"sluice/transcode/coded"
	"sluice/transcode/obu"
	"sluice/transcode/rung"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

var codecs = []struct {
	codec            rung.Codec
	name             string
	sets, otherSets  string // of a keyframe, as encoders write them
	broken           string // likewise, in vain
	key, rest        string
	sample, restData string // what samples hold
	malformed        error
}{
	{
		rung.H264, "avc1.64000d",
		"000000016764000dacd941419f9f0110000003001000000303c0f1429960" + "0000000168ebe3cb",
		"000000016764000dacd941419f9f0110000003001000000303c0f1429960" + "0000000168ebe3cc",
		"0000000167640000" + "0000000168ebe3cb",
		"00000165b804", "0000000141b804", "0000000365b804", "0000000341b804", annexb.ErrMalformed,
	},
	{
		rung.HEVC, "hvc1.1.6.L60.90",
		"0000000140010c01ffff01600000030090000003000003003cba0240" + "0000000142010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10" + "000000014401c173c089",
		"0000000140010c01ffff01600000030090000003000003003cba0240" + "0000000142010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10" + "000000014401c173c189",
		"0000000140010c" + "00000001420101" + "000000014401c1",
		"0000012801ac", "000000010201ac", "000000032801ac", "000000030201ac", annexb.ErrMalformed,
	},
	{
		rung.AV1, "av01.0.00M.08",
		"12000a0b00000003bffc79b5f20080", "12000a0b00000003bffc79b5f20180", "12000a020000",
		"320310ac00", "1200320330ac00", "0a0b00000003bffc79b5f20080" + "320310ac00", "320330ac00", obu.ErrMalformed,
	},
}

func TestUnpack(t *testing.T) {
	for _, c := range codecs {
		t.Run(string(c.codec), func(t *testing.T) {
			data, none, err := coded.Unpack(c.codec, unhex(t, c.rest), nil)
			require.NoError(t, err)
			require.Nil(t, none, "nothing describes it")
			require.Equal(t, c.restData, hex.EncodeToString(data))

			packet := unhex(t, c.sets+c.key)
			data, first, err := coded.Unpack(c.codec, packet, nil)
			require.NoError(t, err)
			clear(packet) // nothing refers to it
			require.Equal(t, c.sample, hex.EncodeToString(data))
			require.Equal(t, c.name, first.RFC6381())
			require.Positive(t, first.(media.Picture).Format().Width)

			_, same, err := coded.Unpack(c.codec, unhex(t, c.sets+c.key), first)
			require.NoError(t, err)
			require.Same(t, first, same)
			_, same, err = coded.Unpack(c.codec, unhex(t, c.rest), first)
			require.NoError(t, err)
			require.Same(t, first, same)
			_, other, err := coded.Unpack(c.codec, unhex(t, c.otherSets+c.key), first)
			require.NoError(t, err)
			require.False(t, first.Equal(other))

			_, same, err = coded.Unpack(c.codec, unhex(t, c.broken+c.key), first)
			require.Error(t, err)
			require.Same(t, first, same)
			_, _, err = coded.Unpack(c.codec, []byte("neither"), first)
			require.ErrorIs(t, err, c.malformed)
		})
	}
	_, _, err := coded.Unpack("mpeg2", nil, nil)
	require.Error(t, err)
}

// A packet costs its data and nothing else, where the parameter sets are known.
func TestAllocations(t *testing.T) {
	for _, c := range codecs {
		packet := unhex(t, c.sets+c.key)
		_, codec, err := coded.Unpack(c.codec, packet, nil)
		require.NoError(t, err)
		got := testing.AllocsPerRun(100, func() {
			_, _, err := coded.Unpack(c.codec, packet, codec)
			require.NoError(t, err)
		})
		require.LessOrEqual(t, got, 2., "%s: data, and what the codec is compared with", c.codec)
	}
}
