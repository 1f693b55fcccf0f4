package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sluice/media"
)

// ErrMalformed says that bytes are no fragment of the form that AppendTo writes.
var ErrMalformed = errors.New("malformed fragment")

// maxDTS bounds decode times, so that sums of durations can't overflow: three
// million years at 90 kHz.
const maxDTS = math.MaxInt64 / 2

// Read reads a fragment that AppendTo has written, one track run in one moof and
// its mdat; emsg, prft and styp before it are passed over. The samples refer to b,
// without a copy, and f's room for samples is used again. What they take is
// bounded by the length of b. The error wraps ErrMalformed, and leaves f as it was but
// for that room.
func (f *Fragment) Read(b []byte) error {
	moof, b, err := findMoof(b)
	if err != nil {
		return err
	}
	r := run{offset: uint32(boxHeader + len(moof) + boxHeader)}
	if err := r.readMoof(moof); err != nil {
		return err
	}
	mdat, rest, err := cutBox(b, "mdat")
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes behind mdat: %w", len(rest), ErrMalformed)
	}
	samples, err := r.samples(f.Samples[:0], mdat)
	if err != nil {
		return err
	}
	*f = Fragment{Sequence: r.sequence, TrackID: media.TrackID(r.track), Samples: samples}
	return nil
}

// findMoof returns moof's content and what is behind it.
func findMoof(b []byte) (moof, rest []byte, err error) {
	for {
		name, content, rest, err := nextBox(b)
		if err != nil {
			return nil, nil, err
		}
		switch string(name) {
		case "moof":
			return content, rest, nil
		case "emsg", "prft", "styp":
			b = rest
		default:
			return nil, nil, fmt.Errorf("%q where moof is to be: %w", name, ErrMalformed)
		}
	}
}

// nextBox cuts a box off b.
func nextBox(b []byte) (name, content, rest []byte, err error) {
	if len(b) < boxHeader {
		return nil, nil, nil, fmt.Errorf("%d bytes where a box is to be: %w", len(b), ErrMalformed)
	}
	size := binary.BigEndian.Uint32(b)
	if size < boxHeader || uint64(size) > uint64(len(b)) {
		return nil, nil, nil, fmt.Errorf("%q of %d bytes in %d: %w", b[4:8], size, len(b), ErrMalformed)
	}
	return b[4:boxHeader], b[boxHeader:size:size], b[size:], nil
}

// cutBox cuts a box of that name off b.
func cutBox(b []byte, name string) (content, rest []byte, err error) {
	found, content, rest, err := nextBox(b)
	if err == nil && string(found) != name {
		err = fmt.Errorf("%q where %s is to be: %w", found, name, ErrMalformed)
	}
	return content, rest, err
}

// run is what the boxes of a moof say.
type run struct {
	sequence, track uint32
	dts             uint64
	tfhd, trun      uint32 // flags
	duration, flags uint32 // defaults of tfhd
	first           uint32 // first_sample_flags
	offset          uint32 // of the payload, which the boxes have to say too
	n               int
	table           []byte // of trun, for each sample
}

func (r *run) readMoof(moof []byte) error {
	mfhd, moof, err := cutFull(moof, "mfhd", 0)
	if err != nil {
		return err
	}
	traf, rest, err := cutBox(moof, "traf")
	if err != nil {
		return err
	}
	tfhd, traf, err := cutFull(traf, "tfhd", 0)
	if err != nil {
		return err
	}
	tfdt, traf, err := cutFull(traf, "tfdt", 1)
	if err != nil {
		return err
	}
	trun, tail, err := cutFull(traf, "trun", 1)
	if err != nil {
		return err
	}
	if len(rest) > 0 || len(tail) > 0 {
		return fmt.Errorf("moof with more than one run: %w", ErrMalformed)
	}
	r.sequence, r.dts = mfhd.u32(), tfdt.u64()
	r.readTfhd(&tfhd)
	r.readTrun(&trun)
	if !mfhd.done() || !tfhd.done() || !tfdt.done() || trun.short {
		return fmt.Errorf("boxes of moof are cut off, or too long: %w", ErrMalformed)
	}
	if r.track == 0 || r.dts > maxDTS {
		return fmt.Errorf("track %d with decode time %d: %w", r.track, r.dts, ErrMalformed)
	}
	return r.check(trun.b)
}

func (r *run) readTfhd(c *fields) {
	r.tfhd, r.track = c.flags, c.u32()
	if r.tfhd&tfhdDefaultDuration != 0 {
		r.duration = c.u32()
	}
	if r.tfhd&tfhdDefaultFlags != 0 {
		r.flags = c.u32()
	}
}

