package cmaf

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"sluice/media"
)

// av1C is the AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format
// Binding §2.3).
type av1C struct {
	*media.AV1
	header av1.SequenceHeader
}

// av01 is the sample entry of AV1. Its brand and the compressor's name are what
// the binding asks for (§2.1, §2.2.4).
func av01(c *media.AV1) (sampleEntry, error) {
	record := av1C{AV1: c}
	if err := record.header.Unmarshal(c.Sequence); err != nil {
		return nil, fmt.Errorf("init segment: read sequence header: %w", err)
	}
	return newVisual(visual{
		kind: "av01", also: "av01", compressor: "AOM Coding", Format: c.Format(), record: &record,
	}, c.Sequence)
}

func (r *av1C) appendTo(dst []byte) []byte {
	h, c := &r.header, &r.header.ColorConfig
	dst, av1C := begin(dst, "av1C")
	dst = append(dst, 0x80|1) // marker and version
	dst = append(dst, h.SeqProfile<<5|h.SeqLevelIdx[0]&0x1F)
	dst = append(dst, flag(h.SeqTier[0], 7)|flag(c.HighBitDepth, 6)|flag(c.TwelveBit, 5)|flag(c.MonoChrome, 4)|
		flag(c.SubsamplingX, 3)|flag(c.SubsamplingY, 2)|byte(c.ChromaSamplePosition)&3)
	dst = append(dst, 0) // nothing is said of the initial delay
	dst = append(dst, r.Sequence...)
	return end(dst, av1C)
}

// flag is a bit that is set where b is true.
func flag(b bool, at int) byte {
	if b {
		return 1 << at
	}
	return 0
}
