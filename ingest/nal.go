package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"sluice/ingest/flv"
)

// NAL unit types, ITU-T H.264 table 7-1.
const (
	nalSlice       = 1
	nalPartitionC  = 4
	nalIDR         = 5
	nalSPS         = 7
	nalPPS         = 8
	nalEndSequence = 10
	nalEndStream   = 11
)

// NAL unit types, ITU-T H.265 table 7-1.
const (
	hevcLastSlice   = 31
	hevcFirstIRAP   = 16 // pictures that a decoder can start at
	hevcLastIRAP    = 23
	hevcVPS         = 32
	hevcSPS         = 33
	hevcPPS         = 34
	hevcEndSequence = 36
	hevcEndStream   = 37
)

const lengthSize = 4 // of every sample that leaves here

// accessUnit is what a look at the NAL units of a message tells.
type accessUnit struct {
	picture bool // there's a slice
	idr     bool // of a picture that a decoder can start at
	// The first of each, in band; vps of H.265 only.
	vps, sps, pps []byte

	others  int  // NAL units that are neither slice nor parameter set nor end
	rewrite bool // the lengths must be written anew
	size    int  // bytes, when they are
}

// scan looks at the NAL units of data, of H.265 or H.264, whose lengths have size
// bytes each. It reads headers only.
func scan(data []byte, size int, hevc bool) (u accessUnit, err error) {
	u.rewrite = size != lengthSize
	units := 0
	for len(data) > 0 {
		n, ok := unitLength(data, size)
		if !ok {
			return u, fmt.Errorf("NAL unit %d exceeds its message: %w", units, flv.ErrMalformed)
		}
		if units++; units > maxUnits {
			return u, fmt.Errorf("more than %d NAL units: %w", maxUnits, flv.ErrMalformed)
		}
		unit := data[size : size+n]
		data = data[size+n:]
		if n == 0 {
			u.rewrite = true
			continue
		}
		u.size += lengthSize + n
		if hevc {
			u.noteHEVC(unit)
		} else {
			u.note(unit)
		}
	}
	return u, nil
}

func (u *accessUnit) note(unit []byte) {
	switch t := unit[0] & 0x1f; {
	case t == nalIDR:
		u.picture, u.idr = true, true
	case nalSlice <= t && t <= nalPartitionC:
		u.picture = true
	case t == nalSPS:
		first(&u.sps, unit)
	case t == nalPPS:
		first(&u.pps, unit)
	case t == nalEndSequence, t == nalEndStream:
	default:
		u.others++
	}
}

func (u *accessUnit) noteHEVC(unit []byte) {
	switch t := unit[0] >> 1 & 0x3f; {
	case hevcFirstIRAP <= t && t <= hevcLastIRAP:
		u.picture, u.idr = true, true
	case t <= hevcLastSlice:
		u.picture = true
	case t == hevcVPS:
		first(&u.vps, unit)
	case t == hevcSPS:
		first(&u.sps, unit)
	case t == hevcPPS:
		first(&u.pps, unit)
	case t == hevcEndSequence, t == hevcEndStream:
	default:
		u.others++
	}
}

// first keeps the first unit of a type.
func first(kept *[]byte, unit []byte) {
	if *kept == nil {
		*kept = unit
	}
}

// sets says whether there are parameter sets.
func (u *accessUnit) sets() bool { return u.vps != nil || u.sps != nil || u.pps != nil }

// unitLength reads a NAL unit's length.
func unitLength(data []byte, size int) (int, bool) {
	if len(data) < size {
		return 0, false
	}
	var n int
	switch size {
	case 1:
		n = int(data[0])
	case 2:
		n = int(binary.BigEndian.Uint16(data))
	default:
		n = int(min(binary.BigEndian.Uint32(data), 1<<30))
	}
	return n, n <= len(data)-size
}

// rewritten returns the NAL units of data, which scan has seen, with lengths of
// four bytes and without empty units, after a prefix of such.
func rewritten(prefix, data []byte, size int, u accessUnit) []byte {
	out := make([]byte, 0, len(prefix)+u.size)
	out = append(out, prefix...)
	for len(data) > 0 {
		n, _ := unitLength(data, size)
		if n > 0 {
			out = binary.BigEndian.AppendUint32(out, uint32(n))
			out = append(out, data[size:size+n]...)
		}
		data = data[size+n:]
	}
	return out
}

// prefixed returns units ready to go in front of a picture: parameter sets that a
// codec has no place for. Of more than a picture may carry it returns none.
func prefixed(groups ...[][]byte) []byte {
	var out []byte
	for _, units := range groups {
		for _, unit := range units {
			out = binary.BigEndian.AppendUint32(out, uint32(len(unit)))
			out = append(out, unit...)
			if len(out) > maxPrefix {
				return nil
			}
		}
	}
	return out
}

// sameSet says whether two parameter sets are the same but for zero bytes that
// some encoders put behind (cabac_zero_words, alignment).
func sameSet(a, b []byte) bool {
	return bytes.Equal(bytes.TrimRight(a, "\x00"), bytes.TrimRight(b, "\x00"))
}

// samePPSID says whether two picture parameter sets have the same id, the
// Exp-Golomb number behind their header of so many bytes: one replaces the other.
func samePPSID(a, b []byte, header int) bool {
	return len(a) > header && len(b) > header && leadingUE(a[header:]) == leadingUE(b[header:])
}

// leadingUE reads ue(v), ITU-T H.264 §9.1, from the start of b. Of one too long
// to be an id it returns -1.
func leadingUE(b []byte) int {
	var v uint32
	for i := range 4 {
		v <<= 8
		if i < len(b) {
			v |= uint32(b[i])
		}
	}
	for zeros := range 15 {
		if v>>(31-zeros) != 0 {
			return int(v>>(31-2*zeros)) - 1
		}
	}
	return -1
}
