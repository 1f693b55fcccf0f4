package obu_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/obu"
)

const (
	delimiter = "\x12\x00"
	sequence  = "\x0a\x0b\x00\x00\x00\x03\xbf\xfc\x79\xb5\xf2\x00\x80"
	frame     = "\x32\x03\x10\x00\xac"
	header    = "\x1a\x02\x10\x00"
	tiles     = "\x22\x01\xac"
	metadata  = "\x2a\x02\x01\x80"
	padding   = "\x7a\x02\xff\x80"
	list      = "\x42\x01\x00"
	layered   = "\x36\x08\x02\x10\x00" // with an extension
	wide      = "\x32\x83\x80\x00\x10\x00\xac"
)

func TestAppendSample(t *testing.T) {
	for _, c := range []struct{ name, in, want, sequence string }{
		{"keyframe", delimiter + sequence + frame, sequence + frame, sequence},
		{"another", delimiter + frame, frame, ""},
		{"without a delimiter", frame, frame, ""},
		{"in tiles", delimiter + sequence + header + tiles + tiles, sequence + header + tiles + tiles, sequence},
		{"metadata", delimiter + sequence + metadata + frame, sequence + metadata + frame, sequence},
		{"padding and a tile list", delimiter + padding + frame + list + padding, frame, ""},
		{"layers", delimiter + frame + layered, frame + layered, ""},
		{"a size of more bytes than it needs", delimiter + wide, wide, ""},
		{"sequence header twice", sequence + sequence + frame, sequence + sequence + frame, sequence},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, s, err := obu.AppendSample([]byte("dst"), []byte(c.in))
			require.NoError(t, err)
			require.Equal(t, "dst"+c.want, string(got))
			require.Equal(t, c.sequence, string(s))
		})
	}
	for name, in := range map[string]string{
		"nothing":              "",
		"no picture":           delimiter + sequence,
		"two sequence headers": sequence + "\x0a\x01\x08" + frame,
		"forbidden bit":        "\xb2\x00",
		"no size":              "\x30\x10\x00\xac",
		"size past the end":    "\x32\x04\x10\x00\xac",
		"endless size":         "\x32\x80\x80\x80\x80\x80\x80\x80\x80\x00",
		"huge size":            "\x32\xff\xff\xff\xff\xff\xff\xff\x7f\x00",
		"header alone":         "\x32",
		"extension alone":      "\x36\x08",
		"Annex B":              "\x00\x00\x00\x01\x65\x88",
	} {
		t.Run(name, func(t *testing.T) {
			got, s, err := obu.AppendSample([]byte("dst"), []byte(in))
			require.ErrorIs(t, err, obu.ErrMalformed)
			require.Equal(t, "dst", string(got))
			require.Nil(t, s)
		})
	}
}

func TestUnitsCanBeLeft(t *testing.T) {
	for unit, err := range obu.Units([]byte(delimiter + frame)) {
		require.NoError(t, err)
		require.Equal(t, delimiter, string(unit))
		break
	}
}

// What comes out goes in again and comes out the same.
func FuzzAppendSample(f *testing.F) {
	f.Add([]byte(delimiter + sequence + metadata + frame))
	f.Add([]byte(padding + layered + wide + list))
	f.Fuzz(func(t *testing.T, tu []byte) {
		out, s, err := obu.AppendSample(nil, tu)
		if err != nil {
			require.ErrorIs(t, err, obu.ErrMalformed)
			return
		}
		require.LessOrEqual(t, len(out), len(tu))
		require.True(t, s == nil || bytes.Contains(out, s))
		out2, s2, err := obu.AppendSample(nil, out)
		require.NoError(t, err)
		require.Equal(t, out, out2)
		require.Equal(t, s, s2)
	})
}
