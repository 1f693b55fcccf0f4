package chunk

import "io"

// maxEmptyReads is how often in a row a source may return neither bytes nor an error.
const maxEmptyReads = 100

// source is a buffered reader for short headers and long payloads. Headers are
// looked at in its buffer; a payload is taken from the buffer as far as it is
// there, and the rest goes from the source into its final place when it is long
// enough for that to save a copy without costing a further read.
type source struct {
	src   io.Reader
	want  func(n int) // called before each read of src; may be nil
	buf   []byte
	r, w  int    // buf[r:w] is read but not taken
	total uint64 // bytes read from src
	err   error  // of src, to be returned once the buffer is used up
}

func (s *source) buffered() int { return s.w - s.r }

// peek returns the next n bytes (or more) without taking them. missing is the
// caller's lower bound of the bytes from the first of them that it will need
// before it can make anything of them.
func (s *source) peek(n, missing int) ([]byte, error) {
	for s.buffered() < n {
		if s.r > 0 { // what is left is part of a header: moving it costs nothing
			s.w = copy(s.buf, s.buf[s.r:s.w])
			s.r = 0
		}
		have := s.buffered()
		k, err := s.read(s.buf[s.w:], max(n, missing)-have)
		s.w += k
		if err != nil && s.buffered() < n {
			return nil, err
		}
	}
	return s.buf[s.r:s.w], nil
}

func (s *source) take(n int) { s.r += n }

// readFull fills p. missing is as for peek.
func (s *source) readFull(p []byte, missing int) error {
	for {
		k := copy(p, s.buf[s.r:s.w])
		s.r += k
		p = p[k:]
		missing -= k
		if len(p) == 0 {
			return nil
		}
		if len(p) < len(s.buf) {
			if _, err := s.peek(1, missing); err != nil {
				return err
			}
			continue
		}
		k, err := s.read(p, missing)
		p = p[k:]
		missing -= k
		if len(p) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// read reads at least one byte from src into p, unless there is an error.
func (s *source) read(p []byte, missing int) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	for range maxEmptyReads {
		if s.want != nil {
			s.want(missing)
		}
		n, err := s.src.Read(p)
		s.total += uint64(n)
		s.err = err
		if n > 0 || err != nil {
			return n, err
		}
	}
	s.err = io.ErrNoProgress
	return 0, s.err
}
