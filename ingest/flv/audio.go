package flv

import "fmt"

// exAudio is the sound format that says that a tag has Enhanced RTMP's header.
const exAudio = 9

// AudioTag is the body of an audio message:
//
//	| sound format 4 bits | rate 2 bits | 16 bit 1 | stereo 1 | AAC packet type 1, of AAC only | payload |
//
// or what Enhanced RTMP makes of it; see parseExAudio.
type AudioTag struct {
	Codec  AudioCodec
	Packet Packet

	// Flags are the four lower bits of the first byte: rate, size and channels. Of AAC
	// they say nothing, its configuration does; of MP3 its frames say it better.
	Flags uint8

	// Enhanced says that the tag has the header of Enhanced RTMP.
	Enhanced bool

	// Nanos, Multitrack and, of OneTrack, Track; as in VideoTag.
	Nanos      uint32
	Multitrack Multitrack
	Track      uint8

	// Payload refers to the message's body.
	Payload []byte
}

// Served returns a *NotServedError if the tag's codec is not served; of many
// tracks as for VideoTag.
func (t AudioTag) Served() error {
	switch t.Codec {
	case AudioAAC, AudioMP3, AudioMP38k:
		return nil
	case AudioOpus, AudioFLAC, AudioAC3, AudioEAC3:
		if t.Enhanced { // senders differ in what follows the ids that custom gave them
			return nil
		}
	}
	return &NotServedError{t.Codec.String(), t.Enhanced}
}

// ParseAudio parses the body of an audio message.
func ParseAudio(body []byte) (AudioTag, error) {
	if len(body) == 0 {
		return AudioTag{}, fmt.Errorf("empty audio tag: %w", ErrMalformed)
	}
	format := body[0] >> 4
	if format == exAudio {
		return parseExAudio(body)
	}
	t := AudioTag{
		Codec:   audioCodec(uint32(format)),
		Packet:  PacketFrames,
		Flags:   body[0] & 0x0f,
		Payload: body[1:],
	}
	if t.Codec != AudioAAC {
		return t, nil
	}
	if len(body) < 2 {
		return t, fmt.Errorf("%v tag of %d bytes: %w", t.Codec, len(body), ErrMalformed)
	}
	if t.Packet = Packet(body[1]); t.Packet > PacketFrames {
		return t, fmt.Errorf("%v packet type %d: %w", t.Codec, body[1], ErrMalformed)
	}
	t.Payload = body[2:]
	return t, nil
}

// parseExAudio parses an audio tag of Enhanced RTMP:
//
//	| 9 4 bits | packet type 4 bits | ModEx | header | payload |
func parseExAudio(body []byte) (AudioTag, error) {
	t := AudioTag{Enhanced: true}
	c := cursor{b: body[1:]}
	packet, nanos := c.modEx(body[0] & 0x0f)
	h := c.header(packet, exMultitrackAudio)
	if c.short {
		return t, c.err("audio header")
	}
	if err := h.check(); err != nil {
		return t, err
	}
	t.Codec, t.Nanos, t.Multitrack, t.Track = audioCodec(h.fourCC), nanos, h.multitrack, h.track
	switch h.packet {
	case exSequenceStart:
		t.Packet = PacketConfig
	case exCodedFrames:
		t.Packet = PacketFrames
	case exSequenceEnd:
		if t.Packet = PacketEnd; t.Multitrack <= OneTrack {
			return t, nil
		}
	case exMultichannel:
		t.Packet = PacketChannels
	default:
		return t, fmt.Errorf("audio packet type %d: %w", h.packet, ErrMalformed)
	}
	t.Payload = c.b
	return t, nil
}

// AppendTo appends the tag's body to dst, in the form that Enhanced asks for.
func (t AudioTag) AppendTo(dst []byte) []byte {
	if t.Enhanced {
		dst = appendExHeader(dst, exAudio<<4, exMultitrackAudio, t.Nanos, exHeader{
			t.Packet.ex(), exFourCC(audioNames, uint32(t.Codec)), t.Multitrack, t.Track,
		})
		return append(dst, t.Payload...)
	}
	id := uint32(t.Codec)
	if n, ok := find(audioNames, id); ok {
		id = n.id
	}
	dst = append(dst, byte(id)<<4|t.Flags&0x0f)
	if t.Codec == AudioAAC {
		dst = append(dst, byte(t.Packet))
	}
	return append(dst, t.Payload...)
}
