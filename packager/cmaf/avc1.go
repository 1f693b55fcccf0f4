package cmaf

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"sluice/media"
)

// avc1 is the sample entry of H.264 with parameter sets in avcC.
type avc1 struct {
	*media.H264
	sps h264.SPS
}

// display widens the picture by the shape of its pixels (ISO/IEC 14496-12 §12.1.4).
func (e *avc1) display() (width, height uint32) {
	w := (int64(e.Width)*int64(e.SARWidth) + int64(e.SARHeight)/2) / int64(max(e.SARHeight, 1))
	return uint32(min(max(w, 1), 0xFFFF)), uint32(e.Height)
}

func (e *avc1) handler() (kind, name string) { return "vide", "video" }

func (e *avc1) appendMediaHeader(dst []byte) []byte {
	return zeros(fullBox(dst, fullHeader+8, "vmhd", 0, 1), 8)
}

func (e *avc1) appendEntry(dst []byte, _ media.TrackID) []byte {
	dst, entry := begin(dst, "avc1")
	dst = zeros(dst, 6)
	dst = u16(dst, 1)     // data reference
	dst = zeros(dst, 4*4) // pre_defined and reserved
	dst = u16(dst, uint16(e.Width))
	dst = u16(dst, uint16(e.Height))
	dst = u32(dst, 72<<16) // pixels an inch
	dst = u32(dst, 72<<16)
	dst = u32(dst, 0)
	dst = u16(dst, 1)      // frames a sample
	dst = zeros(dst, 32)   // compressor name
	dst = u16(dst, 0x18)   // depth
	dst = u16(dst, 0xFFFF) // pre_defined
	dst = e.appendAvcC(dst)
	dst, pasp := begin(dst, "pasp")
	dst = u32(dst, uint32(e.SARWidth))
	dst = u32(dst, uint32(e.SARHeight))
	dst = end(dst, pasp)
	return end(dst, entry)
}

// appendAvcC writes the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2).
func (e *avc1) appendAvcC(dst []byte) []byte {
	dst, avcC := begin(dst, "avcC")
	dst = append(dst, 1, e.SPS[1], e.SPS[2], e.SPS[3])
	dst = append(dst, 0xFC|3) // lengths of four bytes
	dst = append(dst, 0xE0|1) // one SPS
	dst = append(u16(dst, uint16(len(e.SPS))), e.SPS...)
	dst = append(dst, 1)
	dst = append(u16(dst, uint16(len(e.PPS))), e.PPS...)
	switch e.SPS[1] { // profile
	case 66, 77, 88:
	default:
		dst = append(dst, 0xFC|byte(e.sps.ChromaFormatIdc), 0xF8|byte(e.sps.BitDepthLumaMinus8),
			0xF8|byte(e.sps.BitDepthChromaMinus8), 0)
	}
	return end(dst, avcC)
}
