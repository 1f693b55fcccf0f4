package chunk

import "encoding/binary"

// A chunk, section 5.3.1:
//
//	| basic header 1..3 | message header 11, 7, 3 or 0 | extended timestamp 0 or 4 | payload |
//
//	basic header    | fmt 2 bits | id 6 bits |                        id 2..63
//	                | fmt        | 0         | id-64          |       id 64..319
//	                | fmt        | 1         | id-64, little endian | id 64..65599
//	message header  | timestamp 3 | length 3 | type 1 | stream id 4, little endian |  fmt 0
//	                | delta 3     | length 3 | type 1 |                               fmt 1
//	                | delta 3     |                                                   fmt 2
//
// A timestamp or delta of 0xffffff says that the true value follows the header.
const extendedMark = 0xffffff

// typeVideo is the type of a video message, section 7.1.5.
const typeVideo = 9

var messageHeaderLen = [4]int{11, 7, 3, 0}

// plausibleStep is how far, in milliseconds, the timestamps of two messages that
// follow each other on a chunk stream may lie apart when a header can be read in
// two ways. Only then does it decide; otherwise any distance is passed on.
const plausibleStep = 10_000

// stream is the state of one chunk stream: what the next header may leave out,
// and the message under way.
type stream struct {
	id       uint32
	known    bool // a header of type 0 or 1 came: length and type are set
	extended bool // the last header of type 0 to 2 had an extended timestamp

	field     uint32 // the timestamp or delta of that header
	delta     uint32 // what a type 3 header that begins a message adds
	timestamp uint32
	streamID  uint32
	length    int
	typ       uint8

	partial bool // a message is under way
	body    []byte
}

func (s *stream) missing() int { return s.length - len(s.body) }

// header is what one chunk's header says, before it is held against its stream.
type header struct {
	format   uint8
	id       uint32
	extended bool
	field    uint32
	length   int
	typ      uint8
	streamID uint32
}

// readHeader takes a chunk's header off the source, up to and including the
// extended timestamp of types 0 to 2. That of type 3 depends on its stream.
func (r *Reader) readHeader() (h header, err error) {
	missing := r.Missing()
	b, err := r.src.peek(1, missing)
	if err != nil {
		return h, err
	}
	h.format = b[0] >> 6
	h.id = uint32(b[0] & 0x3f)
	basic := 1
	if h.id < MinChunkStreamID {
		basic = 2 + int(h.id)
	}
	n := basic + messageHeaderLen[h.format]
	if b, err = r.src.peek(n, missing); err != nil {
		return h, err
	}
	switch basic {
	case 2:
		h.id = 64 + uint32(b[1])
	case 3:
		h.id = 64 + uint32(b[1]) + uint32(b[2])<<8
	}
	m := b[basic:n]
	if h.format <= 2 {
		h.field = uint24(m)
		h.extended = h.field == extendedMark
	}
	if h.format <= 1 {
		h.length = int(uint24(m[3:]))
		h.typ = m[6]
	}
	if h.format == 0 {
		h.streamID = binary.LittleEndian.Uint32(m[7:])
	}
	if h.extended {
		if b, err = r.src.peek(n+4, missing); err != nil {
			return h, err
		}
		h.field = binary.BigEndian.Uint32(b[n:])
		n += 4
	}
	r.src.take(n)
	return h, nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// continues says whether a header goes on with the message under way on s. The
// specification asks for type 3 then, but only as a SHOULD: another type that
// says of the message what has been said already is taken likewise. One that
// says something else begins a message, and its forerunner will never be whole
// (senders that drop frames when the network is slow).
func (s *stream) continues(h header) bool {
	if !s.partial || h.format == 3 {
		return s.partial
	}
	same := h.field == s.field && h.extended == s.extended
	if h.format <= 1 {
		same = same && h.length == s.length && h.typ == s.typ
	}
	if h.format == 0 {
		same = same && h.streamID == s.streamID
	}
	return same
}

// begin lets s take over what a header that begins a message says. It returns
// false when the header refers to a predecessor that never was.
func (s *stream) begin(h header) bool {
	switch h.format {
	case 0:
		s.timestamp = h.field
		s.streamID = h.streamID
		// Type 3 after this one repeats, by section 5.3.1.2.4, the timestamp as if it
		// were a delta. ffmpeg writes it so; nginx-rtmp and librtmp mean that nothing
		// is added. Where the first reading leaps, the second is right.
		s.delta = h.field
		if h.field > plausibleStep {
			s.delta = 0
		}
	case 1, 2:
		s.delta = h.field
		if h.extended && near(h.field, s.timestamp) && !near(h.field, 0) {
			// The full timestamp where the delta belongs, as old SRS writes and reads
			// it: a delta of that size would leap by more than four hours.
			s.delta = h.field - s.timestamp
		}
		s.timestamp += s.delta
	case 3:
		s.timestamp += s.delta
	}
	if h.format <= 2 {
		s.field = h.field
		s.extended = h.extended
	}
	if h.format <= 1 {
		s.known = true
		s.length = h.length
		s.typ = h.typ
	}
	return s.known
}

// skipRepeated takes the extended timestamp off a chunk of type 3, if it is
// there: the specification, ffmpeg and FMLE repeat it, librtmp and OBS before 30.1
// do not. What follows the header is compared with what it would have to be; where
// it differs, no more is waited for than the payload that it then is.
func (r *Reader) skipRepeated(s *stream, first bool) error {
	n, missing := r.left, r.Missing()
	b, err := r.src.peek(min(max(n, 1), 4), missing)
	if err != nil {
		return err
	}
	likely := s.repeats(b, first)
	for likely && len(b) < 4 {
		if b, err = r.src.peek(len(b)+1, missing); err != nil {
			return err
		}
		likely = s.repeats(b, first)
	}
	if likely {
		r.src.take(4)
	} else if first && n >= 4 {
		// A message of its own may carry its own timestamp in full.
		if v := binary.BigEndian.Uint32(b); v >= extendedMark && near(v, s.timestamp) {
			s.timestamp = v
			r.src.take(4)
		}
	}
	return nil
}

// repeats says whether b, or what there is of it, is an extended timestamp that a
// chunk of type 3 on s repeats.
func (s *stream) repeats(b []byte, first bool) bool {
	switch {
	case prefixOf(b, s.field):
		return true
	case s.timestamp >= extendedMark && prefixOf(b, s.timestamp): // the sum instead of the delta
		return true
	case !first && s.typ == typeVideo && prefixOf(b, 0):
		// gortmplib 1.0 leaves the field zero. As payload, four zero bytes are next to
		// impossible in H.264 and its kin, which escape them; audio may hold them.
		return true
	}
	return false
}

// prefixOf says whether b begins as v does in big endian.
func prefixOf(b []byte, v uint32) bool {
	for i := range min(len(b), 4) {
		if b[i] != byte(v>>(24-8*i)) {
			return false
		}
	}
	return true
}

// near says whether two timestamps lie at most a plausible step apart.
func near(a, b uint32) bool {
	d := int32(a - b)
	return -plausibleStep <= d && d <= plausibleStep
}
