package chunk

import "errors"

var (
	// ErrMalformed says that the peer sent what no sense can be made of.
	ErrMalformed = errors.New("malformed chunk stream")

	// ErrLimit says that the peer sent, or announced, more than its Limits allow.
	ErrLimit = errors.New("limit exceeded")
)

const (
	// DefaultChunkSize is the chunk size of both directions until it is set.
	DefaultChunkSize = 128

	// MaxChunkSize is the largest that has a meaning: the longest body. A peer may
	// announce more, and is taken to mean this.
	MaxChunkSize = 1<<24 - 1

	// MinChunkStreamID and MaxChunkStreamID bound the ids that a header can carry.
	MinChunkStreamID = 2
	MaxChunkStreamID = 65599
)

// Limits bounds what a peer may make a Reader hold or do.
type Limits struct {
	// Body is the longest message body, in bytes.
	Body int

	// Partial is the memory, in bytes, that all messages under way on all chunk
	// streams of the connection may take together.
	Partial int

	// Eager is the length up to which a body is allocated whole when its first
	// byte arrives. A longer one starts with this much and doubles as it arrives:
	// it never takes more than twice what its sender has sent of it.
	Eager int

	// Streams is how many chunk streams a connection may use.
	Streams int

	// Useless is how many times in a row a peer may send valid bytes that bring
	// nothing: empty messages, Set Chunk Size, Abort, messages begun and dropped,
	// headers that refer to nothing.
	Useless int
}

// PublisherLimits is for a peer that has been let in.
func PublisherLimits() Limits {
	return Limits{Body: 8 << 20, Partial: 16 << 20, Eager: 1 << 20, Streams: 64, Useless: 256}
}

// StrangerLimits is for a peer of which nothing is known yet: it has commands to
// send and nothing else.
func StrangerLimits() Limits {
	return Limits{Body: 64 << 10, Partial: 128 << 10, Eager: 4 << 10, Streams: 64, Useless: 64}
}
