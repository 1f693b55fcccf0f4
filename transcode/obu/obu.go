package obu

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
)

// ErrMalformed says that bytes aren't a temporal unit in the low-overhead format,
// or not one that a sample can hold.
var ErrMalformed = errors.New("malformed temporal unit")

// OBU types, section 6.2.2.
const (
	typeSequenceHeader = 1
	typeDelimiter      = 2
	typeFrameHeader    = 3
	typeFrame          = 6
	typeTileList       = 8
	typePadding        = 15
)

// Fields of an OBU's header: a forbidden bit, four bits of type, and flags.
const (
	forbidden    = 1 << 7
	hasExtension = 1 << 2
	hasSize      = 1 << 1
)

func typeOf(unit []byte) byte { return unit[0] >> 3 & 15 }

// Units returns the OBUs of a temporal unit in order, each with its header and
// size. The error is ErrMalformed, and the last that is returned.
func Units(tu []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(tu) > 0 {
			n, err := length(tu)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(tu[:n:n], nil) {
				return
			}
			tu = tu[n:]
		}
	}
}

// length is that of the first OBU, with its header.
func length(b []byte) (int, error) {
	const maxSizeField = 8 // bytes of LEB128
	header := 1
	if b[0]&forbidden != 0 || b[0]&hasSize == 0 {
		return 0, fmt.Errorf("header %#02x of an OBU: %w", b[0], ErrMalformed)
	}
	if b[0]&hasExtension != 0 {
		header++
	}
	var size uint64
	for i := range min(maxSizeField, len(b)-header) {
		c := b[header+i]
		size |= uint64(c&0x7f) << (7 * i)
		if c&0x80 != 0 {
			continue
		}
		header += i + 1
		if size > uint64(len(b)-header) {
			return 0, fmt.Errorf("OBU of %d bytes in %d: %w", size, len(b)-header, ErrMalformed)
		}
		return header + int(size), nil
	}
	return 0, fmt.Errorf("size of an OBU: %w", ErrMalformed)
}

// AppendSample appends a temporal unit to dst as a sample holds it: its OBUs
// without temporal delimiters, tile lists and padding. It returns the sequence
// header, which stays in the sample too, nil where there's none. It errs where
// that comes in two versions, since a track has one, and where what remains is
// no picture. No more is appended than the temporal unit has bytes.
func AppendSample(dst, tu []byte) (out, sequence []byte, err error) {
	out = dst
	picture := false
	for unit, err := range Units(tu) {
		if err != nil {
			return dst, nil, err
		}
		switch typeOf(unit) {
		case typeDelimiter, typeTileList, typePadding:
			continue
		case typeSequenceHeader:
			if sequence != nil && !bytes.Equal(sequence, unit) {
				return dst, nil, fmt.Errorf("two sequence headers: %w", ErrMalformed)
			}
			sequence = unit
		case typeFrame, typeFrameHeader:
			picture = true
		}
		out = append(out, unit...)
	}
	if !picture {
		return dst, nil, fmt.Errorf("temporal unit of %d bytes without a picture: %w", len(tu), ErrMalformed)
	}
	return out, sequence, nil
}
