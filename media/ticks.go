package media

import (
	"math"
	"math/bits"
	"time"
)

// Ticks is a media time or a span of it, in units of 1/Timescale second.
type Ticks int64

// Timescale is the number of ticks in a second.
type Timescale uint32

// Timescales that have a name.
const (
	Milliseconds Timescale = 1000   // FLV, RTMP
	VideoClock   Timescale = 90_000 // every video track
	nanoseconds            = uint64(time.Second)
)

// Rescale converts t from one timescale to another, rounded to the nearest
// tick, halves away from zero. It never overflows on the way; a result that
// does not fit saturates. A zero timescale is a bug of the caller and panics.
func (t Ticks) Rescale(from, to Timescale) Ticks {
	if from == to {
		return t
	}
	return Ticks(mulDiv(int64(t), uint64(to), uint64(from)))
}

// Duration returns t as a span of wall time, to the nearest nanosecond.
func (t Ticks) Duration(ts Timescale) time.Duration {
	return time.Duration(mulDiv(int64(t), nanoseconds, uint64(ts)))
}

// TicksOf returns d in ticks of ts, rounded to the nearest tick.
func TicksOf(d time.Duration, ts Timescale) Ticks {
	return Ticks(mulDiv(int64(d), uint64(ts), nanoseconds))
}

// mulDiv returns v*mul/div through a 128-bit product, rounded to nearest and
// saturated to the range of int64.
func mulDiv(v int64, mul, div uint64) int64 {
	negative := v < 0
	magnitude := uint64(v)
	if negative {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, mul)
	lo, carry := bits.Add64(lo, div/2, 0)
	hi += carry
	var quotient uint64
	switch {
	case div == 0:
		panic("media: zero timescale")
	case hi >= div:
		quotient = math.MaxInt64
	default:
		quotient, _ = bits.Div64(hi, lo, div)
		quotient = min(quotient, math.MaxInt64)
	}
	if negative {
		return -int64(quotient)
	}
	return int64(quotient)
}
