package message

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sluice/ingest/chunk"
)

// ErrMalformed says that a body is not what its message's type asks for.
var ErrMalformed = errors.New("malformed message")

// The message types, sections 5.4 and 7.1.
const (
	TypeSetChunkSize     = chunk.TypeSetChunkSize
	TypeAbort            = chunk.TypeAbort
	TypeAcknowledgement  = 3
	TypeUserControl      = 4
	TypeWindowAckSize    = 5
	TypeSetPeerBandwidth = 6
	TypeAudio            = 8
	TypeVideo            = 9
	TypeDataAMF3         = 15
	TypeSharedObjectAMF3 = 16
	TypeCommandAMF3      = 17
	TypeDataAMF0         = 18
	TypeSharedObjectAMF0 = 19
	TypeCommandAMF0      = 20
	TypeAggregate        = 22
)

// The chunk streams that this side of a connection uses, as Adobe's server and
// those after it do. A peer may use any.
const (
	ControlChunkStream = 2
	CommandChunkStream = 3
	DataChunkStream    = 5
	AudioChunkStream   = 6
	VideoChunkStream   = 7
)

// Message is one of the types of this package, or a pointer to one.
type Message interface {
	// Marshal returns the message as a chunk.Writer takes it.
	Marshal() chunk.Message
}

// SetChunkSize announces the size of the chunks that its sender sends from then
// on, in bytes.
type SetChunkSize struct{ Size uint32 }

// Abort drops what has come of a message on the chunk stream.
type Abort struct{ ChunkStreamID uint32 }

// Acknowledgement reports how many bytes have been received so far; it wraps.
type Acknowledgement struct{ Sequence uint32 }

// WindowAckSize asks for an Acknowledgement every so many bytes.
type WindowAckSize struct{ Size uint32 }

// BandwidthLimit says how a SetPeerBandwidth relates to an earlier one.
type BandwidthLimit uint8

// The limits of section 5.4.5.
const (
	LimitHard BandwidthLimit = iota
	LimitSoft
	LimitDynamic
)

// SetPeerBandwidth asks the peer to have at most so many bytes unacknowledged.
type SetPeerBandwidth struct {
	Size  uint32
	Limit BandwidthLimit
}

// Audio is a tag of audio, as in FLV: package flv reads it.
type Audio struct {
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32 // milliseconds; wraps
	Body          []byte
}

// Video is a tag of video, as in FLV: package flv reads it.
type Video struct {
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32 // milliseconds; wraps
	Body          []byte
}

// Unknown is a message that this package passes over: a shared object, or of a
// type that it does not know.
type Unknown struct{ chunk.Message }

// Parser parses messages. Its zero value is ready. The *Audio and *Video that it
// returns are its own and change with the next one; their Body does not.
type Parser struct {
	audio Audio
	video Video
}

// Parse gives a message its type.
func Parse(m chunk.Message) (Message, error) { return new(Parser).Parse(m) }

// Parse gives a message its type. Of a Command or Data whose body is broken, what
// could be read is returned with the error.
func (p *Parser) Parse(m chunk.Message) (Message, error) {
	switch m.Type {
	case TypeAudio:
		p.audio = Audio{m.ChunkStreamID, m.StreamID, m.Timestamp, m.Body}
		return &p.audio, nil
	case TypeVideo:
		p.video = Video{m.ChunkStreamID, m.StreamID, m.Timestamp, m.Body}
		return &p.video, nil
	case TypeCommandAMF0, TypeCommandAMF3:
		return parseCommand(m)
	case TypeDataAMF0, TypeDataAMF3:
		return parseData(m)
	case TypeUserControl:
		return parseUserControl(m.Body)
	case TypeAggregate:
		return Aggregate{m.ChunkStreamID, m.StreamID, m.Timestamp, m.Body}, nil
	case TypeSetChunkSize, TypeAbort, TypeAcknowledgement, TypeWindowAckSize, TypeSetPeerBandwidth:
		return parseControl(m)
	default:
		return Unknown{m}, nil
	}
}

// parseControl reads the protocol control messages: four bytes, and a fifth in
// SetPeerBandwidth, which some leave out. More than that is passed over.
func parseControl(m chunk.Message) (Message, error) {
	if len(m.Body) < 4 {
		return nil, fmt.Errorf("control message of type %d with %d bytes: %w", m.Type, len(m.Body), ErrMalformed)
	}
	v := binary.BigEndian.Uint32(m.Body)
	switch m.Type {
	case TypeSetChunkSize:
		return SetChunkSize{v}, nil
	case TypeAbort:
		return Abort{v}, nil
	case TypeAcknowledgement:
		return Acknowledgement{v}, nil
	case TypeWindowAckSize:
		return WindowAckSize{v}, nil
	default:
		limit := LimitDynamic
		if len(m.Body) > 4 {
			limit = BandwidthLimit(m.Body[4])
		}
		return SetPeerBandwidth{v, limit}, nil
	}
}

func control(typ uint8, body []byte) chunk.Message {
	return chunk.Message{ChunkStreamID: ControlChunkStream, Type: typ, Body: body}
}

func uint32Bytes(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// Marshal returns the message as a chunk.Writer takes it, which then obeys it.
func (m SetChunkSize) Marshal() chunk.Message { return control(TypeSetChunkSize, uint32Bytes(m.Size)) }

// Marshal returns the message as a chunk.Writer takes it.
func (m Abort) Marshal() chunk.Message { return control(TypeAbort, uint32Bytes(m.ChunkStreamID)) }

// Marshal returns the message as a chunk.Writer takes it.
func (m Acknowledgement) Marshal() chunk.Message {
	return control(TypeAcknowledgement, uint32Bytes(m.Sequence))
}

// Marshal returns the message as a chunk.Writer takes it.
func (m WindowAckSize) Marshal() chunk.Message {
	return control(TypeWindowAckSize, uint32Bytes(m.Size))
}

// Marshal returns the message as a chunk.Writer takes it.
func (m SetPeerBandwidth) Marshal() chunk.Message {
	return control(TypeSetPeerBandwidth, append(uint32Bytes(m.Size), byte(m.Limit)))
}

// Marshal returns the message as a chunk.Writer takes it, with the same body.
func (m Audio) Marshal() chunk.Message {
	return chunk.Message{
		ChunkStreamID: orDefault(m.ChunkStreamID, AudioChunkStream),
		StreamID:      m.StreamID, Type: TypeAudio, Timestamp: m.Timestamp, Body: m.Body,
	}
}

// Marshal returns the message as a chunk.Writer takes it, with the same body.
func (m Video) Marshal() chunk.Message {
	return chunk.Message{
		ChunkStreamID: orDefault(m.ChunkStreamID, VideoChunkStream),
		StreamID:      m.StreamID, Type: TypeVideo, Timestamp: m.Timestamp, Body: m.Body,
	}
}

// Marshal returns the message that it was.
func (m Unknown) Marshal() chunk.Message { return m.Message }

// orDefault lets a message that names no chunk stream go on its usual one.
func orDefault(id, usual uint32) uint32 {
	if id == 0 {
		return usual
	}
	return id
}
