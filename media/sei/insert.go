package sei

import "encoding/binary"

// maxConstructs is how many three-byte constructs a message of captions has.
const maxConstructs = 31

// InsertCaptions returns an access unit, length-prefixed NAL units, with messages of
// these three-byte constructs in front of its first slice. Data isn't written to.
func InsertCaptions(data []byte, hevc bool, triples []byte) []byte {
	at := 0
	for at+4 <= len(data) {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if n > len(data)-at-4 || isSlice(data[at+4:at+4+n], hevc) {
			break
		}
		at += 4 + n
	}
	out := make([]byte, 0, len(data)+2*len(triples)+64)
	out = append(out, data[:at]...)
	for len(triples) >= 3 {
		n := min(len(triples)/3, maxConstructs)
		out = appendCaptions(out, hevc, triples[:3*n])
		triples = triples[3*n:]
	}
	return append(out, data[at:]...)
}

func isSlice(unit []byte, hevc bool) bool {
	if len(unit) == 0 {
		return false
	}
	if hevc {
		return unit[0]>>1&0x3F <= hevcLastSlice
	}
	_, _, last := kind(unit, false)
	return last
}

// appendCaptions appends an SEI unit with its length.
func appendCaptions(dst []byte, hevc bool, triples []byte) []byte {
	const processData, reserved, markers = 0xC0, 0xFF, 0xFF
	rbsp := make([]byte, 0, 16+len(triples))
	rbsp = append(rbsp, RegisteredUserData, byte(len(ccPrefix)+2+len(triples)+1))
	rbsp = append(rbsp, ccPrefix...)
	rbsp = append(rbsp, processData|byte(len(triples)/3), reserved)
	rbsp = append(rbsp, triples...)
	rbsp = append(rbsp, markers, 0x80)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if hevc {
		dst = append(dst, hevcPrefix<<1, 1)
	} else {
		dst = append(dst, avcSEI)
	}
	dst = escape(dst, rbsp)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// escape appends b with the bytes that keep start codes out of it.
func escape(dst, b []byte) []byte {
	zeros := 0
	for _, c := range b {
		if zeros >= 2 && c <= 3 {
			dst, zeros = append(dst, 3), 0
		}
		if dst = append(dst, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return dst
}
