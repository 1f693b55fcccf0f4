package media

import "fmt"

// Sound is the codec of an audio track.
type Sound interface {
	Codec
	// SampleRate is that of the core codec, in Hz: a frame lasts FrameLength / SampleRate.
	SampleRate() int
	// FrameLength is the number of audio samples, at SampleRate, that an access
	// unit decodes to.
	FrameLength() Ticks
	// Output tells what a decoder puts out: its rate in Hz, and the number of
	// channels, 0 where the stream itself tells it.
	Output() (rate, channels int)
}

// Output implements Sound (ISO/IEC 14496-3 tables 1.17 and 1.19).
func (c *AAC) Output() (rate, channels int) {
	const parametricStereo = 29
	rate, channels = c.Config.SampleRate, int(c.Config.ChannelConfig)
	if c.Config.ExtensionSampleRate > 0 {
		rate = c.Config.ExtensionSampleRate
	}
	switch {
	case channels == 1 && c.Config.ExtensionType == parametricStereo:
		channels = 2
	case channels == 7:
		channels = 8
	case channels > 7: // reserved here
		channels = 0
	}
	return rate, channels
}

// MP3 is layer III of MPEG audio: ISO/IEC 11172-3, the lower rates of ISO/IEC
// 13818-3, and the lowest, which are nobody's standard (MPEG-2.5).
type MP3 struct {
	rate, channels int
}

// NewMP3 errs on a rate or a number of channels that a frame's header can't say.
func NewMP3(rate, channels int) (*MP3, error) {
	switch rate {
	case 32_000, 44_100, 48_000, 16_000, 22_050, 24_000, 8_000, 11_025, 12_000:
	default:
		return nil, fmt.Errorf("mp3: sample rate of %d", rate)
	}
	if channels != 1 && channels != 2 {
		return nil, fmt.Errorf("mp3: %d channels", channels)
	}
	return &MP3{rate, channels}, nil
}

// SampleRate implements Sound.
func (c *MP3) SampleRate() int { return c.rate }

// Low tells the lower rates, MPEG-2 and 2.5, from those of MPEG-1.
func (c *MP3) Low() bool { return c.rate < 32_000 }

// FrameLength implements Sound: two granules of 576 samples, or one.
func (c *MP3) FrameLength() Ticks {
	if c.Low() {
		return 576
	}
	return 2 * 576
}

// Output implements Sound.
func (c *MP3) Output() (rate, channels int) { return c.rate, c.channels }

// Name implements Codec.
func (c *MP3) Name() string { return "MP3" }

// RFC6381 implements Codec. Apple's players and hls.js know MP3 by this name, the
// audio object type of ISO/IEC 14496-3 table 1.17, and hls.js only by it; the
// object types of its init segment, 6B and 69, are what they say in mp4a.6B.
func (c *MP3) RFC6381() string { return "mp4a.40.34" }

// Equal implements Codec.
func (c *MP3) Equal(o Codec) bool {
	m, ok := o.(*MP3)
	return ok && *c == *m
}
