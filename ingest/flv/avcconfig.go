package flv

import (
	"encoding/binary"
	"fmt"
)

// AVCConfig is an AVC decoder configuration record, ISO/IEC 14496-15:
//
//	| version 1 | profile 1 | compatibility 1 | level 1 | 6 bits | length size-1 2 bits |
//	| 3 bits | count of SPS 5 bits | (length 2 | SPS) ... | count of PPS 1 | (length 2 | PPS) ... |
//	| of High profiles: chroma format, bit depths, SPS extensions |
type AVCConfig struct {
	Profile       uint8
	Compatibility uint8
	Level         uint8

	// LengthSize is the length in bytes of the lengths of NAL units: 1, 2 or 4.
	LengthSize int

	// SPS and PPS are NAL units, referring to the record.
	SPS, PPS [][]byte

	// Rest is what follows the parameter sets. Encoders write it wrongly or leave it
	// out; nothing here depends on it.
	Rest []byte
}

const (
	nalSPS = 7
	nalPPS = 8
)

// ParseAVCConfig parses a record. One without parameter sets is ErrMalformed, since
// nothing can be decoded after it. What isn't one may be H.265's: see IsHEVCConfig.
func ParseAVCConfig(b []byte) (c AVCConfig, err error) {
	if len(b) < 6 {
		return c, fmt.Errorf("AVC configuration of %d bytes: %w", len(b), ErrMalformed)
	}
	if b[0] != 1 {
		return c, fmt.Errorf("AVC configuration version %d: %w", b[0], ErrMalformed)
	}
	c = AVCConfig{Profile: b[1], Compatibility: b[2], Level: b[3], LengthSize: int(b[4]&3) + 1}
	if c.LengthSize == 3 {
		return c, fmt.Errorf("AVC length size 3: %w", ErrMalformed)
	}
	rest := b[6:]
	if c.SPS, rest, err = parameterSets(rest, int(b[5]&0x1f), nalSPS); err != nil {
		return c, err
	}
	if len(rest) < 1 {
		return c, fmt.Errorf("AVC configuration ends before its PPS: %w", ErrMalformed)
	}
	if c.PPS, rest, err = parameterSets(rest[1:], int(rest[0]), nalPPS); err != nil {
		return c, err
	}
	c.Rest = rest
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return c, fmt.Errorf("AVC configuration with %d SPS and %d PPS: %w", len(c.SPS), len(c.PPS), ErrMalformed)
	}
	return c, nil
}

// parameterSets reads n NAL units of the given type with their lengths.
func parameterSets(b []byte, n int, typ byte) (sets [][]byte, rest []byte, err error) {
	for i := range n {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, nil, fmt.Errorf("AVC parameter set %d of %d cut off: %w", i+1, n, ErrMalformed)
		}
		size := int(binary.BigEndian.Uint16(b))
		set := b[2 : 2+size : 2+size]
		if size == 0 || set[0]&0x1f != typ {
			return nil, nil, fmt.Errorf("AVC parameter set %d of %d is none of NAL type %d: %w", i+1, n, typ, ErrMalformed)
		}
		sets = append(sets, set)
		b = b[2+size:]
	}
	return sets, b, nil
}

// AppendTo appends the record to dst. It has at most 31 SPS and 255 PPS of at most
// 65,535 bytes.
func (c AVCConfig) AppendTo(dst []byte) []byte {
	dst = append(dst, 1, c.Profile, c.Compatibility, c.Level, 0xfc|byte(c.LengthSize-1), 0xe0|byte(len(c.SPS)))
	dst = appendSets(dst, c.SPS)
	dst = appendSets(append(dst, byte(len(c.PPS))), c.PPS)
	return append(dst, c.Rest...)
}

func appendSets(dst []byte, sets [][]byte) []byte {
	for _, s := range sets {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
		dst = append(dst, s...)
	}
	return dst
}
