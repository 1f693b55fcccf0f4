package ffmpeg

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const said = `frame=31
fps=29.50
stream_0_0_q=23.0
bitrate= 512.3kbits/s
total_size=66123
out_time_us=1033333
dup_frames=2
drop_frames=1
speed=0.98x
progress=continue
`

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := Progress{At: time.Now(), Frames: 31, FPS: 29.5, Speed: 0.98, Dropped: 1, Duplicated: 2}
		for _, size := range []int{1, 7, len(said)} {
			var p progress
			for b := []byte(said); len(b) > 0; {
				require.Zero(t, p.read())
				n, err := p.Write(b[:min(size, len(b))])
				require.NoError(t, err)
				b = b[n:]
			}
			require.Equal(t, want, p.read())
		}
	})
}

func TestProgressOfNothingYet(t *testing.T) {
	var p progress
	_, err := p.Write([]byte("frame=0\nfps=0.00\nspeed=N/A\nprogress=continue\n"))
	require.NoError(t, err)
	require.False(t, p.read().At.IsZero())
	require.Zero(t, p.read().Speed)
}

func TestProgressIsBounded(t *testing.T) {
	var p progress
	for range 100 {
		_, err := p.Write([]byte(strings.Repeat("x", 10_000)))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, cap(p.line), 2*maxLine)
	_, err := p.Write([]byte("\n" + said))
	require.NoError(t, err)
	require.Equal(t, int64(31), p.read().Frames)
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte(said), 3)
	f.Add([]byte("frame=-1\nfps=NaN\nspeed=1e999x\nprogress\nprogress=end\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var whole, cutUp progress
		_, _ = whole.Write(b)
		cut = min(max(cut, 0), len(b))
		_, _ = cutUp.Write(b[:cut])
		_, _ = cutUp.Write(b[cut:])
		one, two := whole.read(), cutUp.read()
		one.At, two.At = time.Time{}, time.Time{}
		require.Equal(t, one, two)
		require.GreaterOrEqual(t, min(one.Frames, one.Dropped, one.Duplicated), int64(0))
		for _, v := range []float64{one.FPS, one.Speed} {
			require.False(t, math.IsNaN(v) || math.IsInf(v, 0) || v < 0)
		}
	})
}
