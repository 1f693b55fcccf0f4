package cmaf

import (
	"fmt"

	"sluice/media"
)

// Init returns a track's init segment, ftyp and moov. It errs on a codec that
// it can't describe. Bit rates (btrt) are left out: nobody knows them yet.
func Init(t media.Track) ([]byte, error) {
	if t.ID == 0 || t.Timescale == 0 {
		return nil, fmt.Errorf("init segment of track %d with timescale %d", t.ID, t.Timescale)
	}
	entry, err := sampleEntryOf(t)
	if err != nil {
		return nil, err
	}
	dst := appendFtyp(make([]byte, 0, 1024), entry.brand())
	dst, moov := begin(dst, "moov")
	dst = appendMvhd(dst, t)
	dst = appendTrak(dst, t, entry)
	dst, mvex := begin(dst, "mvex")
	dst, trex := beginFull(dst, "trex", 0, 0)
	dst = u32(dst, uint32(t.ID))
	dst = u32(dst, 1)     // sample description
	dst = zeros(dst, 3*4) // duration, size and flags stand in every fragment
	dst = end(dst, trex)  //
	dst = end(dst, mvex)  //
	return end(dst, moov), nil
}

// appendFtyp names the structural brand of CMAF with negative composition
// offsets and no edit lists, cmf2, and those that it implies; and the codec's
// own, if it has one.
func appendFtyp(dst []byte, codec string) []byte {
	dst, ftyp := begin(dst, "ftyp")
	dst = append(dst, "cmf2"...)
	dst = u32(dst, 0)
	dst = append(dst, "cmf2cmfciso6mp41"...)
	dst = append(dst, codec...)
	return end(dst, ftyp)
}

func appendMvhd(dst []byte, t media.Track) []byte {
	dst, mvhd := beginFull(dst, "mvhd", 0, 0)
	dst = zeros(dst, 2*4) // creation and modification time
	dst = u32(dst, uint32(t.Timescale))
	dst = u32(dst, 0)       // duration: in fragments
	dst = u32(dst, 1<<16)   // rate
	dst = u16(dst, 1<<8)    // volume
	dst = zeros(dst, 2+2*4) // reserved
	dst = appendMatrix(dst)
	dst = zeros(dst, 6*4) // pre_defined
	dst = u32(dst, uint32(t.ID)+1)
	return end(dst, mvhd)
}

func appendMatrix(dst []byte) []byte {
	for _, v := range [...]uint32{1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30} {
		dst = u32(dst, v)
	}
	return dst
}

// sampleEntry is a track's codec as the boxes need it.
type sampleEntry interface {
	// brand is one that files with the codec must name; usually there's none.
	brand() string
	// display is the picture's size on a screen of square pixels, 0 for sound.
	display() (width, height uint32)
	handler() (kind, name string)
	appendMediaHeader(dst []byte) []byte
	appendEntry(dst []byte, id media.TrackID) []byte
}

func sampleEntryOf(t media.Track) (sampleEntry, error) {
	switch c := t.Codec.(type) {
	case *media.H264:
		return avc1(c)
	case *media.HEVC:
		return hvc1(c)
	case *media.AV1:
		return av01(c)
	case *media.VP9:
		return vp09(c)
	case *media.AAC:
		return mp4a(c)
	case *media.MP3:
		return layerIII(c), nil
	case *media.Opus:
		return opus(c), nil
	case *media.FLAC:
		return flac(c), nil
	case *media.AC3:
		return ac3(c), nil
	case *media.EAC3:
		return eac3(c), nil
	}
	return nil, fmt.Errorf("init segment: no sample entry for %T", t.Codec)
}

func appendTrak(dst []byte, t media.Track, e sampleEntry) []byte {
	dst, trak := begin(dst, "trak")
	dst, tkhd := beginFull(dst, "tkhd", 0, 0x000003) // enabled, in movie
	dst = zeros(dst, 2*4)
	dst = u32(dst, uint32(t.ID))
	dst = zeros(dst, 4+4+2*4+2+2) // reserved, duration, reserved, layer, alternate_group
	width, height := e.display()
	if width == 0 {
		dst = u16(dst, 1<<8)
	} else {
		dst = u16(dst, 0) // volume
	}
	dst = u16(dst, 0)
	dst = appendMatrix(dst)
	dst = u32(dst, width<<16)
	dst = u32(dst, height<<16)
	dst = end(dst, tkhd)

	dst, mdia := begin(dst, "mdia")
	dst, mdhd := beginFull(dst, "mdhd", 0, 0)
	dst = zeros(dst, 2*4)
	dst = u32(dst, uint32(t.Timescale))
	dst = u32(dst, 0)
	dst = u16(dst, packed(t.Language))
	dst = u16(dst, 0)
	dst = end(dst, mdhd)
	kind, name := e.handler()
	dst, hdlr := beginFull(dst, "hdlr", 0, 0)
	dst = u32(dst, 0)
	dst = append(dst, kind...)
	dst = zeros(dst, 3*4)
	dst = append(append(dst, name...), 0)
	dst = end(dst, hdlr)

	dst, minf := begin(dst, "minf")
	dst = e.appendMediaHeader(dst)
	dst = appendDinf(dst)
	dst = appendStbl(dst, t, e)
	dst = end(dst, minf)
	dst = end(dst, mdia)
	return end(dst, trak)
}

// packed is a language of three letters, five bits each (ISO/IEC 14496-12 §8.4.2.3);
// "und" for all else. Manifests tell it better.
func packed(language string) uint16 {
	const undetermined = 0x55C4
	if len(language) != 3 {
		return undetermined
	}
	var v uint16
	for _, c := range []byte(language) {
		if c < 'a' || c > 'z' {
			return undetermined
		}
		v = v<<5 | uint16(c-0x60)
	}
	return v
}

// appendDinf says that the media is in this very file.
func appendDinf(dst []byte) []byte {
	dst, dinf := begin(dst, "dinf")
	dst, dref := beginFull(dst, "dref", 0, 0)
	dst = u32(dst, 1)
	dst = fullBox(dst, fullHeader, "url ", 0, 1)
	dst = end(dst, dref)
	return end(dst, dinf)
}

func appendStbl(dst []byte, t media.Track, e sampleEntry) []byte {
	dst, stbl := begin(dst, "stbl")
	dst, stsd := beginFull(dst, "stsd", 0, 0)
	dst = u32(dst, 1)
	dst = e.appendEntry(dst, t.ID)
	dst = end(dst, stsd)
	for _, empty := range [...]string{"stts", "stsc", "stco"} {
		dst = u32(fullBox(dst, fullHeader+4, empty, 0, 0), 0)
	}
	dst = zeros(fullBox(dst, fullHeader+8, "stsz", 0, 0), 8)
	return end(dst, stbl)
}
