package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

// Opus is audio by RFC 6716, with the identification header of RFC 7845 §5.1.
// NewOpus and PlainOpus make valid ones.
type Opus struct {
	Channels  int
	PreSkip   uint16 // samples at 48 kHz that a decoder leaves out at the start
	InputRate uint32 // of what was encoded, in Hz; for people
	Gain      int16  // in 1/256 dB
	// Family is how channels are assigned (RFC 7845 §5.1.1); other than 0 there are
	// Streams, of which Coupled are stereo, and Mapping of each channel.
	Family, Streams, Coupled uint8
	Mapping                  []byte
}

const (
	opusMagic = "OpusHead"
	opusFixed = 19 // bytes of the header without a mapping
	// opusRate is that of the clock, whatever was encoded (RFC 7845 §4).
	opusRate = 48_000
	// opusFrame is a packet's usual length, 20 ms, in samples.
	opusFrame = 960
	// opusLongest is the longest, 120 ms (RFC 6716 §3.2.5).
	opusLongest = 5760
)

// NewOpus reads an identification header; it errs where it can't be parsed.
func NewOpus(head []byte) (*Opus, error) {
	if len(head) < opusFixed || string(head[:len(opusMagic)]) != opusMagic {
		return nil, fmt.Errorf("opus: no header in %d bytes", len(head))
	}
	if version := head[8]; version>>4 != 0 { // §5.1: the upper half breaks compatibility
		return nil, fmt.Errorf("opus: header version %d", version)
	}
	c := &Opus{
		Channels: int(head[9]), PreSkip: binary.LittleEndian.Uint16(head[10:]),
		InputRate: binary.LittleEndian.Uint32(head[12:]), Gain: int16(binary.LittleEndian.Uint16(head[16:])),
		Family: head[18],
	}
	switch {
	case c.Channels == 0, c.Family == 0 && c.Channels > 2:
		return nil, fmt.Errorf("opus: %d channels of family %d", c.Channels, c.Family)
	case c.Family == 0:
		return c, nil
	case len(head) < opusFixed+2+c.Channels:
		return nil, errors.New("opus: header ends within its channel mapping")
	}
	c.Streams, c.Coupled = head[19], head[20]
	c.Mapping = head[21 : 21+c.Channels : 21+c.Channels]
	if c.Streams == 0 || c.Coupled > c.Streams {
		return nil, fmt.Errorf("opus: %d streams, %d of them coupled", c.Streams, c.Coupled)
	}
	return c, nil
}

// Head is the identification header (RFC 7845 §5.1).
func (c *Opus) Head() []byte {
	const version = 1
	b := append([]byte(opusMagic), version, byte(c.Channels))
	b = binary.LittleEndian.AppendUint16(b, c.PreSkip)
	b = binary.LittleEndian.AppendUint32(b, c.InputRate)
	b = binary.LittleEndian.AppendUint16(b, uint16(c.Gain))
	b = append(b, c.Family)
	if c.Family != 0 {
		b = append(append(b, c.Streams, c.Coupled), c.Mapping...)
	}
	return b
}

// surround are the streams, coupled streams and mapping that encoders use for so many
// channels from three on (RFC 7845 §5.1.1.2, and libopus).
var surround = [...]struct {
	streams, coupled uint8
	mapping          string
}{
	{2, 1, "\x00\x02\x01"}, {2, 2, "\x00\x01\x02\x03"}, {3, 2, "\x00\x04\x01\x02\x03"},
	{4, 2, "\x00\x04\x01\x02\x03\x05"}, {4, 3, "\x00\x04\x01\x02\x03\x05\x06"},
	{5, 3, "\x00\x06\x01\x02\x03\x04\x05\x07"},
}

// PlainOpus is what a stream without a header has: mono, stereo, or the usual
// assignment of up to eight channels.
func PlainOpus(channels int) *Opus {
	const mostPlain, family = 2, 1
	c := &Opus{Channels: min(max(channels, 1), mostPlain+len(surround)), InputRate: opusRate}
	if c.Channels > mostPlain {
		s := surround[c.Channels-mostPlain-1]
		c.Family, c.Streams, c.Coupled, c.Mapping = family, s.streams, s.coupled, []byte(s.mapping)
	}
	return c
}

// PacketLength is how many samples at 48 kHz a packet decodes to (RFC 6716 §3.1); 0
// of one that is none.
func (c *Opus) PacketLength(packet []byte) Ticks {
	const countByte = 3 // the code of packets that have one
	if len(packet) == 0 || packet[0]&3 == countByte && len(packet) < 2 {
		return 0
	}
	if n := Ticks(opus.PacketDuration2(packet)); n <= opusLongest {
		return n
	}
	return 0
}

// SampleRate implements Sound.
func (c *Opus) SampleRate() int { return opusRate }

// FrameLength implements Sound: that of usual packets. Others say so themselves.
func (c *Opus) FrameLength() Ticks { return opusFrame }

// Output implements Sound.
func (c *Opus) Output() (rate, channels int) { return opusRate, c.Channels }

// Name implements Codec.
func (c *Opus) Name() string { return "Opus" }

// RFC6381 implements Codec. The sample entry's name is Opus, but the registry of
// Media Source Extensions writes it small, and so do players.
func (c *Opus) RFC6381() string { return "opus" }

// Equal implements Codec.
func (c *Opus) Equal(o Codec) bool {
	p, ok := o.(*Opus)
	return ok && c.Channels == p.Channels && c.PreSkip == p.PreSkip && c.InputRate == p.InputRate && c.Gain == p.Gain &&
		c.Family == p.Family && c.Streams == p.Streams && c.Coupled == p.Coupled && bytes.Equal(c.Mapping, p.Mapping)
}
