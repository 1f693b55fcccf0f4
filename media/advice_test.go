package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdvice(t *testing.T) {
	usual := &H264{}
	usual.Chroma, usual.BitDepth = Chroma420, 8
	require.Empty(t, Advice(usual))
	require.Empty(t, Advice(&H264{}), "nothing is known")
	require.Empty(t, Advice(&AAC{}))
	require.Empty(t, Advice(nil))
	rich, deep := &H264{}, &H264{}
	rich.Chroma, rich.BitDepth = Chroma422, 8
	deep.Chroma, deep.BitDepth = Chroma420, 10
	require.Contains(t, Advice(rich), "4:2:2")
	require.Contains(t, Advice(deep), "10 bits")
	require.Contains(t, Advice(&MP3{}), "AAC")
}
