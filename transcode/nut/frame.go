package nut

// What a frame's header holds, or that it is a keyframe.
const (
	flagKey       = 1 << 0
	flagEOR       = 1 << 1 // the stream has nothing to show from here on
	flagCodedPTS  = 1 << 3
	flagStreamID  = 1 << 4
	flagSizeMSB   = 1 << 5
	flagChecksum  = 1 << 6
	flagReserved  = 1 << 7
	flagSideData  = 1 << 8 // version 4
	flagElided    = 1 << 10
	flagMatchTime = 1 << 11
	flagCoded     = 1 << 12
	flagInvalid   = 1 << 13

	flagsKnown = flagKey | flagEOR | flagCodedPTS | flagStreamID | flagSizeMSB | flagChecksum | flagReserved |
		flagSideData | flagElided | flagMatchTime | flagCoded
)

// frame is a frame's header.
type frame struct {
	flags  uint64
	pts    int64
	size   int64 // with what is elided
	elided int
}

// fields reads the values of a frame's header into the scratch buffer, which
// the checksum is of. The first error sticks.
type fields struct {
	r   *Reader
	n   int // bytes so far
	err error
}

// v reads a value where the flag is set.
func (f *fields) v(set bool, otherwise uint64) uint64 {
	if !set || f.err != nil {
		return otherwise
	}
	v, n, err := f.r.value(f.r.raw[f.n:])
	f.n, f.err = f.n+n, err
	return v
}

// readFrame reads a frame. end is true of one that only ends the stream.
func (r *Reader) readFrame() (p Packet, end bool, err error) {
	f, err := r.frameHeader()
	if err != nil {
		return p, false, inside(err)
	}
	if f.flags&flagEOR != 0 {
		if f.size != 0 {
			return p, false, malformed("end of relevance with %d bytes", f.size)
		}
		r.lastPTS = f.pts
		return p, true, nil
	}
	data, err := r.frameData(f)
	if err != nil {
		return p, false, inside(err)
	}
	r.lastPTS = f.pts
	return Packet{PTS: f.pts, Key: f.flags&flagKey != 0, Data: data}, false, nil
}

func (r *Reader) frameHeader() (f frame, err error) {
	code, err := r.byte()
	if err != nil {
		return f, err
	}
	r.raw[0] = code
	in := fields{r: r, n: 1}
	row := &r.global.codes[code]
	if row.flags&flagInvalid != 0 || !r.synced {
		return f, malformed("frame code %d, or no syncpoint before", code)
	}
	f.flags = row.flags
	f.flags ^= in.v(f.flags&flagCoded != 0, 0)
	known := uint64(flagsKnown)
	if r.global.version < 4 {
		known &^= flagSideData
	}
	if in.err == nil && f.flags&^known != 0 {
		return f, malformed("frame with flags %#x", f.flags)
	}
	id := in.v(f.flags&flagStreamID != 0, uint64(row.stream))
	codedPTS := in.v(f.flags&flagCodedPTS != 0, 0)
	msb := in.v(f.flags&flagSizeMSB != 0, 0)
	in.v(f.flags&flagMatchTime != 0, 0)
	elided := in.v(f.flags&flagElided != 0, uint64(row.elided))
	reserved := in.v(f.flags&flagReserved != 0, uint64(row.reserved))
	for range min(reserved, maxReserved-1) {
		in.v(true, 0)
	}
	switch {
	case in.err != nil:
		return f, in.err
	case id != 0:
		return f, malformed("frame of stream %d", id)
	case reserved >= maxReserved:
		return f, malformed("%d reserved values", reserved)
	case elided >= uint64(len(r.global.elided)):
		return f, malformed("elision header %d of %d", elided, len(r.global.elided))
	case codedPTS > maxTime:
		return f, malformed("PTS of %d", codedPTS)
	case msb > maxFrame:
		return f, malformed("frame of %d times %d bytes", msb, row.mul)
	}
	f.size = int64(msb)*int64(row.mul) + int64(row.lsb)
	f.elided = int(elided)
	f.pts = r.lastPTS + row.delta
	if f.flags&flagCodedPTS != 0 {
		f.pts = r.stream.pts(codedPTS, r.lastPTS)
	}
	return f, r.checkFrame(&f, r.raw[:in.n])
}

// pts returns the whole of a coded one: one of few bits is the nearest to the
// last that ends in them, give or take.
func (s stream) pts(coded uint64, last int64) int64 {
	one := uint64(1) << s.shift
	if coded >= one {
		return int64(coded - one)
	}
	mask := int64(one - 1)
	delta := last - mask/2
	return (int64(coded)-delta)&mask + delta
}

// checkFrame holds a frame's header against its checksum and the limits. One
// that is far from the last, or large, must have a checksum: so what is
// allocated for it has been promised by more than a stray byte.
func (r *Reader) checkFrame(f *frame, raw []byte) error {
	if f.flags&flagChecksum != 0 {
		want, err := r.uint32()
		if err != nil {
			return err
		}
		if checksum(0, raw) != want {
			return malformed("checksum of a frame's header")
		}
	}
	if f.pts > maxTime || f.pts < -maxTime {
		return malformed("PTS of %d", f.pts)
	}
	distance := max(f.pts-r.lastPTS, r.lastPTS-f.pts)
	bare := f.flags&flagChecksum == 0
	switch {
	case f.size > maxFrame:
		return malformed("frame of %d bytes", f.size)
	case bare && f.size > 2*r.global.maxDistance:
		return malformed("frame of %d bytes without a checksum", f.size)
	case bare && distance > r.stream.maxDistance:
		return malformed("PTS %d after %d without a checksum", f.pts, r.lastPTS)
	}
	if f.size > elidedFrame {
		f.elided = 0
	}
	if n := len(r.global.elided[f.elided]); f.size < int64(n) {
		return malformed("frame of %d bytes, of which %d are elided", f.size, n)
	}
	return nil
}

// frameData reads a frame's bytes, behind the beginning that was elided.
func (r *Reader) frameData(f frame) ([]byte, error) {
	elided := r.global.elided[f.elided]
	data := make([]byte, f.size)
	if err := r.full(data[len(elided):]); err != nil {
		return nil, err
	}
	if f.flags&flagSideData != 0 {
		n, err := sideData(data[len(elided):])
		if err != nil {
			return nil, err
		}
		data = data[n:]
	}
	copy(data, elided)
	return data, nil
}

// Types of a value beside its own, in info packets and side data.
const (
	typeUTF8     = -1
	typeNamed    = -2
	typeSigned   = -3
	typeTime     = -4
	typeRational = -5 // and below
)

// sideData returns the length of the side data and the metadata that a frame
// begins with. Both are coded as the entries of info packets are.
func sideData(b []byte) (int, error) {
	c := cursor{b: b}
	for range 2 {
		for range c.n(maxSideData + 1) {
			c.vb() // name
			switch t := c.s(); {
			case t == typeUTF8:
				c.vb()
			case t == typeNamed:
				c.vb()
				c.vb()
			case t == typeSigned, t <= typeRational:
				c.s()
			case t == typeTime:
				c.v()
			}
		}
	}
	if c.bad {
		return 0, malformed("side data")
	}
	return len(b) - len(c.b), nil
}
