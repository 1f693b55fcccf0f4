package nut

import (
	"bytes"
	"fmt"

	"sluice/media"
)

// Codec is an encoding that the reader knows by its FourCC.
type Codec uint8

// The codecs of rungs, and of sound. Zero is any other.
const (
	H264 Codec = iota + 1
	H265
	AV1
	AAC
)

// fourCCs are ffmpeg's for NUT: those of AVI, and of WAVE for sound.
var fourCCs = map[string]Codec{
	"H264": H264, "HEVC": H265, "AV01": AV1, "\xff\x00\x00\x00": AAC, "mp4a": AAC,
}

// String is the codec's common name, as media.Codec has it.
func (c Codec) String() string {
	if names := [...]string{H264: "H.264", H265: "H.265", AV1: "AV1", AAC: "AAC"}; int(c) < len(names) && c > 0 {
		return names[c]
	}
	return "another codec"
}

// Header is what a stream says about itself before its first frame.
type Header struct {
	Kind     media.Kind
	Codec    Codec
	FourCC   string // two or four bytes
	TimeBase TimeBase

	Width, Height             int // of a picture, in pixels
	SampleWidth, SampleHeight int // the shape of a pixel; 0 where it isn't known

	SampleRate, Channels int // of sound

	// Extradata is what a decoder needs first: parameter sets as an Annex B byte
	// stream, an av1C record, an AudioSpecificConfig. It may be empty.
	Extradata []byte
}

// stream is how the frames of the one stream are coded.
type stream struct {
	shift       int   // bits of a PTS that are coded alone
	maxDistance int64 // between PTS without a checksum
}

// frameCode is a row of the table that the first byte of a frame refers to.
type frameCode struct {
	flags    uint64
	stream   int
	mul, lsb int // of data_size
	delta    int64
	reserved int
	elided   int
}

// global is the main header.
type global struct {
	version     int
	broadcast   bool // syncpoints hold a clock
	maxDistance int64
	bases       []TimeBase
	codes       [256]frameCode
	elided      [][]byte // the first is empty
}

const (
	minVersion, maxVersion = 3, 4
	broadcastMode          = 1 << 0 // of main_flags
)

// parse reads the main header.
func (g *global) parse(body []byte) error {
	c := cursor{b: bytes.Clone(body)}
	g.version = c.n(1 << 16)
	if !c.bad && (g.version < minVersion || g.version > maxVersion) {
		return malformed("version %d", g.version)
	}
	if g.version > 3 {
		c.v() // minor_version
	}
	if streams := c.v(); !c.bad && streams != 1 {
		return malformed("%d streams", streams)
	}
	g.maxDistance = int64(min(c.v(), maxDistanceLimit))
	bases := c.n(maxTimeBases + 1)
	if !c.bad && bases == 0 {
		return malformed("no time base")
	}
	g.bases = make([]TimeBase, bases)
	for i := range g.bases {
		b := TimeBase{int64(c.n(maxBase)), int64(c.n(maxBase))}
		if !c.bad && (b.Num == 0 || b.Den == 0) {
			return malformed("time base of %d/%d", b.Num, b.Den)
		}
		g.bases[i] = b
	}
	if err := g.parseCodes(&c); err != nil {
		return err
	}
	if err := g.parseElided(&c); err != nil {
		return err
	}
	if len(c.b) > 0 { // ffmpeg's version 3 ends before them
		g.broadcast = c.v()&broadcastMode != 0
	}
	if c.bad {
		return malformed("main header of %d bytes", len(body))
	}
	return nil
}

// startLetter begins every startcode, and so is no frame code.
const startLetter = 'N'

