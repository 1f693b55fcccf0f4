package nut

import (
	"math"
	"math/bits"
)

// cursor reads the fields of a packet's body. A field that isn't there, or
// doesn't fit, makes all that follow zero: bad is looked at once, at the end.
type cursor struct {
	b   []byte
	bad bool
}

// v reads an unsigned value of variable length: seven bits a byte, the most
// significant first, the eighth bit set in all but the last.
func (c *cursor) v() uint64 {
	var value uint64
	for i, b := range c.b {
		var ok bool
		if value, ok = shiftIn(value, b); !ok {
			break
		}
		if b&0x80 == 0 {
			c.b = c.b[i+1:]
			return value
		}
	}
	c.fail()
	return 0
}

// shiftIn appends a byte's seven bits to a value; false where it has too many.
func shiftIn(value uint64, b byte) (uint64, bool) {
	return value<<7 | uint64(b&0x7f), value>>(64-7) == 0
}

// s reads a signed value.
func (c *cursor) s() int64 { return signed(c.v()) }

// signed maps 0, 1, 2, 3, 4 to 0, 1, -1, 2, -2.
func signed(v uint64) int64 {
	half := int64((v>>1 + v&1) & math.MaxInt64)
	if v&1 == 0 {
		return -half
	}
	return half
}

// n reads an unsigned value that is below limit.
func (c *cursor) n(limit int) int {
	v := c.v()
	if v >= uint64(limit) {
		c.fail()
		return 0
	}
	return int(v)
}

// vb reads a string of bytes; it refers to the body.
func (c *cursor) vb() []byte {
	n := c.v()
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) fail() { c.b, c.bad = nil, true }

// TimeBase is the length of a tick in seconds.
type TimeBase struct{ Num, Den int64 }

// convert returns a time of one time base in another, rounded down; false where
// that exceeds maxTime.
func convert(value uint64, from, to TimeBase) (int64, bool) {
	if from != to {
		hi, lo := bits.Mul64(value, uint64(from.Num)*uint64(to.Den))
		div := uint64(from.Den) * uint64(to.Num)
		if hi >= div {
			return 0, false
		}
		value, _ = bits.Div64(hi, lo, div)
	}
	return int64(value & math.MaxInt64), value <= maxTime
}
