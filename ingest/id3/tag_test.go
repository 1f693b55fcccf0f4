package id3

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTags(t *testing.T) {
	require.Equal(t, "49443304000000000015"+"54585858"+"0000000b"+"0000"+"03"+hex.EncodeToString([]byte("name\x00hello")),
		hex.EncodeToString(AppendText(nil, "name", "hello")))
	require.Equal(t, "49443304000000000010"+"50524956"+"00000006"+"0000"+hex.EncodeToString([]byte("own\x00\x00\xff")),
		hex.EncodeToString(AppendPrivate(nil, "own", []byte{0, 255})))
	long := strings.Repeat("ü", 100_000)
	f, err := Parse(AppendText([]byte{}, "title", long))
	require.NoError(t, err)
	require.Equal(t, Frame{"TXXX", "title", []byte(long)}, f)
	f, err = Parse(AppendPrivate(nil, "", nil))
	require.NoError(t, err)
	require.Equal(t, Frame{"PRIV", "", []byte{}}, f)
	f, err = Parse(AppendText(nil, "a\xff\x00b", "c\xffd\x00e"))
	require.NoError(t, err)
	require.Equal(t, Frame{"TXXX", "a\uFFFD", []byte("c\uFFFDd")}, f, "nothing that players trip over")
	whole := AppendText(nil, "name", "hello")
	for n := range whole {
		_, err := Parse(whole[:n])
		require.ErrorIs(t, err, ErrMalformed)
	}
	for at, b := range map[int]byte{3: 3, 5: 0x80, 6: 0x80, 9: 20, 10: 'X', 14: 0x80, 17: 9, 18: 1, 20: 0, 25: 'x'} {
		bad := bytes.Clone(whole)
		bad[at] = b
		_, err := Parse(bad)
		require.ErrorIs(t, err, ErrMalformed, "byte %d", at)
	}
}

// FuzzParse: what is read writes to what was read, but for text that isn't.
func FuzzParse(f *testing.F) {
	f.Add(AppendText(nil, "name", "hello"))
	f.Add(AppendPrivate(nil, "own", []byte{0, 255}))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		again := AppendPrivate(nil, frame.Name, frame.Value)
		if frame.ID == "TXXX" {
			again = AppendText(nil, frame.Name, string(frame.Value))
		}
		if plain(frame.Name) == frame.Name && (frame.ID == "PRIV" || plain(string(frame.Value)) == string(frame.Value)) {
			require.Equal(t, b, again)
		}
		_, err = Parse(again)
		require.NoError(t, err)
	})
}
