package cmaf

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"sluice/media"
)

// hvcC is the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1.2).
type hvcC struct {
	*media.HEVC
	sps h265.SPS
}

// hvc1 is the sample entry of H.265 with all parameter sets in hvcC.
func hvc1(c *media.HEVC) (sampleEntry, error) {
	record := hvcC{HEVC: c}
	if err := record.sps.Unmarshal(c.SPS); err != nil {
		return nil, fmt.Errorf("init segment: read SPS: %w", err)
	}
	return newVisual(visual{kind: "hvc1", Format: c.Format(), record: &record}, c.VPS, c.SPS, c.PPS)
}

func (r *hvcC) appendTo(dst []byte) []byte {
	const (
		complete      = 0x80 // the samples hold no others
		vps, sps, pps = 32, 33, 34
	)
	dst, hvcC := begin(dst, "hvcC")
	dst = append(append(dst, 1), r.General[:]...)
	dst = u16(dst, 0xF000)  // no segmentation is promised
	dst = append(dst, 0xFC) // nor parallelism
	dst = append(dst, 0xFC|byte(r.sps.ChromaFormatIdc), 0xF8|byte(r.sps.BitDepthLumaMinus8), 0xF8|byte(r.sps.BitDepthChromaMinus8))
	dst = u16(dst, 0) // average frame rate unknown
	layers := (r.sps.MaxSubLayersMinus1 + 1) << 3
	if r.sps.TemporalIDNestingFlag {
		layers |= 1 << 2
	}
	dst = append(dst, layers|3) // lengths of four bytes
	dst = append(dst, 3)        // arrays
	for _, set := range [...]struct {
		kind byte
		unit []byte
	}{{vps, r.VPS}, {sps, r.SPS}, {pps, r.PPS}} {
		dst = u16(append(dst, complete|set.kind), 1)
		dst = append(u16(dst, uint16(len(set.unit))), set.unit...)
	}
	return end(dst, hvcC)
}
