package media

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/eac3"
)

// dolbyBlock is how many samples an audio block of AC-3 and E-AC-3 has.
const dolbyBlock = 256

// AC3 is audio by ETSI TS 102 366. A syncframe says all that there is to know.
type AC3 struct {
	SampleRateCode      uint8 // fscod
	BitStreamID         uint8 // bsid
	Mode                uint8 // bsmod
	Channels            uint8 // acmod
	LFE                 bool
	BitRateCode         uint8 // half of frmsizecod
	rate, channelsCount int
}

// NewAC3 reads a syncframe; it errs where it can't be parsed.
func NewAC3(frame []byte) (*AC3, error) {
	const syncInfo = 5 // bytes
	var s ac3.SyncInfo
	if err := s.Unmarshal(frame); err != nil {
		return nil, fmt.Errorf("ac-3: read syncframe: %w", err)
	}
	var b ac3.BSI
	if err := b.Unmarshal(frame[syncInfo:]); err != nil {
		return nil, fmt.Errorf("ac-3: read syncframe: %w", err)
	}
	return &AC3{
		SampleRateCode: s.Fscod, BitStreamID: b.Bsid, Mode: b.Bsmod, Channels: b.Acmod, LFE: b.LfeOn,
		BitRateCode: s.Frmsizecod >> 1, rate: s.SampleRate(), channelsCount: b.ChannelCount(),
	}, nil
}

// SampleRate implements Sound.
func (c *AC3) SampleRate() int { return c.rate }

// FrameLength implements Sound: six blocks.
func (c *AC3) FrameLength() Ticks { return 6 * dolbyBlock }

// Output implements Sound.
func (c *AC3) Output() (rate, channels int) { return c.rate, c.channelsCount }

// Name implements Codec.
func (c *AC3) Name() string { return "AC-3" }

// RFC6381 implements Codec (ETSI TS 102 366 §F.3).
func (c *AC3) RFC6381() string { return "ac-3" }

// Equal implements Codec.
func (c *AC3) Equal(o Codec) bool {
	a, ok := o.(*AC3)
	return ok && *c == *a
}

// EAC3 is audio by annex E of ETSI TS 102 366: what the syncframes of one access unit say.
type EAC3 struct {
	SampleRateCode uint8 // fscod
	BitStreamID    uint8 // bsid
	Channels       uint8 // acmod, of the independent substream
	LFE            bool
	// Dependent is how many substreams add channels to it, Places where those are
	// (chan_loc of §F.6.2.13).
	Dependent uint8
	Places    uint16
	// Kilobits a second, as of the access unit that was read; other ones may differ.
	Kilobits uint16

	rate, channelsCount int
	length              Ticks
}

// maxSubstreams bounds the syncframes of an access unit: six of one block, with
// eight dependent ones each.
const maxSubstreams = 6 * 9

// NewEAC3 reads an access unit: the syncframes of one independent substream and
// those that depend on it. It errs where they can't be parsed.
func NewEAC3(unit []byte) (*EAC3, error) {
	const dependent = 1 // strmtyp
	var c EAC3
	size, ours := len(unit), false
	for n := 0; len(unit) > 0; n++ {
		var s eac3.SyncInfo
		if err := s.Unmarshal(unit); err != nil {
			return nil, fmt.Errorf("e-ac-3: read syncframe: %w", err)
		}
		if n == maxSubstreams || s.FrameSize() > len(unit) {
			return nil, fmt.Errorf("e-ac-3: syncframe of %d bytes in %d", s.FrameSize(), len(unit))
		}
		switch {
		case s.Strmtyp == dependent:
			if ours {
				c.add(&s, unit)
			}
		case s.Substreamid != 0 || s.Strmtyp > 2:
			ours = false // another programme: none of those that are played
		default:
			ours = true
			if c.rate == 0 {
				c.SampleRateCode, c.BitStreamID, c.Channels, c.LFE = s.Fscod, s.Bsid, s.Acmod, s.Lfeon
				c.rate, c.channelsCount = s.SampleRate(), s.ChannelCount()
			}
			c.Dependent = 0
			c.length += Ticks(s.NumBlocks()) * dolbyBlock
		}
		unit = unit[s.FrameSize():]
	}
	if c.rate == 0 {
		return nil, errors.New("e-ac-3: no independent substream")
	}
	c.channelsCount += channelsAt(c.Places)
	c.Kilobits = uint16(min(int64(size)*8*int64(c.rate)/int64(c.length)/1000, 1<<13-1))
	return &c, nil
}

// add takes a syncframe of a dependent substream (§E.1.2.2, up to chanmap).
func (c *EAC3) add(s *eac3.SyncInfo, frame []byte) {
	c.Dependent++
	r := bitReader{b: frame, at: 5*8 + 5} // behind bsid
	r.skip(5)
	if r.bit() { // compr
		r.skip(8)
	}
	if s.Acmod == 0 {
		r.skip(5)
		if r.bit() {
			r.skip(8)
		}
	}
	if !r.bit() { // no map: it replaces channels
		return
	}
	m := r.bits(16)
	// From the first bit: L C R Ls Rs, and then, as in chan_loc, Lc/Rc Lrs/Rrs Cs Ts
	// Lsd/Rsd Lw/Rw Lvh/Rvh Cvh; then Lts/Rts, LFE2, LFE.
	for place := range 8 {
		c.Places |= m >> (10 - place) & 1 << place
	}
	c.Places |= m >> 1 & 1 << 8
}

// channelsAt counts the channels of chan_loc.
func channelsAt(places uint16) int {
	n := 0
	for place, channels := range [...]int{2, 2, 1, 1, 2, 2, 2, 1, 1} {
		n += int(places>>place&1) * channels
	}
	return n
}

// SampleRate implements Sound.
func (c *EAC3) SampleRate() int { return c.rate }

// FrameLength implements Sound: that of the access unit that was read.
func (c *EAC3) FrameLength() Ticks { return c.length }

// Output implements Sound.
func (c *EAC3) Output() (rate, channels int) { return c.rate, c.channelsCount }

// Name implements Codec.
func (c *EAC3) Name() string { return "E-AC-3" }

// RFC6381 implements Codec (ETSI TS 102 366 §F.5).
func (c *EAC3) RFC6381() string { return "ec-3" }

// Equal implements Codec. A bit rate that varies, and the number of blocks in an
// access unit, change nothing for a decoder.
func (c *EAC3) Equal(o Codec) bool {
	e, ok := o.(*EAC3)
	if !ok {
		return false
	}
	a, b := *c, *e
	a.Kilobits, a.length = b.Kilobits, b.length
	return a == b
}

// bitReader reads bits, and zeros after the end.
type bitReader struct {
	b  []byte
	at int
}

func (r *bitReader) bit() bool {
	at := r.at
	r.at++
	return at/8 < len(r.b) && r.b[at/8]>>(7-at%8)&1 != 0
}

func (r *bitReader) skip(n int) { r.at += n }

func (r *bitReader) bits(n int) (v uint16) {
	for range n {
		v <<= 1
		if r.bit() {
			v |= 1
		}
	}
	return v
}
