package sei

import "sluice/media"

// Captions finds out which captions an encoder sends. Its zero value is ready; it is
// given the messages of pictures in decode order.
type Captions struct {
	found  media.Captions
	packet packet
}

// Found are those that there have been.
func (c *Captions) Found() media.Captions { return c.found }

// The parts of a message that carries captions: ITU-T T.35's country code and
// provider, and ATSC's identifier and type code (ANSI/SCTE 128-1 §8.1, table 15).
const ccPrefix = "\xb5\x00\x31GA94\x03"

// CaptionData returns the three-byte constructs of a message that carries captions:
// cc_data (CTA-708-E §4.4). It is false of other messages.
func (m Message) CaptionData() ([]byte, bool) {
	if m.Type != RegisteredUserData || len(m.Payload) < len(ccPrefix)+2 || string(m.Payload[:len(ccPrefix)]) != ccPrefix {
		return nil, false
	}
	const processData, count, reserved = 0x40, 0x1F, 2
	b := m.Payload[len(ccPrefix):]
	n := 3 * int(b[0]&count)
	if b[0]&processData == 0 || n > len(b)-reserved {
		return nil, true
	}
	return b[reserved : reserved+n], true
}

// Note takes up a message, and reports whether it has told of captions that weren't
// known.
func (c *Captions) Note(m Message) bool {
	triples, ok := m.CaptionData()
	if !ok {
		return false
	}
	before := c.found
	c.found.Data = true
	const valid, kind = 0x04, 0x03
	for ; len(triples) >= 3; triples = triples[3:] {
		t := triples[0]
		if t&kind == startsPacket {
			c.packet.end(&c.found)
		}
		switch {
		case t&valid == 0:
		case t&kind <= secondField:
			notePair(int(t&kind), triples[1]&0x7F, triples[2]&0x7F, &c.found)
		case t&kind == startsPacket:
			c.packet.start(triples[1], triples[2])
		default:
			c.packet.add(triples[1], triples[2])
		}
		c.packet.endIfWhole(&c.found)
	}
	return c.found != before
}

// Types of constructs (CTA-708-E table 4). Those that aren't named are 0, the first
// field of CEA-608, and 2, more of a packet.
const (
	secondField  = 1
	startsPacket = 3
)

// Miscellaneous control codes that begin captions (ANSI/CTA-608-E table 52): resume
// caption loading, roll-up in two to four rows, and resume direct captioning.
const (
	resumeLoading = 0x20
	rollUp2       = 0x25
	rollUp4       = 0x27
	resumeDirect  = 0x29
)

// notePair takes a pair of bytes of a field of CEA-608, without parity. A channel is
// there once its captions begin: text services (T1 to T4) and the data service in the
// second field begin otherwise.
func notePair(field int, first, second byte, found *media.Captions) {
	const control, otherChannel = 0x14, 0x08 // the second field's have 0x01 beside it
	if first&^(otherChannel|1) != control {
		return
	}
	if second != resumeLoading && second != resumeDirect && (second < rollUp2 || second > rollUp4) {
		return
	}
	channel := 2 * field
	if first&otherChannel != 0 {
		channel++
	}
	found.Channels |= 1 << channel
}

// packet is a caption channel packet of CEA-708 (CTA-708-E §5), on its way.
type packet struct {
	data [128]byte
	n    int // bytes that have come
	size int // that it is to have; zero: none is on its way
}

// start begins one with its header and its first byte.
func (p *packet) start(header, first byte) {
	p.size = 2 * int(header&0x3F)
	if p.size == 0 {
		p.size = len(p.data)
	}
	p.n = 0
	p.data[p.n] = header
	p.n++
	p.data[p.n] = first
	p.n++
}

func (p *packet) add(a, b byte) {
	if p.size == 0 || p.n+2 > p.size {
		return
	}
	p.data[p.n], p.data[p.n+1] = a, b
	p.n += 2
}

func (p *packet) endIfWhole(found *media.Captions) {
	if p.size > 0 && p.n >= p.size {
		p.end(found)
	}
}

// end looks for the service blocks of what has come (CTA-708-E §6.2).
func (p *packet) end(found *media.Captions) {
	if p.size == 0 {
		return
	}
	b := p.data[1:min(p.n, p.size)]
	p.size, p.n = 0, 0
	for len(b) > 0 {
		service, size := int(b[0]>>5), int(b[0]&0x1F)
		b = b[1:]
		const extended = 7
		if service == extended && size > 0 {
			if len(b) == 0 {
				return
			}
			service, b = int(b[0]&0x3F), b[1:]
		}
		if service == 0 || size > len(b) {
			return // the rest is filled up
		}
		if size > 0 {
			found.Services |= 1 << service
		}
		b = b[size:]
	}
}
