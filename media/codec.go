package media

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

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
		v := s.VUI
		c.SARWidth, c.SARHeight = sampleAspectRatio(v.AspectRatioInfoPresentFlag, v.AspectRatioIdc, v.SarWidth, v.SarHeight)
		if t := s.VUI.TimingInfo; t != nil && t.NumUnitsInTick > 0 && t.TimeScale > 0 {
			c.FrameRate = float64(t.TimeScale) / (2 * float64(t.NumUnitsInTick))
		}
	}
	c.Chroma = chromaOf(uint32(s.ChromaFormatIdc))
	c.BitDepth = min(depthOf(uint32(s.BitDepthLumaMinus8), uint32(s.BitDepthChromaMinus8)), 14) // ITU-T H.264 §7.4.2.1.1
	if c.Width <= 0 || c.Height <= 0 {
		return nil, fmt.Errorf("h264: picture of %dx%d", c.Width, c.Height)
	}
	return c, nil
}

// Name implements Codec.
func (c *H264) Name() string { return "H.264" }

// RFC6381 implements Codec: profile, constraint flags and level, from the SPS.
func (c *H264) RFC6381() string {
	return "avc1." + hex.EncodeToString(c.SPS[1:4])
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
	return "mp4a.40." + strconv.Itoa(int(objectType))
}

// Equal implements Codec.
func (c *AAC) Equal(o Codec) bool {
	a, ok := o.(*AAC)
	return ok && bytes.Equal(c.Raw, a.Raw)
}
