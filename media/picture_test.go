package media

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// The parameter sets are x265's.
func TestHEVCParameters(t *testing.T) {
	for _, c := range []struct {
		name, vps, sps, pps string
		rfc6381             string
		format              Format
	}{
		{
			"main, cropped, anamorphic",
			"40010c01ffff01600000030090000003000003005a959409",
			"42010101600000030090000003000003005aa006b201e1c9596565b930bc39a02000007d20000ea601", "4401c173c189",
			"hvc1.1.6.L90.90", Format{850, 478, 4, 3, 30000. / 1001, Chroma420, 8},
		},
		{
			"main 10",
			"40010c01ffff02200000030090000003000003005a959409",
			"42010102200000030090000003000003005aa006b201e1c94d96565b930bc39a02000007d20000ea6010", "4401c173c189",
			"hvc1.2.4.L90.90", Format{850, 478, 4, 3, 30000. / 1001, Chroma420, 10},
		},
		{
			"range extensions",
			"40010c01ffff0408000003009e0800000300005a959409",
			"4201010408000003009e0800000300005a9000d6403c39ef2cacb7261787340400000fa40001d4c020", "44017318301890",
			"hvc1.4.10.L90.9E.8", Format{850, 478, 4, 3, 30000. / 1001, Chroma444, 8},
		},
		{
			"small",
			"40010c01ffff01600000030090000003000003003cba024000",
			"42010101600000030090000003000003003ca0080809165bab930bc05a020000030002000003003c10", "4401c173c089",
			"hvc1.1.6.L60.90", Format{256, 144, 1, 1, 30, Chroma420, 8},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			vps, sps, pps := fromHex(t, c.vps), fromHex(t, c.sps), fromHex(t, c.pps)
			got, err := NewHEVC(vps, sps, pps)
			require.NoError(t, err)
			require.Equal(t, c.format, got.Format())
			require.Equal(t, c.rfc6381, got.RFC6381())
			same, err := NewHEVC(vps, sps, pps)
			require.NoError(t, err)
			require.True(t, got.Equal(same))
			other, err := NewHEVC(vps, sps, append(fromHex(t, c.pps), 1))
			require.NoError(t, err)
			require.False(t, got.Equal(other))
			require.False(t, got.Equal(&H264{}))
			for n := range sps {
				_, _ = NewHEVC(vps, sps[:n:n], pps) // no panic
			}
		})
	}
	_, err := NewHEVC([]byte{0x40, 1}, []byte{0x42, 1}, []byte{0x44, 1})
	require.Error(t, err)
	_, err = NewHEVC(nil, []byte{0x42, 1}, []byte{0x44, 1})
	require.Error(t, err)
}

// A profile of a tier, a space and flags that nobody uses today.
func TestHEVCNames(t *testing.T) {
	for name, c := range map[string]*HEVC{
		"hvc1.A4.41.H120.B0.23": {General: [generalSize]byte{0x64, 0x82, 0, 0, 0, 0xB0, 0x23, 0, 0, 0, 0, 120}},
		"hvc1.1.6.L93":          {General: [generalSize]byte{0x01, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 93}},
		"hvc1.1.6.L93.0.0.1":    {General: [generalSize]byte{0x01, 0x60, 0, 0, 0, 0, 0, 1, 0, 0, 0, 93}},
	} {
		require.Equal(t, name, c.RFC6381())
	}
}

// The sequence headers are libaom's.
func TestAV1Parameters(t *testing.T) {
	for _, c := range []struct {
		name, sequence, rfc6381 string
		format                  Format
	}{
		{"4:2:0", "0a0b00000024c6a7dd36be4010", "av01.0.04M.08", Format{852, 478, 1, 1, 0, Chroma420, 8}},
		{"10 bits", "0a0b00000024c6a7dd36be5010", "av01.0.04M.10", Format{852, 478, 1, 1, 0, Chroma420, 10}},
		{"4:4:4", "0a0b20000024c6a9de36be4080", "av01.1.04M.08.0.000.01.01.01.0", Format{853, 479, 1, 1, 0, Chroma444, 8}},
		{"small", "0a0b00000003bffc79b5f20080", "av01.0.00M.08", Format{256, 144, 1, 1, 0, Chroma420, 8}},
		{"HDR's colours, full range", "0a0e00000024c6a7dd36be5424402610", "av01.0.04M.10.0.110.09.16.09.1", Format{852, 478, 1, 1, 0, Chroma420, 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sequence := fromHex(t, c.sequence)
			got, err := NewAV1(sequence)
			require.NoError(t, err)
			require.Equal(t, c.format, got.Format())
			require.Equal(t, c.rfc6381, got.RFC6381())
			same, err := NewAV1(sequence)
			require.NoError(t, err)
			require.True(t, got.Equal(same))
			require.False(t, got.Equal(&H264{}))
			for n := range sequence {
				_, err := NewAV1(sequence[:n:n])
				require.Error(t, err)
			}
		})
	}
	for _, bad := range []string{"", "12000000", "080b00000003bffc79b5f20080", "0a0ae000000000000000000000"} {
		_, err := NewAV1(fromHex(t, bad))
		require.Error(t, err, bad)
	}
}

func FuzzPictures(f *testing.F) {
	f.Add(fromHex(f, "42010101600000030090000003000003005aa006b201e1c9596565b930bc39a02000007d20000ea601"))
	f.Add(fromHex(f, "0a0b00000024c6a7dd36be4010"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var made []Picture
		if c, err := NewHEVC([]byte{0x40, 1}, b, []byte{0x44, 1}); err == nil {
			made = append(made, c)
		}
		if c, err := NewAV1(b); err == nil {
			made = append(made, c)
		}
		for _, c := range made {
			p := c.Format()
			require.Positive(t, p.Width)
			require.Positive(t, p.Height)
			require.Positive(t, p.SARHeight)
			require.NotEmpty(t, p.Chroma)
			require.Positive(t, p.BitDepth)
			require.GreaterOrEqual(t, p.FrameRate, 0.)
			require.Regexp(t, `^(hvc1\.[ABC]?\d+\.[0-9A-F]+\.[LH]\d+(\.[0-9A-F]+){0,6}|av01\.[012]\.\d\d[MH]\.(08|10|12)(\.[01]\.[01][01][0-3](\.\d{2,3}){3}\.[01])?)$`, c.RFC6381())
		}
	})
}
