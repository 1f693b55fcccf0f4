package chunk

// Message is one RTMP message.
type Message struct {
	// ChunkStreamID is the chunk stream that it came, or shall go, on: 2 to 65599.
	ChunkStreamID uint32

	// StreamID is the message stream: 0 for the connection, else what createStream gave.
	StreamID uint32

	// Type is the message type of section 5.4 and 7.1.
	Type uint8

	// Timestamp is in milliseconds and wraps after 49.7 days.
	Timestamp uint32

	// Body is the payload, without chunk headers. From a Reader it belongs to the
	// caller; a Writer reads it before it returns and does not keep it.
	Body []byte
}

// The message types that are the chunk layer's own business.
const (
	TypeSetChunkSize = 1
	TypeAbort        = 2
)
