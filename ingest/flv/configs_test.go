package flv

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/stretchr/testify/require"
)

var (
	hevcVPS = []byte{0x40, 0x01, 0x0c, 0x01}
	hevcSPS = []byte{
		0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xa0,
		0x02, 0x80, 0x80, 0x2d, 0x16, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0x80, 0x40, 0x00, 0x00, 0xfa, 0x40, 0x00, 0x17, 0x70, 0x02,
	}
	hevcPPS = []byte{0x44, 0x01, 0xc1, 0x72}
)

// hvcC is a record as x265 makes it.
func hvcC() []byte {
	return append([]byte{
		1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 3,
	}, "\xa0\x00\x01\x00\x04"+string(hevcVPS)+"\xa1\x00\x01\x00"+string(rune(len(hevcSPS)))+string(hevcSPS)+"\xa2\x00\x01\x00\x04"+string(hevcPPS)...)
}

func TestHEVCConfig(t *testing.T) {
	wire := hvcC()
	c, err := ParseHEVCConfig(wire)
	require.NoError(t, err)
	require.Equal(t, HEVCConfig{[12]byte(wire[1:]), 4, [][]byte{hevcVPS}, [][]byte{hevcSPS}, [][]byte{hevcPPS}, nil}, c)
	theirs, err := hevc.DecodeHEVCDecConfRec(wire)
	require.NoError(t, err)
	require.Equal(t, [][]byte{hevcSPS}, theirs.GetNalusForType(hevc.NALU_SPS))
	for i := range wire {
		_, err := ParseHEVCConfig(wire[:i])
		require.ErrorIs(t, err, ErrMalformed, "cut at %d", i)
		require.False(t, IsHEVCConfig(wire[:i]))
	}
	require.True(t, IsHEVCConfig(wire))
	require.False(t, IsHEVCConfig(record()))
	_, err = ParseAVCConfig(wire)
	require.ErrorIs(t, err, ErrMalformed, "OBS before 29.1 called it AVC's")

	again, err := ParseHEVCConfig(c.AppendTo(nil))
	require.NoError(t, err)
	require.Equal(t, c, again)
}

func TestHEVCConfigMalformed(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"version":             func(b []byte) { b[0] = 2 },
		"length size 3":       func(b []byte) { b[21] = b[21]&^3 | 2 },
		"no arrays":           func(b []byte) { b[22] = 0 },
		"two arrays":          func(b []byte) { b[22] = 2 },
		"SPS called PPS":      func(b []byte) { b[hevcFixed+9] = 0xa2 },
		"more sets than come": func(b []byte) { b[hevcFixed+2] = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			wire := hvcC()
			change(wire)
			_, err := ParseHEVCConfig(wire)
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

// FuzzHEVCConfig: whatever is parsed writes to what parses the same.
func FuzzHEVCConfig(f *testing.F) {
	f.Add(hvcC())
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := ParseHEVCConfig(in)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		again, err := ParseHEVCConfig(c.AppendTo(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func TestAV1Config(t *testing.T) {
	const obu = "\x0a\x0b\x00\x00\x00\x42\xab\xbf\xc3\x70\x0b\xe0\x01"
	c, err := ParseAV1Config([]byte("\x81\x08\x0c\x00" + obu))
	require.NoError(t, err)
	require.Equal(t, obu, string(c.OBUs))
	c, err = ParseAV1Config([]byte("\x81\x08\x0c\x00"))
	require.NoError(t, err)
	require.Empty(t, c.OBUs)
	for _, wire := range []string{"", "\x81\x08\x0c", "\x01\x08\x0c\x00", "\x82\x08\x0c\x00"} {
		_, err := ParseAV1Config([]byte(wire))
		require.ErrorIs(t, err, ErrMalformed)
	}
}

func FuzzAV1Config(f *testing.F) {
	f.Add([]byte("\x81\x08\x0c\x00\x0a\x0b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if c, err := ParseAV1Config(in); err == nil {
			require.True(t, bytes.HasSuffix(in, c.OBUs))
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
	})
}

func TestVP9Config(t *testing.T) {
	want := VP9Config{Profile: 2, Level: 31, BitDepth: 10, Chroma: 1, FullRange: true, Primaries: 9, Transfer: 16, Matrix: 9}
	wire := []byte("\x01\x00\x00\x00\x02\x1f\xa3\x09\x10\x09\x00\x00")
	for _, b := range [][]byte{wire, wire[4:]} { // as a box has it, and without what is the box's
		got, err := ParseVP9Config(b)
		require.NoError(t, err)
		require.Equal(t, want, got)
		for n := range 8 {
			_, err := ParseVP9Config(b[:n])
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
	require.Equal(t, wire, want.AppendTo(nil))
	_, err := ParseVP9Config([]byte("\x04\x1f\xa3\x09\x10\x09\x00\x00"))
	require.ErrorIs(t, err, ErrMalformed)
}

func FuzzVP9Config(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02\x1f\xa3\x09\x10\x09\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := ParseVP9Config(in)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		again, err := ParseVP9Config(c.AppendTo(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
