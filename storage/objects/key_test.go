package objects

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeys(t *testing.T) {
	long := strings.Repeat("k", MaxElement)
	for _, k := range []Key{"a", "live/720p/7/1.m4s", "a-b_c.d/e..f", Key(long), NewKey("a", "b")} {
		require.NoError(t, k.Check(), k)
	}
	for _, k := range []Key{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.b", "A", "a b", "a\\b", "a\x00", "é", "a:b",
		Key(long + "k"), Key(strings.Repeat("k/", MaxKey/2) + "k"),
	} {
		require.ErrorIs(t, k.Check(), ErrKey, k)
	}
}

func TestBelow(t *testing.T) {
	require.True(t, Key("a/b").Below("a"))
	require.True(t, Key("a/b").Below(""))
	for _, prefix := range []Key{"a/b", "a/b/c", "b", "a/"} {
		require.False(t, Key("a/b").Below(prefix), prefix)
	}
	require.False(t, Key("ab/c").Below("a"))
}
