package flv

import (
	"bytes"
	"errors"
	"testing"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/stretchr/testify/require"
)

var (
	sps = []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8}
	pps = []byte{0x68, 0xce, 0x38, 0x80}
)

// record is an AVC decoder configuration record as x264 makes it.
func record() []byte {
	return AVCConfig{Profile: 0x42, Compatibility: 0xc0, Level: 0x1e, LengthSize: 4, SPS: [][]byte{sps}, PPS: [][]byte{pps}}.AppendTo(nil)
}

func TestAVCConfig(t *testing.T) {
	for name, want := range map[string]AVCConfig{
		"usual":                  {66, 0xc0, 30, 4, [][]byte{sps}, [][]byte{pps}, []byte{}},
		"lengths of one byte":    {66, 0xc0, 30, 1, [][]byte{sps}, [][]byte{pps}, []byte{}},
		"lengths of two bytes":   {66, 0xc0, 30, 2, [][]byte{sps}, [][]byte{pps}, []byte{}},
		"several":                {66, 0xc0, 30, 4, [][]byte{sps, append(bytes.Clone(sps), 1)}, [][]byte{pps, pps, pps}, []byte{}},
		"High's extension":       {100, 0, 40, 4, [][]byte{sps}, [][]byte{pps}, []byte{0xfd, 0xf8, 0xf8, 0}},
		"High without extension": {100, 0, 40, 4, [][]byte{sps}, [][]byte{pps}, []byte{}},
		"garbage after the end":  {66, 0xc0, 30, 4, [][]byte{sps}, [][]byte{pps}, []byte("garbage")},
	} {
		t.Run(name, func(t *testing.T) {
			wire := want.AppendTo(nil)
			got, err := ParseAVCConfig(wire)
			require.NoError(t, err)
			require.Equal(t, want, got)
			for n := range len(wire) - len(want.Rest) {
				_, err := ParseAVCConfig(wire[:n])
				require.ErrorIs(t, err, ErrMalformed, "cut at %d", n)
			}
		})
	}
}

func TestAVCConfigSecondOpinion(t *testing.T) {
	theirs, err := avc.DecodeAVCDecConfRec(record())
	require.NoError(t, err)
	require.Equal(t, [][]byte{sps}, theirs.SPSnalus)
	require.Equal(t, [][]byte{pps}, theirs.PPSnalus)
	require.EqualValues(t, 66, theirs.AVCProfileIndication)

	var buf bytes.Buffer
	require.NoError(t, theirs.Encode(&buf))
	require.Equal(t, record(), buf.Bytes())
}

func TestAVCConfigReservedBitsDoNotMatter(t *testing.T) {
	wire := record()
	wire[4] &= 0x03
	wire[5] &= 0x1f
	got, err := ParseAVCConfig(wire)
	require.NoError(t, err)
	require.Equal(t, [][]byte{sps}, got.SPS)
}

func TestAVCConfigMalformed(t *testing.T) {
	valid := AVCConfig{66, 0, 30, 4, [][]byte{sps}, [][]byte{pps}, nil}
	for name, change := range map[string]func(*AVCConfig){
		"length size 3": func(c *AVCConfig) { c.LengthSize = 3 },
		"no SPS":        func(c *AVCConfig) { c.SPS = nil },
		"no PPS":        func(c *AVCConfig) { c.PPS = nil },
		"empty SPS":     func(c *AVCConfig) { c.SPS = [][]byte{{}} },
		"PPS for SPS":   func(c *AVCConfig) { c.SPS = c.PPS },
	} {
		t.Run(name, func(t *testing.T) {
			c := valid
			change(&c)
			_, err := ParseAVCConfig(c.AppendTo(nil))
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
	wire := valid.AppendTo(nil)
	wire[0] = 2
	_, err := ParseAVCConfig(wire)
	require.ErrorIs(t, err, ErrMalformed)
}

// FuzzAVCConfig: whatever is parsed writes to the same but for reserved bits.
func FuzzAVCConfig(f *testing.F) {
	f.Add(record())
	f.Add(append(record(), 0xfd, 0xf8, 0xf8, 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := ParseAVCConfig(in)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		out := c.AppendTo(nil)
		in[4] |= 0xfc
		in[5] |= 0xe0
		if !bytes.Equal(in, out) {
			t.Fatalf("% x became % x", in, out)
		}
	})
}
