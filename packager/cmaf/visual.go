package cmaf

import (
	"fmt"

	"sluice/media"
)

// visual is the sample entry of pictures.
type visual struct {
	kind       string // the entry's four letters
	also       string // a brand of its own
	compressor string // the name of what encoded it, for people
	media.Format
	record configuration
}

// configuration is the box that holds what a decoder must know.
type configuration interface {
	appendTo(dst []byte) []byte
}

// newVisual checks what the entry's fields must hold.
func newVisual(e visual, sets ...[]byte) (*visual, error) {
	for _, set := range sets {
		if len(set) > 0xFFFF {
			return nil, fmt.Errorf("init segment: parameter set of %d bytes", len(set))
		}
	}
	if e.Width <= 0 || e.Height <= 0 || e.Width > 0xFFFF || e.Height > 0xFFFF {
		return nil, fmt.Errorf("init segment: picture of %dx%d", e.Width, e.Height)
	}
	return &e, nil
}

func (e *visual) brand() string { return e.also }

// display widens the picture by the shape of its pixels (ISO/IEC 14496-12 §12.1.4).
func (e *visual) display() (width, height uint32) {
	w := (int64(e.Width)*int64(e.SARWidth) + int64(e.SARHeight)/2) / int64(max(e.SARHeight, 1))
	return uint32(min(max(w, 1), 0xFFFF)), uint32(e.Height)
}

func (e *visual) handler() (kind, name string) { return "vide", "video" }

func (e *visual) appendMediaHeader(dst []byte) []byte {
	return zeros(fullBox(dst, fullHeader+8, "vmhd", 0, 1), 8)
}

func (e *visual) appendEntry(dst []byte, _ media.TrackID) []byte {
	const compressorSize = 32 // with the byte that counts its letters
	dst, entry := begin(dst, e.kind)
	dst = zeros(dst, 6)
	dst = u16(dst, 1)     // data reference
	dst = zeros(dst, 4*4) // pre_defined and reserved
	dst = u16(dst, uint16(e.Width))
	dst = u16(dst, uint16(e.Height))
	dst = u32(dst, 72<<16) // pixels an inch
	dst = u32(dst, 72<<16)
	dst = u32(dst, 0)
	dst = u16(dst, 1) // frames a sample
	dst = append(append(dst, byte(len(e.compressor))), e.compressor...)
	dst = zeros(dst, compressorSize-1-len(e.compressor))
	dst = u16(dst, 0x18)   // depth
	dst = u16(dst, 0xFFFF) // pre_defined
	dst = e.record.appendTo(dst)
	dst, pasp := begin(dst, "pasp")
	dst = u32(dst, uint32(e.SARWidth))
	dst = u32(dst, uint32(e.SARHeight))
	dst = end(dst, pasp)
	return end(dst, entry)
}
