package sei

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
)

// Limits.
const (
	// MaxUnit is how much of an SEI unit is looked at.
	MaxUnit = 64 << 10
	// maxMessages is how many messages of a unit are.
	maxMessages = 64
)

// Types of NAL units: ITU-T H.264 table 7-1, H.265 table 7-1.
const (
	avcLastSlice  = 5
	hevcLastSlice = 31
	avcSEI        = 6
	hevcPrefix    = 39
	hevcSuffix    = 40
)

// Types of messages that are read here: ITU-T H.264 §D.1.6, §D.1.7.
const (
	RegisteredUserData   = 4 // by ITU-T T.35
	UnregisteredUserData = 5
)

// Message is an SEI message. Payload has no emulation prevention any more.
type Message struct {
	Type    int
	Payload []byte
}

// Of returns the messages in front of an access unit's first slice, and of H.265
// those behind its slices too. Data is length-prefixed NAL units. A Payload is good
// until the next one, and not to be written to: it is of data itself where a unit has
// no emulation prevention, as those that come with each picture seldom have.
func Of(data []byte, hevc bool) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		var buffer []byte
		for len(data) >= 4 {
			n := binary.BigEndian.Uint32(data)
			if uint64(n) > uint64(len(data)-4) {
				return
			}
			unit := data[4 : 4+n]
			data = data[4+n:]
			header, ok, last := kind(unit, hevc)
			if last {
				return
			}
			if !ok {
				continue
			}
			content := unit[header:min(len(unit), MaxUnit)]
			if bytes.Contains(content, prevention) {
				buffer = unescape(slices.Grow(buffer[:0], len(content)), content)
				content = buffer
			}
			if !messages(content, yield) {
				return
			}
		}
	}
}

// kind returns the length of a unit's header, whether it is SEI, and whether none of
// interest follows.
func kind(unit []byte, hevc bool) (header int, ok, last bool) {
	switch {
	case hevc && len(unit) >= 2:
		t := unit[0] >> 1 & 0x3F
		return 2, t == hevcPrefix || t == hevcSuffix, false
	case !hevc && len(unit) >= 1:
		t := unit[0] & 0x1F
		return 1, t == avcSEI, 1 <= t && t <= avcLastSlice
	}
	return 0, false, false
}

// prevention ends with a byte that keeps start codes out of a unit.
var prevention = []byte{0, 0, 3}

// unescape appends b without the bytes that keep start codes out of it.
func unescape(dst, b []byte) []byte {
	zeros := 0
	for _, c := range b {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		dst = append(dst, c)
	}
	return dst
}

// messages gives those of a unit; false where no more are wanted.
func messages(b []byte, yield func(Message) bool) bool {
	for range maxMessages {
		if len(b) < 2 || len(b) == 2 && b[0] == 0x80 {
			return true
		}
		t, rest, ok := number(b)
		if !ok {
			return true
		}
		size, rest, ok := number(rest)
		if !ok || size > len(rest) {
			return true
		}
		if !yield(Message{t, rest[:size:size]}) {
			return false
		}
		b = rest[size:]
	}
	return true
}

// number reads a type or a size: bytes of 255, and one that ends it.
func number(b []byte) (n int, rest []byte, ok bool) {
	for i, c := range b {
		if n += int(c); c != 255 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// UUID says what unregistered user data is.
type UUID [16]byte

// Unregistered returns the user data of a message, if it is such.
func (m Message) Unregistered() (id UUID, data []byte, ok bool) {
	if m.Type != UnregisteredUserData || len(m.Payload) < len(id) {
		return id, nil, false
	}
	copy(id[:], m.Payload)
	return id, m.Payload[len(id):], true
}
