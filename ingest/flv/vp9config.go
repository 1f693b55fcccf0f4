package flv

import (
	"encoding/binary"
	"fmt"
)

// VP9Config is a VP codec configuration record, VP Codec ISO Media File Format
// Binding:
//
//	| version 1 | flags 3 | profile 1 | level 1 | bit depth 4 bits | chroma 3 bits | full range 1 bit |
//	| primaries 1 | transfer 1 | matrix 1 | size 2 | initialization data, none of VP9 |
//
// Version and flags are the box's, not the record's; senders differ in that.
type VP9Config struct {
	Profile, Level, BitDepth    uint8
	Chroma                      uint8 // 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4
	FullRange                   bool
	Primaries, Transfer, Matrix uint8 // ITU-T H.273
}

const vp9Record = 8 // bytes

// ParseVP9Config parses a record, with version and flags before it or not.
func ParseVP9Config(b []byte) (VP9Config, error) {
	if len(b) >= 4+vp9Record && binary.BigEndian.Uint32(b) == 1<<24 {
		b = b[4:]
	}
	if len(b) < vp9Record {
		return VP9Config{}, fmt.Errorf("VP9 configuration of %d bytes: %w", len(b), ErrMalformed)
	}
	c := VP9Config{
		Profile: b[0], Level: b[1], BitDepth: b[2] >> 4, Chroma: b[2] >> 1 & 7, FullRange: b[2]&1 != 0,
		Primaries: b[3], Transfer: b[4], Matrix: b[5],
	}
	if c.Profile > 3 || c.Chroma > 3 {
		return c, fmt.Errorf("VP9 profile %d with chroma %d: %w", c.Profile, c.Chroma, ErrMalformed)
	}
	return c, nil
}

// AppendTo appends the record to dst, with version and flags.
func (c VP9Config) AppendTo(dst []byte) []byte {
	bits := c.BitDepth<<4 | c.Chroma<<1
	if c.FullRange {
		bits |= 1
	}
	return append(dst, 1, 0, 0, 0, c.Profile, c.Level, bits, c.Primaries, c.Transfer, c.Matrix, 0, 0)
}
