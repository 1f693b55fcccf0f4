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

// syntax is where a codec's NAL units have their type, and which types matter.
type syntax struct {
	shift, mask byte
	delimiter   byte
	sets        [3]byte // parameter sets; none is past the types that there are
}

const none = 0xff

var (
	// ITU-T H.264 table 7-1: SPS, PPS.
	avc = syntax{0, 0x1f, 9, [...]byte{7, 8, none}}
	// ITU-T H.265 table 7-1: VPS, SPS, PPS.
	hevc = syntax{1, 0x3f, 35, [...]byte{32, 33, 34}}
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

// AppendLengthPrefixed appends an access unit of H.264 to dst as a sample holds
// it: its NAL units behind their lengths, without access unit delimiters and
// parameter sets. Those it returns, nil where there are none. It errs where a kind
// of parameter set comes in two versions, since a track has one, and where what
// remains is no picture.
func AppendLengthPrefixed(dst, au []byte) (out []byte, sps, pps []byte, err error) {
	out, sets, err := avc.appendTo(dst, au)
	return out, sets[0], sets[1], err
}

// AppendLengthPrefixedHEVC is AppendLengthPrefixed for H.265.
func AppendLengthPrefixedHEVC(dst, au []byte) (out []byte, vps, sps, pps []byte, err error) {
	out, sets, err := hevc.appendTo(dst, au)
	return out, sets[0], sets[1], sets[2], err
}

func (s *syntax) appendTo(dst, au []byte) (out []byte, sets [3][]byte, err error) {
	if !bytes.HasPrefix(bytes.TrimLeft(au, "\x00"), startCode[2:]) || !bytes.HasPrefix(au, startCode[:2]) {
		return dst, sets, fmt.Errorf("access unit of %d bytes begins without a start code: %w", len(au), ErrMalformed)
	}
	out = dst
	for unit := range Units(au) {
		kind := unit[0] >> s.shift & s.mask
		if kind == s.delimiter {
			continue
		}
		if i := bytes.IndexByte(s.sets[:], kind); i >= 0 {
			if sets[i] != nil && !bytes.Equal(sets[i], unit) {
				return dst, [3][]byte{}, fmt.Errorf("two parameter sets of type %d: %w", kind, ErrMalformed)
			}
			sets[i] = unit
			continue
		}
		if uint64(len(unit)) > math.MaxUint32 {
			return dst, [3][]byte{}, fmt.Errorf("NAL unit of %d bytes: %w", len(unit), ErrMalformed)
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(unit))), unit...)
	}
	if len(out) == len(dst) {
		return dst, [3][]byte{}, fmt.Errorf("access unit of %d bytes without a picture: %w", len(au), ErrMalformed)
	}
	return out, sets, nil
}

// MaxSize returns a bound for what is appended of an access unit.
func MaxSize(au []byte) int {
	// A start code of three bytes becomes a length of four.
	return len(au) + bytes.Count(au, startCode)*(lengthSize-len(startCode))
}
