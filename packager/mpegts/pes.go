package mpegts

import "encoding/binary"

// Sizes of a PES packet's header (§2.4.3.6): up to its length, with a PTS, and with a DTS too.
const (
	pesPrefix = 6
	ptsHeader = 14
	dtsHeader = 19
)

// headerSize is that of the unit's PES header.
func (u *unit) headerSize() int {
	if u.dts != u.pts {
		return dtsHeader
	}
	return ptsHeader
}

// appendPES appends the unit's PES header.
func (u *unit) appendPES(dst []byte, id byte) []byte {
	length := u.size - pesPrefix
	if length > 0xFFFF {
		length = 0 // unbounded, which video may be
	}
	dst = append(dst, 0, 0, 1, id)
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	flags := byte(0x80)
	if !u.goesOn {
		flags |= 0x04 // data_alignment_indicator: an access unit begins here
	}
	if u.dts == u.pts {
		dst = append(dst, flags, 0x80, 5)
		return appendTime(dst, 0x20, u.pts)
	}
	dst = append(dst, flags, 0xC0, 10)
	dst = appendTime(dst, 0x30, u.pts)
	return appendTime(dst, 0x10, u.dts)
}

// appendTime appends a time stamp of 33 bits, which begin anew after a day.
func appendTime(dst []byte, marker byte, at int64) []byte {
	t := uint64(at) & (1<<33 - 1)
	dst = append(dst, marker|byte(t>>29)&0x0E|1)
	dst = binary.BigEndian.AppendUint16(dst, uint16(t>>14)|1)
	return binary.BigEndian.AppendUint16(dst, uint16(t<<1)|1)
}
