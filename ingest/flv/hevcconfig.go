package flv

import (
	"encoding/binary"
	"fmt"
)

// HEVCConfig is an HEVC decoder configuration record, ISO/IEC 14496-15, section
// 8.3.3.1, as far as it matters here:
//
//	| version 1 | profile, tier and level 12 | ... 8 | 6 bits | length size-1 2 bits | count of arrays 1 |
//	| (2 bits | NAL type 6 bits | count 2 | (length 2 | unit) ...) ... |
type HEVCConfig struct {
	// General is profile, tier and level, as an SPS has them without emulation prevention.
	General [12]byte

	// LengthSize is the length in bytes of the lengths of NAL units: 1, 2 or 4.
	LengthSize int

	// VPS, SPS and PPS are NAL units, referring to the record; SEI, those that are to
	// go in front of every picture that starts a sequence.
	VPS, SPS, PPS, SEI [][]byte
}

const (
	hevcFixed   = 23 // bytes before the first array
	nalHEVCVPS  = 32
	nalHEVCSPS  = 33
	nalHEVCPPS  = 34
	nalHEVCSEI  = 39 // in front of the picture
	nalHEVCLast = 40
)

// ParseHEVCConfig parses a record. One without parameter sets is ErrMalformed, since
// nothing can be decoded after it.
func ParseHEVCConfig(b []byte) (c HEVCConfig, err error) {
	if len(b) < hevcFixed {
		return c, fmt.Errorf("HEVC configuration of %d bytes: %w", len(b), ErrMalformed)
	}
	// The standard's version is 1; encoders wrote 0 before there was one.
	if b[0] > 1 {
		return c, fmt.Errorf("HEVC configuration version %d: %w", b[0], ErrMalformed)
	}
	copy(c.General[:], b[1:])
	if c.LengthSize = int(b[21]&3) + 1; c.LengthSize == 3 {
		return c, fmt.Errorf("HEVC length size 3: %w", ErrMalformed)
	}
	rest := b[hevcFixed:]
	for range b[22] {
		if len(rest) < 3 {
			return c, fmt.Errorf("HEVC configuration ends within its arrays: %w", ErrMalformed)
		}
		typ, n := rest[0]&0x3f, int(binary.BigEndian.Uint16(rest[1:]))
		for rest = rest[3:]; n > 0; n-- {
			if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
				return c, fmt.Errorf("HEVC parameter set cut off: %w", ErrMalformed)
			}
			size := int(binary.BigEndian.Uint16(rest))
			unit := rest[2 : 2+size : 2+size]
			rest = rest[2+size:]
			if err := c.add(typ, unit); err != nil {
				return c, err
			}
		}
	}
	if len(c.VPS) == 0 || len(c.SPS) == 0 || len(c.PPS) == 0 {
		return c, fmt.Errorf("HEVC configuration with %d VPS, %d SPS and %d PPS: %w", len(c.VPS), len(c.SPS), len(c.PPS), ErrMalformed)
	}
	return c, nil
}

// add takes a unit of an array of that type; those of types that say nothing to a
// decoder are passed over.
func (c *HEVCConfig) add(typ byte, unit []byte) error {
	sets := map[byte]*[][]byte{nalHEVCVPS: &c.VPS, nalHEVCSPS: &c.SPS, nalHEVCPPS: &c.PPS, nalHEVCSEI: &c.SEI}[typ]
	if sets == nil {
		return nil
	}
	if len(unit) < 2 || unit[0]>>1&0x3f != typ {
		return fmt.Errorf("HEVC parameter set is none of NAL type %d: %w", typ, ErrMalformed)
	}
	*sets = append(*sets, unit)
	return nil
}

// AppendTo appends a record to dst. It says nothing of the rest of what the sets say.
func (c HEVCConfig) AppendTo(dst []byte) []byte {
	dst = append(dst, 1)
	dst = append(dst, c.General[:]...)
	dst = append(dst, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0c|byte(c.LengthSize-1))
	arrays := [...]struct {
		typ  byte
		sets [][]byte
	}{{nalHEVCVPS, c.VPS}, {nalHEVCSPS, c.SPS}, {nalHEVCPPS, c.PPS}, {nalHEVCSEI, c.SEI}}
	n := 0
	for _, a := range arrays {
		if len(a.sets) > 0 {
			n++
		}
	}
	dst = append(dst, byte(n))
	for _, a := range arrays {
		if len(a.sets) > 0 {
			dst = binary.BigEndian.AppendUint16(append(dst, 0x80|a.typ), uint16(len(a.sets)))
			dst = appendSets(dst, a.sets)
		}
	}
	return dst
}

// IsHEVCConfig says whether b is an HEVC decoder configuration record, though
// something else may say that it is AVC's: OBS before 29.1 called H.265 so.
func IsHEVCConfig(b []byte) bool {
	if len(b) < hevcFixed || b[0] != 1 || b[22] == 0 {
		return false
	}
	arrays := int(b[22])
	for b = b[hevcFixed:]; arrays > 0; arrays-- {
		if len(b) < 3 {
			return false
		}
		typ, n := b[0]&0x3f, int(binary.BigEndian.Uint16(b[1:]))
		if typ < nalHEVCVPS || typ > nalHEVCLast {
			return false
		}
		for b = b[3:]; n > 0; n-- {
			if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
				return false
			}
			b = b[2+int(binary.BigEndian.Uint16(b)):]
		}
	}
	return true
}
