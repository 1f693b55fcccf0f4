package nut

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrMalformed says that the bytes are not NUT of one stream, or ask for more
// than the limits allow.
var ErrMalformed = errors.New("malformed NUT")

// Packet is a coded picture or audio frame.
type Packet struct {
	PTS  int64 // in the header's time base
	Key  bool  // decoding may start here
	Data []byte
}

// fileID begins the stream.
const fileID = "nut/multimedia container\x00"

// Startcodes. All begin with startLetter.
const (
	startMain      = 0x4E4D7A561F5F04AD
	startStream    = 0x4E5311405BF2F9DB
	startSyncpoint = 0x4E4BE4ADEECA4569
)

// buffered is how much is taken from the source at once, where it is there.
const buffered = 64 << 10

// Reader reads one NUT stream.
type Reader struct {
	r   *bufio.Reader
	at  int64 // bytes taken so far
	err error // of the first call that failed

	// Known once the headers have been read.
	headed bool
	header Header
	global global
	stream stream

	synced  bool  // there was a syncpoint since the headers
	lastPTS int64 // of the last frame, or of the syncpoint after it

	scratch []byte // a packet's body
	raw     [maxFrameHeader]byte
}

// NewReader reads one NUT stream with one elementary stream, as ffmpeg writes it
// on a pipe. It takes what r has, and never waits for more than it needs.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, buffered)}
}

// Header returns what the stream says about itself. It waits until that is
// there, and returns the same from then on, also after the stream's end.
func (r *Reader) Header() (Header, error) {
	if !r.headed && r.err == nil {
		r.fail(r.readHeaders())
	}
	if r.headed {
		return r.header, nil
	}
	return Header{}, r.err
}

// Next returns the next packet. It is io.EOF after the last one.
func (r *Reader) Next() (Packet, error) {
	if _, err := r.Header(); err != nil {
		return Packet{}, err
	}
	if r.err != nil {
		return Packet{}, r.err
	}
	p, err := r.next()
	r.fail(err)
	return p, err
}

// fail keeps the first error, which is the last thing that the reader says.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// readHeaders reads up to and with the stream header.
func (r *Reader) readHeaders() error {
	if _, err := r.r.Peek(1); err != nil {
		return r.wrap("read file id", err) // an end before the beginning is a clean one
	}
	id, err := r.body(len(fileID))
	if err != nil {
		return r.wrap("read file id", inside(err))
	}
	if string(id) != fileID {
		return r.wrap("file id", ErrMalformed)
	}
	if err := r.readPacket(); err != nil {
		return inside(err)
	}
	if r.global.version == 0 {
		return r.wrap("packet before the main header", ErrMalformed)
	}
	for !r.headed {
		if err := r.readPacket(); err != nil {
			return inside(err)
		}
	}
	return nil
}

// next passes over packets until there is a frame.
func (r *Reader) next() (Packet, error) {
	for {
		first, err := r.r.Peek(1)
		if err != nil {
			return Packet{}, r.wrap("read packet", err)
		}
		if first[0] == startLetter {
			if err := r.readPacket(); err != nil {
				return Packet{}, err
			}
			continue
		}
		p, end, err := r.readFrame()
		if err != nil {
			return Packet{}, r.wrap("read frame", err)
		}
		if !end {
			return p, nil
		}
	}
}

// readPacket reads anything that begins with a startcode:
//
//	| startcode 8 | forward_ptr v | header checksum 4, of long ones only | body | checksum 4 |
//
// It is io.EOF only where nothing was there.
func (r *Reader) readPacket() error {
	switch first, err := r.r.Peek(1); {
	case err != nil:
		return r.wrap("read packet", err)
	case first[0] != startLetter:
		return r.wrap("frame before the headers", ErrMalformed)
	}
	start, size, err := r.packetHeader()
	if err != nil {
		return r.wrap("read packet header", inside(err))
	}
	switch {
	case start == startMain && r.global.version == 0:
		err = r.keep(size, r.readMain)
	case start == startStream && r.global.version != 0 && !r.headed:
		err = r.keep(size, r.readStream)
	case start == startSyncpoint && r.headed:
		err = r.keep(size, r.readSyncpoint)
	default:
		// Repeated headers are the same to the bit; others say nothing that is
		// needed here.
		if start == startMain {
			r.synced = false
		}
		err = r.passOver(size)
	}
	if err != nil {
		return r.wrap(fmt.Sprintf("read packet %08x", start>>32), inside(err))
	}
	return nil
}

