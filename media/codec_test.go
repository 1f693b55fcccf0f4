package media

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The parameter sets are x264's, for two frames of a test picture of each format.
func TestH264Parameters(t *testing.T) {
	for _, tc := range []struct {
		name, sps     string
		width, height int
		sarW, sarH    int
		rate          float64
		chroma        Chroma
		depth         int
	}{
		{"yuv420p", "6764000dacd941419f9f0110000003001000000303c0f1429960", 320, 180, 1, 1, 30, Chroma420, 8},
		{"yuv422p", "677a000dbcd941419f8dc044000003000400000300f03c50a658", 320, 180, 1, 1, 30, Chroma422, 8},
		{"yuv444p", "67f4000d919b282833f1b80880000003008000001e078a14cb", 320, 180, 1, 1, 30, Chroma444, 8},
		{"yuv420p10le", "676e000da6cd941419f9f0110000030001000003003c0f142996", 320, 180, 1, 1, 30, Chroma420, 10},
		{"yuv422p10le", "677a000db6cd941419f8dc0440000003004000000f03c50a6580", 320, 180, 1, 1, 30, Chroma422, 10},
		{"gray", "6764000df36505067e37016c80000003008000001e078a14cb", 320, 180, 1, 1, 30, Chroma400, 8},
		{"odd, anamorphic", "67f4001f919b281b07bc6561c2000007d20001d4c01e30632c", 853, 479, 4, 3, 30000. / 1001, Chroma444, 8},
	} {
		sps, err := hex.DecodeString(tc.sps)
		require.NoError(t, err)
		c, err := NewH264(sps, []byte{0x68, 0xeb})
		require.NoError(t, err, tc.name)
		require.Equal(t, []int{tc.width, tc.height, tc.sarW, tc.sarH, tc.depth},
			[]int{c.Width, c.Height, c.SARWidth, c.SARHeight, c.BitDepth}, tc.name)
		require.InDelta(t, tc.rate, c.FrameRate, 1e-9, tc.name)
		require.Equal(t, tc.chroma, c.Chroma, tc.name)
	}
}
