package nut

import (
	"encoding/binary"
	"io"
)

// full fills b.
func (r *Reader) full(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.at += int64(n)
	return err
}

// body returns the next n bytes, until the next call.
func (r *Reader) body(n int) ([]byte, error) {
	if cap(r.scratch) < n {
		r.scratch = make([]byte, max(n, 512))
	}
	b := r.scratch[:n]
	return b, r.full(b)
}

// discard takes n bytes that are in the buffer.
func (r *Reader) discard(n int) {
	n, _ = r.r.Discard(n)
	r.at += int64(n)
}

func (r *Reader) byte() (byte, error) {
	b, err := r.r.ReadByte()
	if err == nil {
		r.at++
	}
	return b, err
}

func (r *Reader) uint32() (uint32, error) {
	b, err := r.r.Peek(4)
	if err != nil {
		return 0, inside(err)
	}
	v := binary.BigEndian.Uint32(b)
	r.discard(4)
	return v, nil
}

// value reads a value of variable length and leaves its n bytes in raw.
func (r *Reader) value(raw []byte) (v uint64, n int, err error) {
	for n < maxValue {
		b, err := r.byte()
		if err != nil {
			return 0, n, err
		}
		raw[n] = b
		n++
		var ok bool
		if v, ok = shiftIn(v, b); !ok {
			break
		}
		if b&0x80 == 0 {
			return v, n, nil
		}
	}
	return 0, n, malformed("value of more than 64 bits")
}
