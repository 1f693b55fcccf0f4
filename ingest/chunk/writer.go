package chunk

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxKeptBuffer is the largest buffer that a Writer keeps between messages.
const maxKeptBuffer = 64 << 10

// Writer writes messages to a connection.
type Writer struct {
	dst       io.Writer
	chunkSize int
	streams   []*sent
	buf       []byte
	err       error
}

// sent is what the last header on a chunk stream said.
type sent struct {
	Message      // without its body
	length   int // of it
	delta    uint32
	hasDelta bool // the last header carried delta, not a timestamp
}

// NewWriter returns a Writer to dst, which stands right after the handshake.
func NewWriter(dst io.Writer) *Writer {
	return &Writer{dst: dst, chunkSize: DefaultChunkSize}
}

// WriteMessage writes messages, all in one Write. A Set Chunk Size among them
// governs those that follow it. The first error is returned ever after.
func (w *Writer) WriteMessage(ms ...Message) error {
	if w.err != nil {
		return w.err
	}
	buf := w.buf[:0]
	for i := range ms {
		if buf, w.err = w.AppendMessage(buf, ms[i]); w.err != nil {
			return w.err
		}
	}
	if w.buf = buf; cap(buf) > maxKeptBuffer {
		w.buf = nil
	}
	if _, err := w.dst.Write(buf); err != nil {
		w.err = fmt.Errorf("write chunks: %w", err)
	}
	return w.err
}

// AppendMessage appends the chunks of m to dst. They must reach the connection in
// the order in which they are made. It fails on a message that has no form on the
// wire: a chunk stream id out of range, a body of 16 MiB or more, a Set Chunk Size
// that sets none.
func (w *Writer) AppendMessage(dst []byte, m Message) ([]byte, error) {
	if m.ChunkStreamID < MinChunkStreamID || m.ChunkStreamID > MaxChunkStreamID {
		return dst, fmt.Errorf("chunk stream id %d: %w", m.ChunkStreamID, ErrMalformed)
	}
	if len(m.Body) > MaxChunkSize {
		return dst, fmt.Errorf("body of %d bytes: %w", len(m.Body), ErrLimit)
	}
	chunkSize := w.chunkSize
	if m.Type == TypeSetChunkSize {
		if len(m.Body) != 4 || binary.BigEndian.Uint32(m.Body)-1 >= 1<<31-1 {
			return dst, fmt.Errorf("set chunk size % x: %w", m.Body, ErrMalformed)
		}
		w.chunkSize = int(min(binary.BigEndian.Uint32(m.Body), MaxChunkSize))
	}
	dst, extended := w.appendHeader(dst, &m)
	for body := m.Body; ; {
		n := min(len(body), chunkSize)
		dst = append(dst, body[:n]...)
		if body = body[n:]; len(body) == 0 {
			return dst, nil
		}
		dst = appendBasicHeader(dst, 3, m.ChunkStreamID)
		if extended {
			dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
		}
	}
}

// appendHeader appends the shortest header that every reader understands alike:
// type 3 never follows type 0 directly, and deltas are never extended. It says
// whether the timestamp is.
func (w *Writer) appendHeader(dst []byte, m *Message) ([]byte, bool) {
	s := w.stream(m.ChunkStreamID)
	delta := m.Timestamp - s.Timestamp
	format := uint8(2)
	switch {
	case s.ChunkStreamID == 0 || s.StreamID != m.StreamID || delta >= extendedMark:
		format = 0
	case s.length != len(m.Body) || s.Type != m.Type:
		format = 1
	case s.hasDelta && s.delta == delta:
		format = 3
	}
	dst = appendBasicHeader(dst, format, m.ChunkStreamID)
	extended := false
	switch format {
	case 0:
		extended = m.Timestamp >= extendedMark
		dst = appendUint24(dst, min(m.Timestamp, extendedMark))
		dst = appendUint24(dst, uint32(len(m.Body)))
		dst = append(dst, m.Type)
		dst = binary.LittleEndian.AppendUint32(dst, m.StreamID)
		if extended {
			dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
		}
	case 1:
		dst = appendUint24(dst, delta)
		dst = appendUint24(dst, uint32(len(m.Body)))
		dst = append(dst, m.Type)
	case 2:
		dst = appendUint24(dst, delta)
	}
	*s = sent{Message: *m, length: len(m.Body), delta: delta, hasDelta: format != 0}
	s.Body = nil
	return dst, extended
}

func (w *Writer) stream(id uint32) *sent {
	for _, s := range w.streams {
		if s.ChunkStreamID == id {
			return s
		}
	}
	s := &sent{}
	w.streams = append(w.streams, s)
	return s
}

func appendBasicHeader(dst []byte, format uint8, id uint32) []byte {
	switch basicHeaderLen(id) {
	case 1:
		return append(dst, format<<6|byte(id))
	case 2:
		return append(dst, format<<6, byte(id-64))
	default:
		return append(dst, format<<6|1, byte(id-64), byte((id-64)>>8))
	}
}

func appendUint24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}
