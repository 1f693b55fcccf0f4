package annexb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
)

// ErrMalformed says that bytes aren't an access unit with start codes, or not
// one that a sample can hold.
var ErrMalformed = errors.New("malformed byte stream")

// NAL unit types, ITU-T H.264 table 7-1.
const (
	typeSPS       = 7
	typePPS       = 8
	typeDelimiter = 9
	typeMask      = 0x1f
)

// lengthSize is the size of a NAL unit's length in a sample.
const lengthSize = 4

var startCode = []byte{0, 0, 1}

// Units returns the NAL units of an access unit in order, without start codes
// and the zeros around them. What stands before the first start code is no NAL
// unit, and neither is nothing.
func Units(au []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := bytes.Index(au, startCode)
		for i >= 0 {
			au = au[i+len(startCode):]
			unit := au
			if i = bytes.Index(au, startCode); i >= 0 {
				unit = au[:i:i]
			}
			// A NAL unit ends in a bit that is set: zeros are the next start
			// code's, or stuffing.
			if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}

// Split returns the NAL units of an access unit; see Units.
func Split(au []byte) (nalus [][]byte) {
	for unit := range Units(au) {
		nalus = append(nalus, unit)
	}
	return nalus
}

// AppendLengthPrefixed appends an access unit to dst as a sample holds it: its
// NAL units behind their lengths, without access unit delimiters and parameter
// sets. Those it returns, nil where there are none. It errs where a kind of
// parameter set comes in two versions, since a track has one, and where what
// remains is no picture.
func AppendLengthPrefixed(dst, au []byte) (out []byte, sps, pps []byte, err error) {
	if !bytes.HasPrefix(bytes.TrimLeft(au, "\x00"), startCode[2:]) || !bytes.HasPrefix(au, startCode[:2]) {
		return dst, nil, nil, fmt.Errorf("access unit of %d bytes begins without a start code: %w", len(au), ErrMalformed)
	}
	out = dst
	for unit := range Units(au) {
		switch unit[0] & typeMask {
		case typeSPS:
			sps, err = one(sps, unit)
		case typePPS:
			pps, err = one(pps, unit)
		case typeDelimiter:
		default:
			if uint64(len(unit)) > math.MaxUint32 {
				err = fmt.Errorf("NAL unit of %d bytes: %w", len(unit), ErrMalformed)
				break
			}
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(unit))), unit...)
		}
		if err != nil {
			return dst, nil, nil, err
		}
	}
	if len(out) == len(dst) {
		return dst, nil, nil, fmt.Errorf("access unit of %d bytes without a picture: %w", len(au), ErrMalformed)
	}
	return out, sps, pps, nil
}

// one returns the parameter set that stays, of which a repetition is the same.
func one(have, unit []byte) ([]byte, error) {
	if have != nil && !bytes.Equal(have, unit) {
		return nil, fmt.Errorf("two parameter sets of type %d: %w", unit[0]&typeMask, ErrMalformed)
	}
	return unit, nil
}

// MaxSize returns a bound for what AppendLengthPrefixed appends.
func MaxSize(au []byte) int {
	// A start code of three bytes becomes a length of four.
	return len(au) + bytes.Count(au, startCode)*(lengthSize-len(startCode))
}