// parseCodes reads the table of frame codes: runs of rows that differ in their
// size only.
func (g *global) parseCodes(c *cursor) error {
	row := frameCode{mul: 1}
	for i := 0; i < len(g.codes) && !c.bad; {
		row.flags = c.v()
		fields := c.v()
		row.lsb, row.reserved = 0, 0
		if fields > 0 {
			row.delta = c.s()
		}
		if fields > 1 {
			row.mul = c.n(maxSize)
		}
		if fields > 2 {
			row.stream = c.n(maxSize)
		}
		if fields > 3 {
			row.lsb = c.n(maxSize)
		}
		if fields > 4 {
			row.reserved = c.n(maxReserved)
		}
		count := row.mul - row.lsb
		if fields > 5 {
			count = c.n(len(g.codes) + 1)
		}
		if fields > 6 {
			c.s() // match_time_delta
		}
		if fields > 7 {
			row.elided = c.n(maxElided)
		}
		for j := uint64(8); j < fields && !c.bad; j++ {
			c.v()
		}
		if row.delta < -maxDelta || row.delta >= maxDelta || count < 1 {
			return malformed("frame code %d: pts delta %d, %d rows", i, row.delta, count)
		}
		for ; count > 0; i++ {
			switch {
			case i == len(g.codes):
				return malformed("more than %d frame codes", len(g.codes))
			case i == startLetter:
				g.codes[i] = frameCode{flags: flagInvalid}
				continue
			case row.lsb >= maxSize:
				return malformed("frame code %d: size of %d", i, row.lsb)
			}
			g.codes[i] = row
			row.lsb++
			count--
		}
	}
	return nil
}

// parseElided reads the elision headers: beginnings that frames share.
func (g *global) parseElided(c *cursor) error {
	g.elided = append(g.elided[:0], nil)
	sum := 0
	for range c.n(maxElided) {
		b := c.vb()
		if sum += len(b); !c.bad && (len(b) == 0 || len(b) >= maxElidedSize || sum > maxElidedSum) {
			return malformed("elision header of %d bytes", len(b))
		}
		g.elided = append(g.elided, b)
	}
	for i, code := range g.codes {
		if !c.bad && code.flags&flagInvalid == 0 && code.elided >= len(g.elided) {
			return malformed("frame code %d: elision header %d of %d", i, code.elided, len(g.elided))
		}
	}
	return nil
}

// Stream classes.
const (
	classVideo = 0
	classAudio = 1
)

// parseStream reads the stream header.
func parseStream(body []byte, bases []TimeBase) (h Header, s stream, err error) {
	c := cursor{b: body}
	if id := c.v(); !c.bad && id != 0 {
		return h, s, malformed("header of stream %d", id)
	}
	class := c.v()
	h.FourCC = string(c.vb())
	base := c.n(len(bases))
	s.shift = c.n(maxShift)
	s.maxDistance = int64(min(c.v(), maxTime))
	c.v() // decode_delay
	c.v() // stream_flags
	h.Extradata = bytes.Clone(c.vb())
	switch class {
	case classVideo:
		h.Kind = media.Video
		h.Width, h.Height = c.n(maxBase), c.n(maxBase)
		h.SampleWidth, h.SampleHeight = c.n(maxBase), c.n(maxBase)
		c.v() // colorspace_type
	case classAudio:
		h.Kind = media.Audio
		num, den := c.n(maxBase), c.n(maxBase)
		if den > 0 {
			h.SampleRate = num / den
		}
		h.Channels = c.n(maxBase)
	default:
		return h, s, malformed("stream of class %d", class)
	}
	switch {
	case c.bad:
		return h, s, malformed("stream header of %d bytes", len(body))
	case len(h.FourCC) != 2 && len(h.FourCC) != 4:
		return h, s, malformed("FourCC %q", h.FourCC)
	case h.Kind == media.Video && (h.Width == 0 || h.Height == 0):
		return h, s, malformed("picture of %dx%d", h.Width, h.Height)
	case h.Kind == media.Audio && (h.SampleRate == 0 || h.Channels == 0):
		return h, s, malformed("sound of %d Hz and %d channels", h.SampleRate, h.Channels)
	}
	h.TimeBase = bases[base]
	h.Codec = fourCCs[h.FourCC]
	return h, s, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrMalformed)...)
}
