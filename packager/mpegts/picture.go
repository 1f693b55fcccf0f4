package mpegts

import (
	"encoding/binary"

	"sluice/media"
)

// syntax is what is to be known of a codec's NAL units.
type syntax struct {
	shift, mask byte   // where a unit's type is
	delimiter   byte   // type of the access unit delimiter
	sets        []byte // types of the parameter sets, in the order in which they stand
	opening     string // an access unit delimiter, for pictures of any kind
}

var (
	// ITU-T H.264 table 7-1 and §7.3.2.4.
	avc = syntax{0, 0x1F, 9, []byte{7, 8}, "\x00\x00\x00\x01\x09\xF0"}
	// ITU-T H.265 table 7-1 and §7.3.2.5.
	hevc = syntax{1, 0x3F, 35, []byte{32, 33, 34}, "\x00\x00\x00\x01\x46\x01\x50"}
)

const startCode = "\x00\x00\x00\x01"

// lengthSize is that of a NAL unit's length in a sample, and, by luck, of startCode.
const lengthSize = 4

// pictures turns samples of video into access units with start codes.
type pictures struct {
	syntax
	sets []byte // the parameter sets, with start codes
}

func picturesOf(c media.Codec) pictures {
	p := pictures{syntax: avc}
	var sets [][]byte
	switch c := c.(type) {
	case *media.H264:
		sets = [][]byte{c.SPS, c.PPS}
	case *media.HEVC:
		p.syntax, sets = hevc, [][]byte{c.VPS, c.SPS, c.PPS}
	}
	for _, set := range sets {
		p.sets = append(append(p.sets, startCode...), set...)
	}
	return p
}

// nextUnit cuts a NAL unit off a sample; ok is false at its end, and where its length
// doesn't fit.
func nextUnit(data []byte) (nalu, rest []byte, ok bool) {
	if len(data) < lengthSize {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(data)
	if data = data[lengthSize:]; uint64(n) > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:n], data[n:], true
}

func (p *pictures) kind(nalu []byte) byte { return nalu[0] >> p.shift & p.mask }

// size returns how long a sample is as an access unit, and whether the parameter sets
// are to be put in. It is 0 where the sample holds no picture.
func (p *pictures) size(s *media.Sample) (size int, sets bool) {
	var found [3]bool
	for nalu, data, ok := nextUnit(s.Data); ok; nalu, data, ok = nextUnit(data) {
		if len(nalu) == 0 || p.kind(nalu) == p.delimiter {
			continue
		}
		for i, kind := range p.syntax.sets {
			found[i] = found[i] || p.kind(nalu) == kind
		}
		size += lengthSize + len(nalu)
	}
	if size == 0 {
		return 0, false
	}
	for i := range p.syntax.sets {
		sets = sets || s.Sync && !found[i]
	}
	if sets {
		size += len(p.sets)
	}
	return size + len(p.opening), sets
}

// put writes what size has measured: a delimiter, the parameter sets where a decoder may
// start and doesn't find them, and the sample's NAL units but its own delimiters.
func (p *pictures) put(w *writer, s *media.Sample, sets bool) {
	w.put([]byte(p.opening))
	if sets {
		w.put(p.sets)
	}
	for nalu, data, ok := nextUnit(s.Data); ok; nalu, data, ok = nextUnit(data) {
		if len(nalu) == 0 || p.kind(nalu) == p.delimiter {
			continue
		}
		w.put([]byte(startCode))
		w.put(nalu)
	}
}
