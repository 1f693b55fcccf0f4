package flv

import (
	"encoding/binary"
	"fmt"
)

// The packet types of Enhanced RTMP v2. Those from 4 on differ between video and
// audio, save for multitrack's and ModEx's place.
const (
	exSequenceStart   = 0
	exCodedFrames     = 1
	exSequenceEnd     = 2
	exCodedFramesX    = 3 // video: with a composition time of 0 that is left out
	exMetadata        = 4 // video
	exMultichannel    = 4 // audio
	exTSSequenceStart = 5 // video
	exMultitrackVideo = 6
	exMultitrackAudio = 5
	exModEx           = 7
)

const (
	modExNanos = 0       // the modifier's type
	maxNanos   = 999_999 // of a millisecond
)

// exHeader is what the two enhanced headers have in common.
type exHeader struct {
	packet     uint8
	fourCC     uint32
	multitrack Multitrack
	track      uint8
}

// cursor reads a tag's header; after its end it gives zeros and short is set.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) next(n int) []byte {
	if len(c.b) < n {
		c.b, c.short = nil, true
		return make([]byte, 4)[:min(n, 4)]
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) skip(n int) {
	if len(c.b) < n {
		c.b, c.short = nil, true
		return
	}
	c.b = c.b[n:]
}

// modEx reads the modifiers before the packet type, and returns that:
//
//	| size-1 1, or 255 and size-1 2 | data | modifier's type 4 bits | packet type 4 bits | ...
//
// One is defined: type 0, what a timestamp's milliseconds leave out, in 24 bits of
// nanoseconds. Others are passed over.
func (c *cursor) modEx(packet uint8) (_ uint8, nanos uint32) {
	for packet == exModEx && !c.short {
		size := int(c.next(1)[0]) + 1
		if size == 256 {
			size = int(binary.BigEndian.Uint16(c.next(2))) + 1
		}
		data := c.b[:min(size, len(c.b))]
		c.skip(size)
		b := c.next(1)[0]
		packet = b & 0x0f
		if b>>4 == modExNanos && len(data) >= 3 {
			nanos = min(uint32(data[0])<<16|uint32(data[1])<<8|uint32(data[2]), maxNanos)
		}
	}
	return packet, nanos
}

// header reads the rest of an enhanced header, from after the packet type:
//
//	| FourCC 4 |                                                        one track
//	| multitrack type 4 bits | packet type 4 bits | FourCC 4 | track 1 |   OneTrack
//	| multitrack type 4 bits | packet type 4 bits | FourCC 4 |             ManyTracks
//	| multitrack type 4 bits | packet type 4 bits |                        ManyTracksMany
func (c *cursor) header(packet, multitrack uint8) exHeader {
	h := exHeader{packet: packet}
	if packet == multitrack {
		b := c.next(1)[0]
		h.multitrack = Multitrack(b>>4) + 1
		h.packet = b & 0x0f
	}
	if h.multitrack != ManyTracksMany {
		h.fourCC = fourCC(c.next(4))
	}
	if h.multitrack == OneTrack {
		h.track = c.next(1)[0]
	}
	return h
}

// check finds headers that can only come from a slip in parsing. Ids of FLV below
// 16 are no FourCCs.
func (h exHeader) check() error {
	switch {
	case h.multitrack > ManyTracksMany:
		return fmt.Errorf("multitrack type %d: %w", h.multitrack-1, ErrMalformed)
	case h.multitrack != ManyTracksMany && h.fourCC < 1<<24:
		return fmt.Errorf("FourCC %#08x: %w", h.fourCC, ErrMalformed)
	}
	return nil
}

