package media

import "fmt"

// Picture is the codec of a video track.
type Picture interface {
	Codec
	// Format is what the parameter sets say of the pictures.
	Format() Format
}

// Format is what pictures are like.
type Format struct {
	// Width and Height are the picture's, cropped, in pixels; SARWidth and
	// SARHeight the shape of a pixel (1:1 where nothing says it).
	Width, Height       int
	SARWidth, SARHeight int
	// FrameRate is the declared one, in frames a second; 0 where there's none.
	FrameRate float64
	// Chroma is the sampling of colour, and BitDepth the larger of luma's and
	// chroma's. What plays everywhere is 4:2:0 and 8 bits.
	Chroma   Chroma
	BitDepth int
}

// Chroma is how colour is sampled, as people write it; empty where that's unknown.
type Chroma string

// The chroma formats, in the order of chroma_format_idc.
const (
	Chroma400 Chroma = "4:0:0"
	Chroma420 Chroma = "4:2:0"
	Chroma422 Chroma = "4:2:2"
	Chroma444 Chroma = "4:4:4"
)

// chromaOf is that of a chroma_format_idc.
func chromaOf(idc uint32) Chroma {
	if formats := [...]Chroma{Chroma400, Chroma420, Chroma422, Chroma444}; int(idc) < len(formats) {
		return formats[idc]
	}
	return ""
}

// depthOf is that of bit_depth_luma_minus8 and bit_depth_chroma_minus8.
func depthOf(luma, chroma uint32) int {
	return 8 + int(min(max(luma, chroma), 8)) // 16 bits are the most there are
}

// maxSide is the longest side that a sample entry can tell (ISO/IEC 14496-12 §12.1.3).
const maxSide = 0xFFFF

// check finds pictures that nobody has.
func (f Format) check(codec string) error {
	if f.Width <= 0 || f.Height <= 0 || f.Width > maxSide || f.Height > maxSide {
		return fmt.Errorf("%s: picture of %dx%d", codec, f.Width, f.Height)
	}
	return nil
}

// Format implements Picture.
func (c *H264) Format() Format {
	return Format{
		Width: c.Width, Height: c.Height, SARWidth: c.SARWidth, SARHeight: c.SARHeight,
		FrameRate: c.FrameRate, Chroma: c.Chroma, BitDepth: c.BitDepth,
	}
}

// sampleAspectRatio is what a VUI says of it: ITU-T H.264 table E-1, which is
// ITU-T H.265's too.
func sampleAspectRatio(present bool, idc uint8, extendedWidth, extendedHeight uint16) (width, height int) {
	const extendedSAR = 255
	table := [...][2]int{
		{1, 1}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	switch {
	case !present:
	case idc == extendedSAR && extendedWidth > 0 && extendedHeight > 0:
		return int(extendedWidth), int(extendedHeight)
	case int(idc) < len(table):
		return table[idc][0], table[idc][1]
	}
	return 1, 1
}
