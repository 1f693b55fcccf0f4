package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// HEVC is ITU-T H.265 video. Only NewHEVC makes valid ones.
type HEVC struct {
	VPS, SPS, PPS []byte // one NAL unit each, without start code or length
	// General is what profile_tier_level() begins with: profile space, tier,
	// profile, compatibility flags, constraint flags, level.
	General [generalSize]byte
	format  Format
}

const (
	generalSize = 12
	// generalAt is where it stands in an SPS's RBSP: behind the NAL unit's header and
	// a byte of three fields.
	generalAt = 3
)

// NewHEVC reads the parameter sets; it errs where they can't be parsed.
func NewHEVC(vps, sps, pps []byte) (*HEVC, error) {
	if len(vps) == 0 || len(sps) == 0 || len(pps) == 0 {
		return nil, errors.New("hevc: parameter sets missing")
	}
	var s h265.SPS
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("hevc: read SPS: %w", err)
	}
	c := &HEVC{VPS: vps, SPS: sps, PPS: pps}
	// The profile's zeros are full of emulation prevention bytes.
	copy(c.General[:], h264.EmulationPreventionRemove(sps)[generalAt:])
	c.format = Format{
		Width: s.Width(), Height: s.Height(), SARWidth: 1, SARHeight: 1,
		Chroma: chromaOf(s.ChromaFormatIdc), BitDepth: depthOf(s.BitDepthLumaMinus8, s.BitDepthChromaMinus8),
	}
	if v := s.VUI; v != nil {
		c.format.SARWidth, c.format.SARHeight = sampleAspectRatio(v.AspectRatioInfoPresentFlag, v.AspectRatioIdc, v.SarWidth, v.SarHeight)
		if t := v.TimingInfo; t != nil && t.NumUnitsInTick > 0 && t.TimeScale > 0 {
			c.format.FrameRate = float64(t.TimeScale) / float64(t.NumUnitsInTick)
		}
	}
	return c, c.format.check("hevc")
}

// Format implements Picture.
func (c *HEVC) Format() Format { return c.format }

// Name implements Codec.
func (c *HEVC) Name() string { return "H.265" }

// RFC6381 implements Codec: ISO/IEC 14496-15 §E.3. Compatibility flags stand the other
// way round, and what is zero at the end of the constraint flags is left out.
func (c *HEVC) RFC6381() string {
	g := c.General
	var s strings.Builder
	s.WriteString("hvc1.")
	if space := g[0] >> 6; space > 0 {
		s.WriteByte('A' + space - 1)
	}
	tier := byte('L')
	if g[0]&0x20 != 0 {
		tier = 'H'
	}
	fmt.Fprintf(&s, "%d.%X.%c%d", g[0]&0x1F, bits.Reverse32(binary.BigEndian.Uint32(g[1:])), tier, g[11])
	for _, constraints := range bytes.TrimRight(g[5:11], "\x00") {
		fmt.Fprintf(&s, ".%X", constraints)
	}
	return s.String()
}

// Equal implements Codec.
func (c *HEVC) Equal(o Codec) bool {
	h, ok := o.(*HEVC)
	return ok && bytes.Equal(c.VPS, h.VPS) && bytes.Equal(c.SPS, h.SPS) && bytes.Equal(c.PPS, h.PPS)
}