// parseExVideo parses a video tag of Enhanced RTMP:
//
//	| 1 | frame type 3 bits | packet type 4 bits | ModEx | header | composition time 0 or 3 | payload |
func parseExVideo(body []byte) (VideoTag, error) {
	t := VideoTag{Enhanced: true, Frame: Frame(body[0] >> 4 & 7)}
	c := cursor{b: body[1:]}
	packet, nanos := c.modEx(body[0] & 0x0f)
	t.Nanos = nanos
	if t.Frame == FrameCommand && packet != exMetadata {
		t.Packet, t.Payload = PacketCommand, c.b
		return t, c.err("video command")
	}
	h := c.header(packet, exMultitrackVideo)
	if c.short {
		return t, c.err("video header")
	}
	if err := h.check(); err != nil {
		return t, err
	}
	t.Codec, t.Multitrack, t.Track = videoCodec(h.fourCC), h.multitrack, h.track
	switch h.packet {
	case exSequenceStart:
		t.Packet = PacketConfig
	case exCodedFrames:
		t.Packet = PacketFrames
	case exCodedFramesX:
		t.Packet, t.still = PacketFrames, true
	case exSequenceEnd:
		t.Packet = PacketEnd
	case exMetadata:
		t.Packet = PacketMetadata
	case exTSSequenceStart:
		t.Packet = PacketTSConfig
	default:
		return t, fmt.Errorf("video packet type %d: %w", h.packet, ErrMalformed)
	}
	return t.read(c)
}

// read reads what is behind the header, of a tag that isn't of many tracks: those
// have it for each.
func (t VideoTag) read(c cursor) (VideoTag, error) {
	if t.Multitrack > OneTrack {
		t.Payload = c.b
		return t, nil
	}
	if t.Packet == PacketEnd {
		t.Payload = nil
		return t, nil
	}
	still := t.still
	if t.still = false; t.Packet == PacketFrames && !still && t.hasCompositionTime() {
		t.CompositionTime = int24(c.next(3))
	}
	t.Payload = c.b
	return t, c.err("video header")
}

// hasCompositionTime says whether the codec's frames begin with it.
func (t VideoTag) hasCompositionTime() bool {
	return t.Codec == VideoAVC || t.Codec == VideoHEVC || t.Codec == VideoVVC
}

func (c *cursor) err(what string) error {
	if c.short {
		return fmt.Errorf("enhanced %s cut off: %w", what, ErrMalformed)
	}
	return nil
}

func (t VideoTag) appendExTo(dst []byte) []byte {
	first := 0x80 | byte(t.Frame)<<4
	if t.Packet == PacketCommand {
		return append(appendModEx(dst, first, 0, t.Nanos), t.Payload...)
	}
	packet := t.Packet.ex()
	if t.still {
		packet = exCodedFramesX
	}
	dst = appendExHeader(dst, first, exMultitrackVideo, t.Nanos, exHeader{
		packet, exFourCC(videoNames, uint32(t.Codec)), t.Multitrack, t.Track,
	})
	if t.Packet == PacketFrames && t.Multitrack <= OneTrack && t.hasCompositionTime() {
		dst = appendInt24(dst, t.CompositionTime)
	}
	return append(dst, t.Payload...)
}

// ex returns the packet type of Enhanced RTMP.
func (p Packet) ex() uint8 {
	switch p {
	case PacketConfig:
		return exSequenceStart
	case PacketEnd:
		return exSequenceEnd
	case PacketMetadata:
		return exMetadata
	case PacketTSConfig:
		return exTSSequenceStart
	case PacketChannels:
		return exMultichannel
	default:
		return exCodedFrames
	}
}

// exFourCC returns the FourCC of a codec that may have an id as well.
func exFourCC(names []codecName, v uint32) uint32 {
	if n, ok := find(names, v); ok && n.fourCC != "" {
		return fourCC(n.fourCC)
	}
	return v
}

// appendModEx appends the first byte, whose upper half is given, with the packet
// type, and the modifier between them where there are nanoseconds.
func appendModEx(dst []byte, first, packet byte, nanos uint32) []byte {
	if nanos == 0 {
		return append(dst, first|packet)
	}
	dst = append(dst, first|exModEx, 3-1)
	return append(appendInt24(dst, int32(nanos)), modExNanos<<4|packet)
}

// appendExHeader appends the first byte, whose upper half is given, and what
// cursor.header reads.
func appendExHeader(dst []byte, first, multitrack byte, nanos uint32, h exHeader) []byte {
	if h.multitrack == SingleTrack {
		dst = appendModEx(dst, first, h.packet, nanos)
	} else {
		dst = append(appendModEx(dst, first, multitrack, nanos), byte(h.multitrack-1)<<4|h.packet)
	}
	if h.multitrack != ManyTracksMany {
		dst = binary.BigEndian.AppendUint32(dst, h.fourCC)
	}
	if h.multitrack == OneTrack {
		dst = append(dst, h.track)
	}
	return dst
}
