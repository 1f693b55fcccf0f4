package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// defaultBufferSize holds the whole of a TLS record, or four of OBS's chunks.
const defaultBufferSize = 16 << 10

// minBufferSize holds the longest header: 3 bytes basic, 11 message, 4 extended.
const minBufferSize = 18

// Options of a Reader. The zero value is good.
type Options struct {
	// Limits are PublisherLimits if Body is zero.
	Limits Limits

	// BufferSize is that of the buffer for headers and short payloads; 16 KiB if zero.
	BufferSize int

	// Want, if not nil, is called before each read of the source with the bytes, at
	// least 1, that must come before a message under way can be whole; never more
	// than really will come until then. A socket can be told to sleep until they are
	// there (SO_RCVLOWAT): what that costs is that a message which its sender puts
	// between the chunks of a longer one is seen when the longer one is. The number
	// can be as large as Limits.Body and more; the read that follows may return less.
	Want func(n int)
}

// Reader reads messages from a connection.
type Reader struct {
	src       source
	limits    Limits
	chunkSize int

	streams []*stream // few; found by linear search
	last    *stream   // the chunk stream of the last chunk

	current *stream // the chunk stream of the chunk whose payload is next; nil between chunks
	left    int     // of that payload

	partial      int // messages under way
	partialBytes int // memory that they hold
	useless      int // see Limits.Useless
	err          error
}

// NewReader returns a Reader of src, which stands right after the handshake.
func NewReader(src io.Reader, opts Options) *Reader {
	if opts.Limits.Body == 0 {
		opts.Limits = PublisherLimits()
	}
	if opts.BufferSize == 0 {
		opts.BufferSize = defaultBufferSize
	}
	return &Reader{
		src: source{
			src:  src,
			want: opts.Want,
			buf:  make([]byte, max(opts.BufferSize, minBufferSize)),
		},
		limits:    opts.Limits,
		chunkSize: DefaultChunkSize,
	}
}

// SetLimits changes the limits for all that is read from now on.
func (r *Reader) SetLimits(l Limits) { r.limits = l }

// BytesRead returns how many bytes have been read from the source, those included
// that wait in the buffer: what an Acknowledgement reports.
func (r *Reader) BytesRead() uint64 { return r.src.total }

// ReadMessage returns the next message, other than Set Chunk Size and Abort.
func (r *Reader) ReadMessage() (Message, error) {
	for r.err == nil {
		s, err := r.readChunk()
		if err != nil {
			r.err = err
			break
		}
		if s == nil {
			continue
		}
		m := r.finish(s)
		switch {
		case m.Type == TypeSetChunkSize:
			r.err = r.setChunkSize(m.Body)
		case m.Type == TypeAbort:
			r.err = r.abort(m.Body)
		case len(m.Body) == 0:
			r.err = r.noteUseless()
			return m, nil
		default:
			r.useless = 0
			return m, nil
		}
	}
	return Message{}, r.err
}

// readChunk reads one chunk. It returns its chunk stream when a message is whole.
func (r *Reader) readChunk() (*stream, error) {
	h, err := r.readHeader()
	if err != nil {
		if errors.Is(err, io.EOF) && (r.partial > 0 || r.src.buffered() > 0) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read chunk header: %w", err)
	}
	s, err := r.stream(h.id)
	if err != nil {
		return nil, err
	}
	first := !s.continues(h)
	if first {
		if s.partial {
			r.drop(s)
			if err := r.noteUseless(); err != nil {
				return nil, err
			}
		}
		if !s.begin(h) {
			// DJI's Osmo sends type 2 with nothing before it. Its length is unknown,
			// so that it can only be none.
			return nil, r.noteUseless()
		}
		if s.length > r.limits.Body {
			return nil, fmt.Errorf("message of %d bytes, at most %d: %w", s.length, r.limits.Body, ErrLimit)
		}
		s.partial = true
		r.partial++
	}
	r.current, r.left = s, min(s.missing(), r.chunkSize)
	if h.format == 3 && s.extended {
		if err := r.skipRepeated(s, first); err != nil {
			return nil, cut("read extended timestamp", err)
		}
	}
	if err := r.readPayload(s); err != nil {
		return nil, err
	}
	r.current = nil
	if s.missing() > 0 {
		return nil, nil
	}
	return s, nil
}

