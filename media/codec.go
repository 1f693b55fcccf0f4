package media

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Codec is what a decoder must know before the first sample.
type Codec interface {
	// Name is the codec's common name, as in "H.264".
	Name() string
	// RFC6381 is the value for CODECS and @codecs, as in "avc1.640028".
	RFC6381() string
	// Equal reports whether the parameters are the same to the bit.
	Equal(Codec) bool
}

// H264 is ISO/IEC 14496-10 video.
type H264 struct {
	SPS, PPS []byte // one NAL unit each, without start code or length
	// Width and Height are the picture's, cropped, in pixels; SARWidth and
	// SARHeight the shape of a pixel (1:1 where the SPS doesn't say).
	Width, Height       int
	SARWidth, SARHeight int
	// FrameRate is what the SPS declares, in frames a second; 0 where it doesn't.
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

// NewH264 reads the parameter sets; it errs where they can't be parsed.
func NewH264(sps, pps []byte) (*H264, error) {
	if len(sps) < 4 || len(pps) == 0 {
		return nil, errors.New("h264: parameter sets missing")
	}
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("h264: read SPS: %w", err)
	}
	c := &H264{SPS: sps, PPS: pps, Width: s.Width(), Height: s.Height(), SARWidth: 1, SARHeight: 1}
	if s.VUI != nil {
		c.SARWidth, c.SARHeight = sampleAspectRatio(s.VUI)
		if t := s.VUI.TimingInfo; t != nil && t.NumUnitsInTick > 0 && t.TimeScale > 0 {
			c.FrameRate = float64(t.TimeScale) / (2 * float64(t.NumUnitsInTick))
		}
	}
	if formats := [...]Chroma{Chroma400, Chroma420, Chroma422, Chroma444}; int(s.ChromaFormatIdc) < len(formats) {
		c.Chroma = formats[s.ChromaFormatIdc]
	}
	c.BitDepth = 8 + int(min(max(s.BitDepthLumaMinus8, s.BitDepthChromaMinus8), 6)) // 14 bits are the most there are
	if c.Width <= 0 || c.Height <= 0 {
		return nil, fmt.Errorf("h264: picture of %dx%d", c.Width, c.Height)
	}
	return c, nil
}

// sampleAspectRatio maps aspect_ratio_idc to its ratio (ITU-T H.264 table E-1).
func sampleAspectRatio(v *h264.SPS_VUI) (width, height int) {
	const extendedSAR = 255
	table := [...][2]int{
		{1, 1}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	switch {
	case !v.AspectRatioInfoPresentFlag:
	case v.AspectRatioIdc == extendedSAR && v.SarWidth > 0 && v.SarHeight > 0:
		return int(v.SarWidth), int(v.SarHeight)
	case int(v.AspectRatioIdc) < len(table):
		return table[v.AspectRatioIdc][0], table[v.AspectRatioIdc][1]
	}
	return 1, 1
}

// Name implements Codec.
func (c *H264) Name() string { return "H.264" }

// RFC6381 implements Codec: profile, constraint flags and level, from the SPS.
func (c *H264) RFC6381() string {
	return fmt.Sprintf("avc1.%02x%02x%02x", c.SPS[1], c.SPS[2], c.SPS[3])
}

// Equal implements Codec.
func (c *H264) Equal(o Codec) bool {
	h, ok := o.(*H264)
	return ok && bytes.Equal(c.SPS, h.SPS) && bytes.Equal(c.PPS, h.PPS)
}

// AAC is ISO/IEC 14496-3 audio.
type AAC struct {
	Raw    []byte // the AudioSpecificConfig as it came
	Config mpeg4audio.AudioSpecificConfig
}

// NewAAC reads an AudioSpecificConfig; it errs where it can't be parsed.
func NewAAC(raw []byte) (*AAC, error) {
	c := &AAC{Raw: raw}
	if err := c.Config.Unmarshal(raw); err != nil {
		return nil, fmt.Errorf("aac: read config: %w", err)
	}
	if c.Config.SampleRate <= 0 {
		return nil, fmt.Errorf("aac: sample rate of %d", c.Config.SampleRate)
	}
	return c, nil
}

// SampleRate is that of the core codec, in Hz: a frame lasts FrameLength / SampleRate.
func (c *AAC) SampleRate() int { return c.Config.SampleRate }

// FrameLength is the number of audio samples, at SampleRate, that an access
// unit decodes to: 1024, or 960 where frameLengthFlag says so.
func (c *AAC) FrameLength() Ticks {
	if c.Config.FrameLengthFlag {
		return 960
	}
	return 1024
}

// Name implements Codec.
func (c *AAC) Name() string { return "AAC" }

// RFC6381 implements Codec (ISO/IEC 14496-3 table 1.17 gives the object types).
func (c *AAC) RFC6381() string {
	objectType := c.Config.Type
	if c.Config.ExtensionType != 0 {
		objectType = c.Config.ExtensionType
	}
	return fmt.Sprintf("mp4a.40.%d", objectType)
}

// Equal implements Codec.
func (c *AAC) Equal(o Codec) bool {
	a, ok := o.(*AAC)
	return ok && bytes.Equal(c.Raw, a.Raw)
}
