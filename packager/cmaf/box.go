package cmaf

import "encoding/binary"

// boxHeader is a box's size and name, fullHeader those with version and flags.
const (
	boxHeader  = 8
	fullHeader = 12
)

// begin opens a box of unknown size; end, given begin's second result, closes it.
func begin(dst []byte, name string) ([]byte, int) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, name...), at
}

// beginFull opens a box with version and flags.
func beginFull(dst []byte, name string, version byte, flags uint32) ([]byte, int) {
	dst, at := begin(dst, name)
	return u32(dst, uint32(version)<<24|flags), at
}

func end(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	return dst
}

// header opens a box whose size is known.
func header(dst []byte, size int, name string) []byte {
	return append(u32(dst, uint32(size)), name...)
}

// fullBox opens a box of known size with version and flags.
func fullBox(dst []byte, size int, name string, version byte, flags uint32) []byte {
	return u32(header(dst, size, name), uint32(version)<<24|flags)
}

func u16(dst []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(dst, v) }
func u32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }
func u64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

func zeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}