func (r *run) readTrun(c *fields) {
	r.trun, r.n = c.flags, int(c.u32())
	if offset := c.u32(); offset != r.offset {
		c.short = true
	}
	if r.trun&trunFirstSampleFlags != 0 {
		r.first = c.u32()
	}
}

// check looks whether the flags go together, so that each sample has all that it
// needs once, and whether the table is as long as they say.
func (r *run) check(table []byte) error {
	const (
		tfhdKnown = tfhdDefaultDuration | tfhdDefaultFlags | tfhdDefaultBaseIsMoof
		trunKnown = trunDataOffset | trunFirstSampleFlags | trunDuration | trunSize | trunFlags | trunCTSOffset
		trunNeeds = trunDataOffset | trunSize
	)
	durations := r.tfhd&tfhdDefaultDuration != 0 != (r.trun&trunDuration != 0)
	flags := r.tfhd&tfhdDefaultFlags != 0 != (r.trun&trunFlags != 0)
	both := r.trun&trunFlags != 0 && r.trun&trunFirstSampleFlags != 0
	if r.tfhd&^tfhdKnown != 0 || r.tfhd&tfhdDefaultBaseIsMoof == 0 || r.trun&^trunKnown != 0 ||
		r.trun&trunNeeds != trunNeeds || !durations || !flags || both {
		return fmt.Errorf("flags %#x of tfhd and %#x of trun: %w", r.tfhd, r.trun, ErrMalformed)
	}
	if each := r.perSample(); r.n == 0 || len(table)%each != 0 || len(table)/each != r.n {
		return fmt.Errorf("run of %d samples in %d bytes: %w", r.n, len(table), ErrMalformed)
	}
	r.table = table
	return nil
}

func (r *run) perSample() int {
	n := 0
	for _, field := range [...]uint32{trunDuration, trunSize, trunFlags, trunCTSOffset} {
		if r.trun&field != 0 {
			n += 4
		}
	}
	return n
}

// samples appends the run's samples, whose payloads lie in mdat one after the other.
func (r *run) samples(dst []media.Sample, mdat []byte) ([]media.Sample, error) {
	c := fields{b: r.table}
	dts := media.Ticks(r.dts)
	for i := range r.n {
		duration, flags := r.duration, r.flags
		if r.trun&trunDuration != 0 {
			duration = c.u32()
		}
		size := c.u32()
		if r.trun&trunFlags != 0 {
			flags = c.u32()
		}
		if i == 0 && r.trun&trunFirstSampleFlags != 0 {
			flags = r.first
		}
		var offset int32
		if r.trun&trunCTSOffset != 0 {
			offset = int32(c.u32())
		}
		if uint64(size) > uint64(len(mdat)) || flags != flagsSync && flags != flagsNonSync {
			return nil, fmt.Errorf("sample %d of %d bytes with flags %#x, %d bytes left: %w", i, size, flags, len(mdat), ErrMalformed)
		}
		dst = append(dst, media.Sample{
			DTS: dts, CTSOffset: media.Ticks(offset), Duration: media.Ticks(duration),
			Sync: flags == flagsSync, Data: mdat[:size:size],
		})
		dts += media.Ticks(duration)
		mdat = mdat[size:]
	}
	if len(mdat) > 0 {
		return nil, fmt.Errorf("%d bytes of no sample: %w", len(mdat), ErrMalformed)
	}
	return dst, nil
}

// fields reads a full box's numbers; after its end they are zero, and short is set.
type fields struct {
	flags uint32
	b     []byte
	short bool
}

// cutFull cuts a box with version and flags off b.
func cutFull(b []byte, name string, version byte) (fields, []byte, error) {
	content, rest, err := cutBox(b, name)
	if err != nil {
		return fields{}, nil, err
	}
	c := fields{b: content}
	if c.flags = c.u32(); c.short || byte(c.flags>>24) != version {
		return fields{}, nil, fmt.Errorf("%s of version %d: %w", name, c.flags>>24, ErrMalformed)
	}
	c.flags &= 0xFFFFFF
	return c, rest, nil
}

func (c *fields) u32() uint32 {
	if len(c.b) < 4 {
		c.b, c.short = nil, true
		return 0
	}
	v := binary.BigEndian.Uint32(c.b)
	c.b = c.b[4:]
	return v
}

func (c *fields) u64() uint64 {
	high := c.u32()
	return uint64(high)<<32 | uint64(c.u32())
}

func (c *fields) done() bool { return !c.short && len(c.b) == 0 }
