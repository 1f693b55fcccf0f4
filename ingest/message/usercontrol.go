package message

import (
	"encoding/binary"
	"fmt"

	"sluice/ingest/chunk"
)

// Event is the kind of a UserControl message.
type Event uint16

// The events of section 7.1.7, and those beyond it that Flash Media Server sends.
const (
	EventStreamBegin            Event = 0
	EventStreamEOF              Event = 1
	EventStreamDry              Event = 2
	EventSetBufferLength        Event = 3
	EventStreamIsRecorded       Event = 4
	EventPingRequest            Event = 6
	EventPingResponse           Event = 7
	EventSWFVerificationRequest Event = 26
	EventBufferEmpty            Event = 31
	EventBufferReady            Event = 32
)

func (e Event) String() string {
	switch e {
	case EventStreamBegin:
		return "stream begin"
	case EventStreamEOF:
		return "stream EOF"
	case EventStreamDry:
		return "stream dry"
	case EventSetBufferLength:
		return "set buffer length"
	case EventStreamIsRecorded:
		return "stream is recorded"
	case EventPingRequest:
		return "ping request"
	case EventPingResponse:
		return "ping response"
	case EventSWFVerificationRequest:
		return "SWF verification request"
	case EventBufferEmpty:
		return "buffer empty"
	case EventBufferReady:
		return "buffer ready"
	default:
		return fmt.Sprintf("event %d", uint16(e))
	}
}

// UserControl is an event on a stream or on the connection:
//
//	| event 2 | value 4 | buffer length 4, in SetBufferLength only |
type UserControl struct {
	Event Event

	// Value is the message stream, or of pings the sender's clock in milliseconds,
	// which the answer repeats.
	Value uint32

	// BufferLength is a player's buffer in milliseconds.
	BufferLength uint32

	// Rest is what an event that this package does not know carries.
	Rest []byte
}

func parseUserControl(body []byte) (Message, error) {
	if len(body) < 2 {
		return nil, fmt.Errorf("user control of %d bytes: %w", len(body), ErrMalformed)
	}
	m := UserControl{Event: Event(binary.BigEndian.Uint16(body))}
	body = body[2:]
	want := m.Event.size()
	if len(body) < want {
		return nil, fmt.Errorf("%v with %d bytes: %w", m.Event, len(body), ErrMalformed)
	}
	switch want {
	case 0:
		m.Rest = body
	case 8:
		m.BufferLength = binary.BigEndian.Uint32(body[4:])
		fallthrough
	case 4:
		m.Value = binary.BigEndian.Uint32(body)
	}
	return m, nil
}

// size returns how many bytes follow the event; 0 of one that is not known.
func (e Event) size() int {
	switch e {
	case EventSetBufferLength:
		return 8
	case EventStreamBegin, EventStreamEOF, EventStreamDry, EventStreamIsRecorded,
		EventPingRequest, EventPingResponse, EventBufferEmpty, EventBufferReady:
		return 4
	default:
		return 0
	}
}

// Marshal returns the message as a chunk.Writer takes it.
func (m UserControl) Marshal() chunk.Message {
	body := binary.BigEndian.AppendUint16(nil, uint16(m.Event))
	switch m.Event.size() {
	case 0:
		body = append(body, m.Rest...)
	case 4:
		body = binary.BigEndian.AppendUint32(body, m.Value)
	case 8:
		body = binary.BigEndian.AppendUint32(body, m.Value)
		body = binary.BigEndian.AppendUint32(body, m.BufferLength)
	}
	return control(TypeUserControl, body)
}
