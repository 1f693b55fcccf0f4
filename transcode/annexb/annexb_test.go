package annexb_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/annexb"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		want []string
	}{
		{"none", "", nil},
		{"no start code", "\x65\x88", nil},
		{"one of three bytes", "\x00\x00\x01\x65\x88", []string{"\x65\x88"}},
		{"one of four", "\x00\x00\x00\x01\x65\x88", []string{"\x65\x88"}},
		{"both", "\x00\x00\x00\x01\x67\x64\x00\x00\x01\x68\xef\x00\x00\x00\x01\x65\x88", []string{"\x67\x64", "\x68\xef", "\x65\x88"}},
		{"zeros before and behind", "\x00\x00\x00\x00\x00\x01\x65\x88\x00\x00\x00\x00\x00\x01\x41\x00\x00", []string{"\x65\x88", "\x41"}},
		{"empty ones", "\x00\x00\x01\x00\x00\x01\x65\x00\x00\x01", []string{"\x65"}},
		{"emulation prevented", "\x00\x00\x01\x65\x00\x00\x03\x01", []string{"\x65\x00\x00\x03\x01"}},
		{"something before", "\xff\x00\x00\x01\x65", []string{"\x65"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, unit := range annexb.Split([]byte(c.in)) {
				got = append(got, string(unit))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestUnitsCanBeLeft(t *testing.T) {
	for unit := range annexb.Units([]byte("\x00\x00\x01\x67\x00\x00\x01\x68")) {
		require.Equal(t, []byte{0x67}, unit)
		break
	}
}

func TestAppendLengthPrefixed(t *testing.T) {
	const (
		aud, sps, pps = "\x00\x00\x00\x01\x09\x10", "\x00\x00\x00\x01\x67\x64\x00\x28", "\x00\x00\x00\x01\x68\xef"
		sei, idr      = "\x00\x00\x01\x06\x05\x80", "\x00\x00\x01\x65\x88\x84"
	)
	const picture = "\x00\x00\x00\x03\x65\x88\x84"
	for _, c := range []struct {
		name, in, want, sps, pps string
	}{
		{"keyframe", aud + sps + pps + sei + idr, "\x00\x00\x00\x03\x06\x05\x80" + picture, "\x67\x64\x00\x28", "\x68\xef"},
		{"slices", idr + "\x00\x00\x01\x65\x01", picture + "\x00\x00\x00\x02\x65\x01", "", ""},
		{"parameter sets twice", sps + pps + sps + pps + idr, picture, "\x67\x64\x00\x28", "\x68\xef"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, sps, pps, err := annexb.AppendLengthPrefixed([]byte("dst"), []byte(c.in))
			require.NoError(t, err)
			require.Equal(t, "dst"+c.want, string(got))
			require.Equal(t, c.sps, string(sps))
			require.Equal(t, c.pps, string(pps))
		})
	}
	for name, in := range map[string]string{
		"nothing":           "",
		"zeros":             "\x00\x00\x00\x00",
		"no start code":     "\x65\x88\x84",
		"something before":  "\xff" + idr,
		"half a start code": "\x00\x01\x65\x00\x00\x01\x65",
		"no picture":        aud + sps + pps,
		"two of a kind":     sps + pps + "\x00\x00\x01\x68\xee" + idr,
		"only a start code": "\x00\x00\x01",
		"two SPS":           sps + "\x00\x00\x01\x67\x64\x00\x29" + pps + idr,
	} {
		t.Run(name, func(t *testing.T) {
			got, sps, pps, err := annexb.AppendLengthPrefixed([]byte("dst"), []byte(in))
			require.ErrorIs(t, err, annexb.ErrMalformed)
			require.Equal(t, "dst", string(got))
			require.Nil(t, sps)
			require.Nil(t, pps)
		})
	}
}

func TestAppendLengthPrefixedHEVC(t *testing.T) {
	const (
		aud, vps = "\x00\x00\x00\x01\x46\x01\x10", "\x00\x00\x00\x01\x40\x01\x0c"
		sps, pps = "\x00\x00\x00\x01\x42\x01\x01", "\x00\x00\x00\x01\x44\x01\xc1"
		sei, idr = "\x00\x00\x01\x4e\x01\x80", "\x00\x00\x01\x28\x01\xac"
		// Types 7 and 9 of H.264 are pictures here.
		radl = "\x00\x00\x01\x0e\x01\xac\x00\x00\x01\x12\x01\xac"
	)
	const picture = "\x00\x00\x00\x03\x28\x01\xac"
	for _, c := range []struct {
		name, in, want, vps, sps, pps string
	}{
		{"keyframe", aud + vps + sps + pps + sei + idr, "\x00\x00\x00\x03\x4e\x01\x80" + picture, "\x40\x01\x0c", "\x42\x01\x01", "\x44\x01\xc1"},
		{"slices", idr + radl, picture + "\x00\x00\x00\x03\x0e\x01\xac\x00\x00\x00\x03\x12\x01\xac", "", "", ""},
		{"parameter sets twice", vps + sps + pps + vps + sps + pps + idr, picture, "\x40\x01\x0c", "\x42\x01\x01", "\x44\x01\xc1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, vps, sps, pps, err := annexb.AppendLengthPrefixedHEVC([]byte("dst"), []byte(c.in))
			require.NoError(t, err)
			require.Equal(t, "dst"+c.want, string(got))
			require.Equal(t, []string{c.vps, c.sps, c.pps}, []string{string(vps), string(sps), string(pps)})
		})
	}
	for name, in := range map[string]string{
		"nothing":       "",
		"no start code": "\x28\x01\xac",
		"no picture":    aud + vps + sps + pps,
		"two VPS":       vps + "\x00\x00\x01\x40\x01\x0d" + sps + pps + idr,
		"two PPS":       vps + sps + pps + "\x00\x00\x01\x44\x01\xc2" + idr,
	} {
		t.Run(name, func(t *testing.T) {
			got, vps, sps, pps, err := annexb.AppendLengthPrefixedHEVC([]byte("dst"), []byte(in))
			require.ErrorIs(t, err, annexb.ErrMalformed)
			require.Equal(t, "dst", string(got))
			require.Nil(t, append(append(vps, sps...), pps...))
		})
	}
}

// accessUnit is a picture of so many slices of so many bytes.
func accessUnit(slices, size int) []byte {
	au := []byte("\x00\x00\x00\x01\x67\x64\x00\x28\x00\x00\x00\x01\x68\xef")
	for range slices {
		au = append(au, 0, 0, 1, 0x65)
		au = append(au, bytes.Repeat([]byte{0x9d, 0, 0x7b}, size/3)...)
	}
	return au
}

func TestAllocations(t *testing.T) {
	au := accessUnit(4, 3000)
	require.EqualValues(t, 1, testing.AllocsPerRun(100, func() {
		_, _, _, err := annexb.AppendLengthPrefixed(make([]byte, 0, annexb.MaxSize(au)), au)
		require.NoError(t, err)
	}))
}

func BenchmarkAppendLengthPrefixed(b *testing.B) {
	au := accessUnit(4, 9000)
	b.SetBytes(int64(len(au)))
	b.ReportAllocs()
	for b.Loop() {
		_, _, _, _ = annexb.AppendLengthPrefixed(make([]byte, 0, annexb.MaxSize(au)), au)
	}
}

// What comes out goes in again and comes out the same.
func FuzzAppendLengthPrefixed(f *testing.F) {
	f.Add(accessUnit(2, 30))
	f.Add([]byte("\x00\x00\x00\x00\x01\x65\x00\x00\x03\x00\x00\x01\x00\x00\x01\x09\xf0"))
	f.Fuzz(func(t *testing.T, au []byte) {
		out, sps, pps, err := annexb.AppendLengthPrefixed(nil, au)
		if err != nil {
			require.ErrorIs(t, err, annexb.ErrMalformed)
			return
		}
		require.LessOrEqual(t, len(out), annexb.MaxSize(au))
		var again []byte
		for _, unit := range [][]byte{sps, pps} {
			if unit != nil {
				again = append(append(again, 0, 0, 1), unit...)
			}
		}
		for rest := out; len(rest) > 0; {
			n := binary.BigEndian.Uint32(rest)
			require.NotZero(t, n)
			again = append(append(again, 0, 0, 1), rest[4:4+n]...)
			rest = rest[4+n:]
		}
		out2, sps2, pps2, err := annexb.AppendLengthPrefixed(nil, again)
		require.NoError(t, err)
		require.Equal(t, out, out2)
		require.Equal(t, sps, sps2)
		require.Equal(t, pps, pps2)
	})
}

func FuzzAppendLengthPrefixedHEVC(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x40\x01\x0c\x00\x00\x01\x42\x01\x00\x00\x03\x01\x00\x00\x01\x44\x01\x00\x00\x01\x28\x01\xac\x00"))
	f.Fuzz(func(t *testing.T, au []byte) {
		out, vps, sps, pps, err := annexb.AppendLengthPrefixedHEVC(nil, au)
		if err != nil {
			require.ErrorIs(t, err, annexb.ErrMalformed)
			return
		}
		require.LessOrEqual(t, len(out), annexb.MaxSize(au))
		var again []byte
		for _, unit := range [][]byte{vps, sps, pps} {
			if unit != nil {
				again = append(append(again, 0, 0, 1), unit...)
			}
		}
		for rest := out; len(rest) > 0; {
			n := binary.BigEndian.Uint32(rest)
			require.NotZero(t, n)
			require.NotContains(t, []byte{32, 33, 34, 35}, rest[4]>>1&0x3f)
			again = append(append(again, 0, 0, 1), rest[4:4+n]...)
			rest = rest[4+n:]
		}
		out2, vps2, sps2, pps2, err := annexb.AppendLengthPrefixedHEVC(nil, again)
		require.NoError(t, err)
		require.Equal(t, [][]byte{out, vps, sps, pps}, [][]byte{out2, vps2, sps2, pps2})
	})
}
