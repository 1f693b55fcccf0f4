package media

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRescale(t *testing.T) {
	for _, c := range []struct {
		in       Ticks
		from, to Timescale
		want     Ticks
	}{
		{1001, 30_000, 90_000, 3003},
		{1, 1000, 90_000, 90},
		{1, 3, 2, 1},   // 0.67
		{1, 2, 1, 1},   // a half, away from zero
		{-1, 2, 1, -1}, // the same below zero
		{1, 4, 1, 0},
		{math.MaxInt64, 1, 90_000, math.MaxInt64},
		{-math.MaxInt64, 1, 90_000, -math.MaxInt64},
		{math.MaxInt64, 90_000, 90_000, math.MaxInt64},
		{90_000 * 86_400 * 365, 90_000, 48_000, 48_000 * 86_400 * 365},
	} {
		require.Equal(t, c.want, c.in.Rescale(c.from, c.to), "%+v", c)
	}
}

func TestDurationRoundTrip(t *testing.T) {
	require.Equal(t, 33_366_667*time.Nanosecond, Ticks(3003).Duration(VideoClock))
	require.Equal(t, Ticks(3003), TicksOf(Ticks(3003).Duration(VideoClock), VideoClock))
	require.Equal(t, -time.Second, Ticks(-48_000).Duration(48_000))
}

func FuzzRescale(f *testing.F) {
	f.Add(int64(1001), uint32(30_000), uint32(90_000))
	f.Add(int64(math.MinInt64), uint32(1), uint32(math.MaxUint32))
	f.Fuzz(func(t *testing.T, v int64, from, to uint32) {
		if from == 0 || to == 0 || v == math.MinInt64 {
			return
		}
		got := Ticks(v).Rescale(Timescale(from), Timescale(to))
		// Twice the exact value, rounded down after adding one: nearest, away from zero.
		exact := new(big.Int).Mul(new(big.Int).Abs(big.NewInt(v)), big.NewInt(int64(to)))
		exact.Add(exact, big.NewInt(int64(from/2)))
		exact.Quo(exact, big.NewInt(int64(from)))
		if !exact.IsInt64() {
			exact.SetInt64(math.MaxInt64)
		}
		if v < 0 {
			exact.Neg(exact)
		}
		if from != to {
			require.Equal(t, exact.Int64(), int64(got))
		}
	})
}
