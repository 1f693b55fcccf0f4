package message

import (
	"fmt"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
)

// Command is a call, or the answer to one: connect, _result, publish, onStatus.
type Command struct {
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32

	Name string

	// Transaction pairs an answer with its call; 0 asks for none.
	Transaction float64

	// Args are what follows: by custom the command object (or nil) first.
	Args []any
}

// Arg returns the i-th argument after the command object, or nil.
func (c Command) Arg(i int) any {
	if i+1 < len(c.Args) {
		return c.Args[i+1]
	}
	return nil
}

// StringArg returns the i-th argument after the command object if it is a string.
func (c Command) StringArg(i int) string {
	s, _ := c.Arg(i).(string)
	return s
}

// Object returns the command object; nil if there is none.
func (c Command) Object() amf0.Object {
	if len(c.Args) == 0 {
		return nil
	}
	o, _ := amf0.AsObject(c.Args[0])
	return o
}

// Data is metadata, or another handler's name with its arguments.
type Data struct {
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32

	// Values as they came: "@setDataFrame", "onMetaData", an object, from an encoder.
	Values []any
}

// amfBody returns the AMF 0 of a body. The AMF 3 types put a format byte before
// it, always 0, which some encoders forget. A number has the same marker, but
// neither a command nor data begins with one.
func amfBody(m chunk.Message) []byte {
	if (m.Type == TypeCommandAMF3 || m.Type == TypeDataAMF3) && len(m.Body) > 0 && m.Body[0] == 0 {
		return m.Body[1:]
	}
	return m.Body
}

func parseCommand(m chunk.Message) (Message, error) {
	c := Command{ChunkStreamID: m.ChunkStreamID, StreamID: m.StreamID, Timestamp: m.Timestamp}
	values, err := amf0.Decode(amfBody(m))
	if len(values) > 0 {
		name, ok := values[0].(string)
		if !ok {
			return nil, fmt.Errorf("command that begins with a %T: %w", values[0], ErrMalformed)
		}
		c.Name, values = name, values[1:]
	} else if err == nil {
		err = fmt.Errorf("command without a name: %w", ErrMalformed)
	}
	// A command without a transaction (seen of FCUnpublish) asks for no answer.
	if len(values) > 0 {
		if n, ok := values[0].(float64); ok {
			c.Transaction, values = n, values[1:]
		}
		c.Args = values
	}
	if err != nil {
		return c, fmt.Errorf("command %q: %w", c.Name, err)
	}
	return c, nil
}

func parseData(m chunk.Message) (Message, error) {
	values, err := amf0.Decode(amfBody(m))
	if err != nil {
		err = fmt.Errorf("data message: %w", err)
	}
	return Data{m.ChunkStreamID, m.StreamID, m.Timestamp, values}, err
}

// Marshal returns the message as a chunk.Writer takes it, in AMF 0.
func (c Command) Marshal() chunk.Message {
	body := amf0.AppendTo(nil, c.Name, c.Transaction)
	return chunk.Message{
		ChunkStreamID: orDefault(c.ChunkStreamID, CommandChunkStream),
		StreamID:      c.StreamID, Type: TypeCommandAMF0, Timestamp: c.Timestamp,
		Body: amf0.AppendTo(body, c.Args...),
	}
}

// Marshal returns the message as a chunk.Writer takes it, in AMF 0.
func (d Data) Marshal() chunk.Message {
	return chunk.Message{
		ChunkStreamID: orDefault(d.ChunkStreamID, DataChunkStream),
		StreamID:      d.StreamID, Type: TypeDataAMF0, Timestamp: d.Timestamp,
		Body: amf0.AppendTo(nil, d.Values...),
	}
}
