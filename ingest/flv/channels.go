package flv

import (
	"encoding/binary"
	"fmt"
)

// ChannelOrder says how a ChannelConfig assigns channels.
type ChannelOrder uint8

// The orders of Enhanced RTMP v2.
const (
	OrderUnspecified ChannelOrder = 0 // only their number is known
	OrderNative      ChannelOrder = 1 // those of Flags, from its lowest bit on
	OrderCustom      ChannelOrder = 2 // as Mapping says
)

// ChannelConfig is the payload of PacketChannels:
//
//	| order 1 | count 1 | custom: a speaker for each channel 1 | native: flags 4 |
//
// Codecs that say all this themselves need none.
type ChannelConfig struct {
	Order   ChannelOrder
	Count   uint8
	Mapping []byte // speakers by their numbers in Enhanced RTMP; refers to the payload
	Flags   uint32 // a bit for each such number
}

// ParseChannelConfig parses a payload.
func ParseChannelConfig(b []byte) (ChannelConfig, error) {
	if len(b) < 2 {
		return ChannelConfig{}, fmt.Errorf("channel configuration of %d bytes: %w", len(b), ErrMalformed)
	}
	c := ChannelConfig{Order: ChannelOrder(b[0]), Count: b[1]}
	rest := b[2:]
	switch c.Order {
	case OrderUnspecified:
	case OrderNative:
		if len(rest) < 4 {
			return c, fmt.Errorf("flags of %d channels cut off: %w", c.Count, ErrMalformed)
		}
		c.Flags = binary.BigEndian.Uint32(rest)
	case OrderCustom:
		if len(rest) < int(c.Count) {
			return c, fmt.Errorf("speakers of %d channels cut off: %w", c.Count, ErrMalformed)
		}
		c.Mapping = rest[:c.Count:c.Count]
	default:
		return c, fmt.Errorf("channel order %d: %w", b[0], ErrMalformed)
	}
	return c, nil
}

// AppendTo appends the payload to dst.
func (c ChannelConfig) AppendTo(dst []byte) []byte {
	dst = append(dst, byte(c.Order), c.Count)
	switch c.Order {
	case OrderNative:
		dst = binary.BigEndian.AppendUint32(dst, c.Flags)
	case OrderCustom:
		dst = append(dst, c.Mapping...)
	}
	return dst
}
