package cmaf

import "sluice/media"

// audible is the sample entry of sound (ISO/IEC 14496-12 §12.2.3).
type audible struct {
	kind           string // the entry's four letters
	rate, channels int
	bits           int // of a sample; 16 where the codec has none
	record         soundConfiguration
}

// soundConfiguration is the box that holds what a decoder must know.
type soundConfiguration interface {
	appendTo(dst []byte, id media.TrackID) []byte
}

func (e *audible) brand() string { return "" }

func (e *audible) display() (width, height uint32) { return 0, 0 }

func (e *audible) handler() (kind, name string) { return "soun", "audio" }

func (e *audible) appendMediaHeader(dst []byte) []byte {
	return zeros(fullBox(dst, fullHeader+4, "smhd", 0, 0), 4)
}

func (e *audible) appendEntry(dst []byte, id media.TrackID) []byte {
	dst, entry := begin(dst, e.kind)
	dst = zeros(dst, 6)
	dst = u16(dst, 1)
	dst = zeros(dst, 2*4)
	dst = u16(dst, uint16(e.channels))
	dst = u16(dst, uint16(e.bits))
	dst = zeros(dst, 2*2)
	dst = u32(dst, e.sampleRate16())
	dst = e.record.appendTo(dst, id)
	return end(dst, entry)
}

// sampleRate16 is the rate as a 16.16 number, 0 where it doesn't fit: decoders
// take it from the configuration.
func (e *audible) sampleRate16() uint32 {
	if e.rate <= 0xFFFF {
		return uint32(e.rate) << 16
	}
	return 0
}
