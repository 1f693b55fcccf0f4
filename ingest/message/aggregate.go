package message

import (
	"encoding/binary"
	"fmt"
	"iter"

	"sluice/ingest/chunk"
)

// Aggregate is several messages in one: a run of FLV tags, section 7.1.6:
//
//	| type 1 | size 3 | timestamp 3 | its high byte 1 | stream id 3 | payload | size of all this 4 |
type Aggregate struct {
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32
	Body          []byte
}

const (
	tagHeaderLen  = 11
	tagTrailerLen = 4
)

// Messages yields the messages within, on the aggregate's own streams, their
// bodies referring to its body. Their timestamps are moved so that the first has
// the aggregate's. An error is the last thing that is yielded; the trailer of the
// last tag may be missing, and none is looked at.
func (a Aggregate) Messages() iter.Seq2[chunk.Message, error] {
	return func(yield func(chunk.Message, error) bool) {
		var move uint32
		for b, first := a.Body, true; len(b) > 0; first = false {
			if len(b) < tagHeaderLen {
				yield(chunk.Message{}, fmt.Errorf("aggregate: tag header of %d bytes: %w", len(b), ErrMalformed))
				return
			}
			size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
			timestamp := binary.BigEndian.Uint32(b[3:])&0xffffff | uint32(b[7])<<24
			typ := b[0] & 0x1f // above it FLV has two reserved bits and the filter flag
			if b = b[tagHeaderLen:]; len(b) < size {
				yield(chunk.Message{}, fmt.Errorf("aggregate: tag of %d bytes, %d left: %w", size, len(b), ErrMalformed))
				return
			}
			if first {
				move = a.Timestamp - timestamp
			}
			m := chunk.Message{
				ChunkStreamID: a.ChunkStreamID,
				StreamID:      a.StreamID,
				Type:          typ,
				Timestamp:     timestamp + move,
				Body:          b[:size:size],
			}
			if typ == TypeAggregate {
				yield(chunk.Message{}, fmt.Errorf("aggregate within an aggregate: %w", ErrMalformed))
				return
			}
			if !yield(m, nil) {
				return
			}
			b = b[size:]
			b = b[min(len(b), tagTrailerLen):]
		}
	}
}

// Marshal returns the message as a chunk.Writer takes it, with the same body.
func (a Aggregate) Marshal() chunk.Message {
	return chunk.Message{
		ChunkStreamID: orDefault(a.ChunkStreamID, VideoChunkStream),
		StreamID:      a.StreamID, Type: TypeAggregate, Timestamp: a.Timestamp, Body: a.Body,
	}
}
