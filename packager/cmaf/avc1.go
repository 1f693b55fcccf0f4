package cmaf

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"sluice/media"
)

// avcC is the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2).
type avcC struct {
	*media.H264
	sps h264.SPS
}

// avc1 is the sample entry of H.264 with parameter sets in avcC.
func avc1(c *media.H264) (sampleEntry, error) {
	record := avcC{H264: c}
	if err := record.sps.Unmarshal(c.SPS); err != nil {
		return nil, fmt.Errorf("init segment: read SPS: %w", err)
	}
	return newVisual(visual{kind: "avc1", Format: c.Format(), record: &record}, c.SPS, c.PPS)
}

func (r *avcC) appendTo(dst []byte) []byte {
	dst, avcC := begin(dst, "avcC")
	dst = append(dst, 1, r.SPS[1], r.SPS[2], r.SPS[3])
	dst = append(dst, 0xFC|3) // lengths of four bytes
	dst = append(dst, 0xE0|1) // one SPS
	dst = append(u16(dst, uint16(len(r.SPS))), r.SPS...)
	dst = append(dst, 1)
	dst = append(u16(dst, uint16(len(r.PPS))), r.PPS...)
	switch r.SPS[1] { // profile
	case 66, 77, 88:
	default:
		dst = append(dst, 0xFC|byte(r.sps.ChromaFormatIdc), 0xF8|byte(r.sps.BitDepthLumaMinus8),
			0xF8|byte(r.sps.BitDepthChromaMinus8), 0)
	}
	return end(dst, avcC)
}