// packetHeader returns a packet's startcode and the size of its body, without
// the checksum.
func (r *Reader) packetHeader() (start uint64, size int64, err error) {
	raw := r.raw[:8+maxValue]
	if err := r.full(raw[:8]); err != nil {
		return 0, 0, err
	}
	start = binary.BigEndian.Uint64(raw[:])
	forward, n, err := r.value(raw[8:])
	if err != nil {
		return 0, 0, err
	}
	if forward > guarded {
		want, err := r.uint32()
		if err != nil {
			return 0, 0, err
		}
		if checksum(0, raw[:8+n]) != want {
			return 0, 0, malformed("checksum of a packet's header")
		}
	}
	if forward < 4 || forward > maxPassedOver {
		return 0, 0, malformed("packet of %d bytes", forward)
	}
	return start, int64(forward) - 4, nil
}

// keep reads a packet's body, checks it, and hands it to parse, which may refer
// to it no longer than the call.
func (r *Reader) keep(size int64, parse func(body []byte) error) error {
	if size > maxHeader {
		return malformed("header of %d bytes", size)
	}
	body, err := r.body(int(size))
	if err != nil {
		return err
	}
	if err := r.check(checksum(0, body)); err != nil {
		return err
	}
	return parse(body)
}

// passOver reads a packet's body without keeping it.
func (r *Reader) passOver(size int64) error {
	var sum uint32
	for size > 0 {
		if _, err := r.r.Peek(1); err != nil {
			return err
		}
		b, _ := r.r.Peek(int(min(size, int64(r.r.Buffered()))))
		sum = checksum(sum, b)
		size -= int64(len(b))
		r.discard(len(b))
	}
	return r.check(sum)
}

// check reads the checksum at a packet's end.
func (r *Reader) check(sum uint32) error {
	want, err := r.uint32()
	if err == nil && sum != want {
		return malformed("checksum")
	}
	return err
}

func (r *Reader) readMain(body []byte) error { return r.global.parse(body) }

func (r *Reader) readStream(body []byte) error {
	h, s, err := parseStream(body, r.global.bases)
	if err != nil {
		return err
	}
	r.header, r.stream, r.headed = h, s, true
	return nil
}

// readSyncpoint takes the time that the next frame's is relative to. Where to
// seek to from here isn't of interest, nor is the sender's clock.
func (r *Reader) readSyncpoint(body []byte) error {
	c := cursor{b: body}
	t := c.v()
	c.v() // back_ptr_div16
	if r.global.broadcast {
		c.v() // transmit_ts
	}
	if c.bad {
		return malformed("syncpoint of %d bytes", len(body))
	}
	bases := r.global.bases
	n := uint64(len(bases))
	pts, ok := convert(t/n, bases[t%n], r.header.TimeBase)
	if !ok {
		return malformed("syncpoint at %d", t/n)
	}
	r.lastPTS, r.synced = pts, true
	return nil
}

// wrap says what was being read and where. An end between packets stays io.EOF
// itself.
func (r *Reader) wrap(doing string, err error) error {
	if err == io.EOF { //nolint:errorlint // by contract of io.Reader
		return err
	}
	return fmt.Errorf("nut: %s at byte %d: %w", doing, r.at, err)
}

// inside turns a clean end into one that comes too early.
func inside(err error) error {
	if err == io.EOF { //nolint:errorlint // by contract of io.Reader
		return io.ErrUnexpectedEOF
	}
	return err
}
