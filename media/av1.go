package media

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// AV1 is video as the AV1 Bitstream & Decoding Process Specification has it. Only
// NewAV1 makes valid ones.
type AV1 struct {
	// Sequence is the sequence header OBU, with its header and its size.
	Sequence []byte
	rfc6381  string
	format   Format
}

// NewAV1 reads a sequence header OBU that tells its size; it errs where it
// can't be parsed.
func NewAV1(sequence []byte) (*AV1, error) {
	const sequenceHeader, hasSize = 1, 0x02
	if len(sequence) < 2 || sequence[0]>>3 != sequenceHeader || sequence[0]&hasSize == 0 {
		return nil, errors.New("av1: no sequence header with its size")
	}
	var s av1.SequenceHeader
	if err := s.Unmarshal(sequence); err != nil {
		return nil, fmt.Errorf("av1: read sequence header: %w", err)
	}
	if s.SeqProfile > 2 {
		return nil, fmt.Errorf("av1: profile %d", s.SeqProfile)
	}
	c := &AV1{Sequence: sequence, rfc6381: rfc6381OfAV1(&s)}
	c.format = Format{
		Width: s.Width(), Height: s.Height(), SARWidth: 1, SARHeight: 1,
		Chroma: chromaOfAV1(&s.ColorConfig), BitDepth: s.ColorConfig.BitDepth,
	}
	if t := s.TimingInfo; t != nil && t.EqualPictureInterval && t.NumUnitsInDisplayTick > 0 {
		ticks := float64(t.NumUnitsInDisplayTick) * (float64(t.NumTicksPerPictureMinus1) + 1)
		c.format.FrameRate = float64(t.TimeScale) / ticks
	}
	return c, c.format.check("av1")
}

func chromaOfAV1(c *av1.SequenceHeader_ColorConfig) Chroma {
	switch {
	case c.MonoChrome:
		return Chroma400
	case c.SubsamplingX && c.SubsamplingY:
		return Chroma420
	case c.SubsamplingX:
		return Chroma422
	}
	return Chroma444
}

// rfc6381OfAV1 is by section 5 of AV1 Codec ISO Media File Format Binding. What
// follows the depth is left out where it is as usual, since not every player
// reads it; colours of which nothing is said are the usual ones.
func rfc6381OfAV1(s *av1.SequenceHeader) string {
	tier := 'M'
	if s.SeqTier[0] {
		tier = 'H'
	}
	c := &s.ColorConfig
	short := fmt.Sprintf("av01.%d.%02d%c.%02d", s.SeqProfile, s.SeqLevelIdx[0], tier, c.BitDepth)
	position := 0
	if c.SubsamplingX && c.SubsamplingY {
		position = int(c.ChromaSamplePosition)
	}
	usual := func(described uint8) uint8 {
		const bt709, unspecified = 1, 2
		if described == unspecified {
			return bt709
		}
		return described
	}
	colours := fmt.Sprintf(".%d.%d%d%d.%02d.%02d.%02d.%d", bit(c.MonoChrome), bit(c.SubsamplingX), bit(c.SubsamplingY), position,
		usual(uint8(c.ColorPrimaries)), usual(uint8(c.TransferCharacteristics)), usual(uint8(c.MatrixCoefficients)), bit(c.ColorRange))
	if colours == ".0.110.01.01.01.0" {
		return short
	}
	return short + colours
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Format implements Picture.
func (c *AV1) Format() Format { return c.format }

// Name implements Codec.
func (c *AV1) Name() string { return "AV1" }

// RFC6381 implements Codec.
func (c *AV1) RFC6381() string { return c.rfc6381 }

// Equal implements Codec.
func (c *AV1) Equal(o Codec) bool {
	a, ok := o.(*AV1)
	return ok && bytes.Equal(c.Sequence, a.Sequence)
}