func cut(doing string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// stream returns the chunk stream of the given id.
func (r *Reader) stream(id uint32) (*stream, error) {
	if r.last != nil && r.last.id == id {
		return r.last, nil
	}
	for _, s := range r.streams {
		if s.id == id {
			r.last = s
			return s, nil
		}
	}
	if len(r.streams) >= r.limits.Streams {
		return nil, fmt.Errorf("more than %d chunk streams: %w", r.limits.Streams, ErrLimit)
	}
	s := &stream{id: id}
	r.streams = append(r.streams, s)
	r.last = s
	return s, nil
}

// readPayload reads the rest of the current chunk into the body of its message.
func (r *Reader) readPayload(s *stream) error {
	if n := r.left; s.body == nil && n == s.length && r.src.buffered() >= n {
		// All of it is here: a copy into memory that nobody had to clear.
		at := r.src.r
		s.body = append([]byte(nil), r.src.buf[at:at+n]...)[:n:n]
		r.src.take(n)
		r.partialBytes += cap(s.body)
		return nil
	}
	for r.left > 0 {
		if len(s.body) == cap(s.body) {
			if err := r.grow(s); err != nil {
				return err
			}
		}
		at := len(s.body)
		end := min(at+r.left, cap(s.body))
		if err := r.src.readFull(s.body[at:end], r.Missing()); err != nil {
			return cut("read chunk", err)
		}
		s.body = s.body[:end]
		r.left -= end - at
	}
	return nil
}

// grow makes room for more of a message.
func (r *Reader) grow(s *stream) error {
	size := s.length
	if size > r.limits.Eager {
		size = min(size, max(r.limits.Eager, 2*cap(s.body)))
	}
	r.partialBytes += size - cap(s.body)
	if r.partialBytes > r.limits.Partial {
		return fmt.Errorf("more than %d bytes of messages under way: %w", r.limits.Partial, ErrLimit)
	}
	body := make([]byte, len(s.body), size)
	copy(body, s.body)
	s.body = body
	return nil
}

// finish hands over the message that is whole on s.
func (r *Reader) finish(s *stream) Message {
	m := Message{
		ChunkStreamID: s.id,
		StreamID:      s.streamID,
		Type:          s.typ,
		Timestamp:     s.timestamp,
		Body:          s.body,
	}
	r.drop(s)
	return m
}

// drop forgets the message under way on s.
func (r *Reader) drop(s *stream) {
	r.partial--
	r.partialBytes -= cap(s.body)
	s.partial = false
	s.body = nil
}

func (r *Reader) noteUseless() error {
	if r.useless++; r.useless > r.limits.Useless {
		return fmt.Errorf("more than %d chunks in a row to no purpose: %w", r.limits.Useless, ErrLimit)
	}
	return nil
}

// setChunkSize obeys a Set Chunk Size, section 5.4.1.
func (r *Reader) setChunkSize(body []byte) error {
	if len(body) < 4 {
		return fmt.Errorf("set chunk size of %d bytes: %w", len(body), ErrMalformed)
	}
	n := binary.BigEndian.Uint32(body) & 0x7fffffff
	if n == 0 {
		return fmt.Errorf("chunk size 0: %w", ErrMalformed)
	}
	r.chunkSize = int(min(n, MaxChunkSize))
	return r.noteUseless()
}

// abort obeys an Abort, section 5.4.2.
func (r *Reader) abort(body []byte) error {
	if len(body) < 4 {
		return fmt.Errorf("abort of %d bytes: %w", len(body), ErrMalformed)
	}
	id := binary.BigEndian.Uint32(body)
	for _, s := range r.streams {
		if s.id == id && s.partial {
			r.drop(s)
		}
	}
	return r.noteUseless()
}

// Missing returns a lower bound of the bytes that must still come from the source
// or the buffer before a message under way is whole, the chunk headers among them
// included. It is 0 between messages.
func (r *Reader) Missing() int {
	least := 0
	if r.partial == 0 {
		return 0
	}
	for _, s := range r.streams {
		if !s.partial {
			continue
		}
		if n := r.missingOf(s); least == 0 || n < least {
			least = n
		}
	}
	return least
}

func (r *Reader) missingOf(s *stream) int {
	rest, ahead := s.missing(), 0
	if r.current != nil {
		ahead = r.left // the chunk being read comes first, whosever it is
		if r.current == s {
			rest -= r.left
		}
	}
	headers := (rest + r.chunkSize - 1) / r.chunkSize
	return ahead + rest + headers*basicHeaderLen(s.id)
}

func basicHeaderLen(id uint32) int {
	switch {
	case id < 64:
		return 1
	case id < 320:
		return 2
	default:
		return 3
	}
}
