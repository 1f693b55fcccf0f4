package media

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

// VP9 is video as the VP9 Bitstream & Decoding Process Specification has it. Only
// NewVP9 makes valid ones.
type VP9 struct {
	Profile, Level, BitDepth uint8
	// Subsampling is the record's: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
	Subsampling                 uint8
	FullRange                   bool
	Primaries, Transfer, Matrix uint8 // ITU-T H.273; 2 where nothing is known
	width, height               int
}

// VP9Hints is what a frame doesn't say of itself and a configuration record may.
// Zeros are unknown.
type VP9Hints struct {
	Level, Primaries, Transfer, Matrix uint8
}

// unspecified is what ITU-T H.273 calls colours of which nothing is known.
const unspecified = 2

// NewVP9 reads the header of a keyframe; it errs where that can't be parsed, or is
// none.
func NewVP9(keyframe []byte, hints VP9Hints) (*VP9, error) {
	var h vp9.Header
	if err := h.Unmarshal(keyframe); err != nil {
		return nil, fmt.Errorf("vp9: read frame header: %w", err)
	}
	if h.ShowExistingFrame || h.NonKeyFrame || h.ColorConfig == nil || h.FrameSize == nil {
		return nil, errors.New("vp9: no keyframe")
	}
	c := &VP9{
		Profile: h.Profile, BitDepth: h.ColorConfig.BitDepth, Subsampling: h.ChromaSubsampling(),
		FullRange: h.ColorConfig.ColorRange, Primaries: hints.Primaries, Transfer: hints.Transfer, Matrix: hints.Matrix,
		Level: hints.Level, width: h.Width(), height: h.Height(),
	}
	for _, said := range [...]*uint8{&c.Primaries, &c.Transfer, &c.Matrix} {
		if *said == 0 {
			*said = unspecified
		}
	}
	if c.Level == 0 {
		c.Level = levelOfVP9(c.width * c.height)
	}
	return c, c.Format().check("vp9")
}

// VP9Sync reports whether a decoder can start at a frame, or superframe.
func VP9Sync(frame []byte) bool {
	var h vp9.Header
	return h.Unmarshal(frame) == nil && !h.ShowExistingFrame && !h.NonKeyFrame
}

// levelOfVP9 is the lowest level that allows pictures of so many pixels ("VP9 Levels",
// table of luma picture sizes).
func levelOfVP9(pixels int) uint8 {
	for _, l := range [...]struct {
		pixels int
		level  uint8
	}{
		{36_864, 10}, {73_728, 11}, {122_880, 20}, {245_760, 21}, {552_960, 30},
		{983_040, 31}, {2_228_224, 40}, {8_912_896, 50},
	} {
		if pixels <= l.pixels {
			return l.level
		}
	}
	return 60
}

// Format implements Picture. VP9 has no shape of pixels and no frame rate.
func (c *VP9) Format() Format {
	chroma := Chroma420
	switch c.Subsampling {
	case 2:
		chroma = Chroma422
	case 3:
		chroma = Chroma444
	}
	return Format{
		Width: c.width, Height: c.height, SARWidth: 1, SARHeight: 1, Chroma: chroma, BitDepth: int(c.BitDepth),
	}
}

// Name implements Codec.
func (c *VP9) Name() string { return "VP9" }

// RFC6381 implements Codec: VP Codec ISO Media File Format Binding, "Codecs
// Parameter String". What follows the depth is left out where it is as usual.
func (c *VP9) RFC6381() string {
	short := fmt.Sprintf("vp09.%02d.%02d.%02d", c.Profile, c.Level, c.BitDepth)
	usual := func(described uint8) uint8 {
		if described == unspecified {
			return 1 // BT.709
		}
		return described
	}
	colours := fmt.Sprintf(".%02d.%02d.%02d.%02d.%02d",
		c.Subsampling, usual(c.Primaries), usual(c.Transfer), usual(c.Matrix), bit(c.FullRange))
	if colours == ".01.01.01.01.00" {
		return short
	}
	return short + colours
}

// Equal implements Codec.
func (c *VP9) Equal(o Codec) bool {
	v, ok := o.(*VP9)
	return ok && *c == *v
}
