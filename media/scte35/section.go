package scte35

import (
	"encoding/binary"
	"fmt"
)

const tableID = 0xFC

// Section is a splice_info_section (§9.6).
//
//	+----------------+-+-+--+------------+----------------+-+------+---------
//	| table_id = FC  |0|0|sa| length     | protocol = 0   |e| alg  | pts_adj…
//	+----------------+-+-+--+------------+----------------+-+------+---------
//	 …ustment (33) | cw_index       | tier (12)  | cmd length | cmd type |
//	---------------+----------------+------------+------------+----------+
//	 command … | loop length (16) | descriptors … | CRC_32 |
type Section struct {
	SAPType       uint8  // 2 bits; 3: not specified
	PTSAdjustment uint64 // added to every time in the section, modulo 2^33
	CWIndex       uint8
	Tier          uint16 // 12 bits; 0xFFF: for everybody

	// Command and Descriptors are what it says; Command is nil where it is encrypted.
	Command     Command
	Descriptors []Descriptor

	// Of an encrypted section: the algorithm (6 bits), and all from the command's
	// type to before CRC_32, of which CommandLength bytes are the command.
	Encrypted     bool
	Algorithm     uint8
	CommandLength uint16
	Opaque        []byte
}

// Parse reads a section, which is all of data. Its CRC must be right.
func Parse(data []byte) (*Section, error) {
	const head, tail = 14, 4 // up to the command's type; CRC_32
	switch {
	case len(data) < head+tail || len(data) > MaxSection:
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	case data[0] != tableID:
		return nil, fmt.Errorf("%w: table_id %#x", ErrMalformed, data[0])
	case data[1]&0xC0 != 0:
		return nil, fmt.Errorf("%w: not a private section of the short form", ErrMalformed)
	case int(binary.BigEndian.Uint16(data[1:])&0xFFF) != len(data)-3:
		return nil, fmt.Errorf("%w: section_length in %d bytes", ErrMalformed, len(data))
	case crc32(data) != 0:
		return nil, fmt.Errorf("%w: wrong CRC", ErrMalformed)
	}
	b := bits{data: data[:len(data)-tail], at: 10}
	s := &Section{SAPType: uint8(b.read(2))}
	b.read(12)
	if version := b.read(8); version != 0 {
		return nil, fmt.Errorf("%w: protocol_version %d", ErrMalformed, version)
	}
	s.Encrypted, s.Algorithm = b.flag(), uint8(b.read(6))
	s.PTSAdjustment = b.read(33)
	s.CWIndex, s.Tier = uint8(b.read(8)), uint16(b.read(12))
	length := uint16(b.read(12))
	if s.Encrypted {
		s.CommandLength, s.Opaque = length, b.bytes(b.left())
		return s, nil
	}
	s.Algorithm = 0 // it says nothing
	s.Command = readCommand(&b, int(length))
	s.Descriptors = readDescriptors(&b)
	if b.err != nil {
		return nil, b.err
	}
	return s, nil // alignment_stuffing, if any, says nothing
}

// AppendTo appends the section's bytes to dst. The error wraps ErrMalformed where
// the section is too long.
func (s *Section) AppendTo(dst []byte) ([]byte, error) {
	at := len(dst)
	o := out{dst: dst}
	o.put(tableID, 8)
	o.put(0, 2)
	o.put(uint64(s.SAPType), 2)
	o.put(0, 12) // section_length
	o.put(0, 8)
	o.flag(s.Encrypted)
	o.put(uint64(s.Algorithm), 6)
	o.put(s.PTSAdjustment, 33)
	o.put(uint64(s.CWIndex), 8)
	o.put(uint64(s.Tier), 12)
	if s.Encrypted {
		o.put(uint64(s.CommandLength), 12)
		o.bytes(s.Opaque)
	} else {
		var command out
		s.Command.write(&command)
		o.put(uint64(len(command.dst)), 12)
		o.put(uint64(s.Command.Type()), 8)
		o.bytes(command.dst)
		var loop out
		for _, d := range s.Descriptors {
			d.write(&loop)
		}
		o.put(uint64(len(loop.dst)), 16)
		o.bytes(loop.dst)
	}
	length := len(o.dst) - at + 4
	if length > MaxSection {
		return dst, fmt.Errorf("%w: %d bytes", ErrMalformed, length)
	}
	section := o.dst[at:]
	section[1] |= byte((length - 3) >> 8)
	section[2] = byte(length - 3)
	return binary.BigEndian.AppendUint32(o.dst, crc32(section)), nil
}

// crc32 is CRC_32 of MPEG-2 systems (ISO/IEC 13818-1 Annex A): over a section with
// its CRC_32 it is zero.
func crc32(data []byte) uint32 {
	const polynomial = 0x04C1_1DB7
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b) << 24
		for range 8 {
			carry := crc>>31 == 1
			crc <<= 1
			if carry {
				crc ^= polynomial
			}
		}
	}
	return crc
}
