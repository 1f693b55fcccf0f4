package flv

import "fmt"

// Frame is a video tag's frame type.
type Frame uint8

// The frame types of section E.4.3.1.
const (
	FrameKey          Frame = 1
	FrameInter        Frame = 2
	FrameDisposable   Frame = 3 // H.263 only
	FrameGeneratedKey Frame = 4 // servers only
	FrameCommand      Frame = 5 // no picture: the payload is a command to a player
)

// Packet is what a tag's payload is.
type Packet uint8

// What a payload can be. Codecs without packet types have PacketFrames only.
const (
	// PacketConfig is the decoder's configuration: an AVC decoder configuration
	// record, an AudioSpecificConfig, or the codec's own.
	PacketConfig Packet = iota
	// PacketFrames is coded media: one access unit.
	PacketFrames
	// PacketEnd says that the sequence ends. It has no payload.
	PacketEnd
	// PacketCommand is a command to a player, to be passed over.
	PacketCommand
	// PacketMetadata is AMF that Enhanced RTMP puts among the frames (HDR information).
	PacketMetadata
	// PacketTSConfig is a configuration as MPEG-2 TS carries it (AV1).
	PacketTSConfig
	// PacketChannels is Enhanced RTMP's assignment of audio channels.
	PacketChannels
)

// Multitrack says how a tag holds several tracks.
type Multitrack uint8

// The multitrack types of Enhanced RTMP v2, one higher; a tag of one track has 0.
const (
	SingleTrack    Multitrack = iota
	OneTrack                  // one track that is not the only one
	ManyTracks                // several of the same codec
	ManyTracksMany            // several, each with its codec
)

// VideoTag is the body of a video message:
//
//	| frame type 4 bits | codec id 4 bits | packet type 1 | composition time 3 | payload |
//
// or what Enhanced RTMP makes of it; see parseExVideo.
type VideoTag struct {
	Frame  Frame
	Codec  VideoCodec
	Packet Packet

	// CompositionTime is PTS - DTS in milliseconds; it can be negative.
	CompositionTime int32

	// Enhanced says that the tag has the header of Enhanced RTMP.
	Enhanced bool

	// Nanos is what the timestamp's milliseconds leave out, below 1,000,000.
	Nanos uint32

	// Multitrack and, of OneTrack, Track. With ManyTracks the payload holds the
	// tracks' ids and sizes too: see Tracks.
	Multitrack Multitrack
	Track      uint8

	// still says, of many tracks, that none has a composition time.
	still bool

	// Payload refers to the message's body.
	Payload []byte
}

// Sync says whether a decoder can start here.
func (t VideoTag) Sync() bool { return t.Frame == FrameKey || t.Frame == FrameGeneratedKey }

// Served returns a *NotServedError if the tag's codec is not served. Of a tag of
// many tracks that is to be asked of each.
func (t VideoTag) Served() error {
	switch {
	case t.Codec == VideoAVC, t.Codec == VideoHEVC, t.Packet == PacketCommand:
		return nil
	case t.Enhanced && (t.Codec == VideoAV1 || t.Codec == VideoVP9):
		return nil
	}
	return &NotServedError{t.Codec.String(), t.Enhanced}
}

// ParseVideo parses the body of a video message.
func ParseVideo(body []byte) (VideoTag, error) {
	if len(body) == 0 {
		return VideoTag{}, fmt.Errorf("empty video tag: %w", ErrMalformed)
	}
	if body[0]&0x80 != 0 {
		return parseExVideo(body)
	}
	t := VideoTag{
		Frame:   Frame(body[0] >> 4),
		Codec:   videoCodec(uint32(body[0] & 0x0f)),
		Packet:  PacketFrames,
		Payload: body[1:],
	}
	if t.Frame == FrameCommand {
		t.Packet = PacketCommand
		return t, nil
	}
	if t.Codec != VideoAVC && t.Codec != VideoHEVC {
		return t, nil
	}
	if len(body) < 2 {
		return t, fmt.Errorf("%v tag of %d bytes: %w", t.Codec, len(body), ErrMalformed)
	}
	switch t.Packet = Packet(body[1]); {
	case t.Packet > PacketEnd:
		return t, fmt.Errorf("%v packet type %d: %w", t.Codec, body[1], ErrMalformed)
	case t.Packet == PacketEnd: // some leave the composition time out
		t.Payload = nil
		return t, nil
	case len(body) < 5:
		return t, fmt.Errorf("%v tag of %d bytes: %w", t.Codec, len(body), ErrMalformed)
	}
	t.CompositionTime = int24(body[2:])
	t.Payload = body[5:]
	return t, nil
}

// int24 reads a signed number of three bytes.
func int24(b []byte) int32 {
	return int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8
}

func appendInt24(dst []byte, v int32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

// AppendTo appends the tag's body to dst, in the form that Enhanced asks for.
func (t VideoTag) AppendTo(dst []byte) []byte {
	if t.Enhanced {
		return t.appendExTo(dst)
	}
	id := uint32(t.Codec)
	if n, ok := find(videoNames, id); ok {
		id = n.id
	}
	dst = append(dst, byte(t.Frame)<<4|byte(id&0x0f))
	if t.Packet != PacketCommand && (t.Codec == VideoAVC || t.Codec == VideoHEVC) {
		dst = appendInt24(append(dst, byte(t.Packet)), t.CompositionTime)
	}
	return append(dst, t.Payload...)
}
