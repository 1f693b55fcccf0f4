package scte35

import "errors"

// ErrMalformed says that the bytes are no section, or end too soon.
var ErrMalformed = errors.New("malformed splice_info_section")

// bits reads fields of some bits each. It keeps its first error, after which
// everything is zero.
type bits struct {
	data []byte
	at   int // in bits
	err  error
}

func (b *bits) left() int { return len(b.data) - (b.at+7)/8 } // whole bytes

func (b *bits) read(n int) (v uint64) {
	if b.err != nil || b.at+n > 8*len(b.data) {
		b.fail()
		return 0
	}
	for range n {
		v = v<<1 | uint64(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

func (b *bits) flag() bool { return b.read(1) == 1 }

// bytes returns a copy of the next n bytes; it must be called at a byte's edge.
func (b *bits) bytes(n int) []byte {
	if b.err != nil || n < 0 || n > b.left() {
		b.fail()
		return nil
	}
	from := b.at / 8
	b.at += 8 * n
	if n == 0 {
		return nil
	}
	return append([]byte(nil), b.data[from:from+n]...)
}

// sub is a reader of the next n bytes.
func (b *bits) sub(n int) bits {
	if b.err != nil || n > b.left() {
		b.fail()
		return bits{err: b.err}
	}
	from := b.at / 8
	b.at += 8 * n
	return bits{data: b.data[from : from+n]}
}

func (b *bits) fail() {
	if b.err == nil {
		b.err = ErrMalformed
	}
}

// out writes fields of some bits each.
type out struct {
	dst  []byte
	free int // bits of the last byte that aren't written
}

func (o *out) put(v uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if o.free == 0 {
			o.dst, o.free = append(o.dst, 0), 8
		}
		o.free--
		o.dst[len(o.dst)-1] |= byte(v>>i&1) << o.free
	}
}

func (o *out) flag(v bool) {
	if v {
		o.put(1, 1)
	} else {
		o.put(0, 1)
	}
}

// reserved writes n bits that are 1 (§9.1).
func (o *out) reserved(n int) { o.put(1<<n-1, n) }

// bytes writes at a byte's edge.
func (o *out) bytes(b []byte) { o.dst = append(o.dst, b...) }
