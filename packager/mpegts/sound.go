package mpegts

import (
	"slices"

	"sluice/media"
)

// adtsSize is that of an ADTS header without checksum (ISO/IEC 14496-3 §1.A.2.2).
const adtsSize = 7

// maxADTS is of aac_frame_length.
const maxADTS = 1<<13 - 1

// adtsRates are the sampling frequencies by their index (ISO/IEC 14496-3 table 1.18).
var adtsRates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// adtsOf returns an ADTS header without its length, and false where there is none for
// the configuration. SBR and PS are not told: decoders find them (§1.6.6), as all of
// them have since before there was another way.
func adtsOf(c *media.AAC) (header [adtsSize]byte, ok bool) {
	config := &c.Config
	rate := slices.Index(adtsRates, config.SampleRate)
	if config.Type < 1 || config.Type > 4 || rate < 0 || config.ChannelConfig < 1 || config.ChannelConfig > 7 || config.FrameLengthFlag {
		return header, false
	}
	return [adtsSize]byte{
		0xFF, 0xF1, // syncword, MPEG-4, no CRC
		byte(config.Type-1)<<6 | byte(rate)<<2 | config.ChannelConfig>>2,
		config.ChannelConfig << 6,
		0, 0x1F, 0xFC, // a buffer of any fullness, one frame
	}, true
}

// sounds turns samples of sound into what their streams hold.
type sounds struct {
	adts   [adtsSize]byte
	framed bool // with an ADTS header
}

func soundsOf(c media.Codec) sounds {
	var s sounds
	if c, ok := c.(*media.AAC); ok {
		s.adts, s.framed = adtsOf(c)
	}
	return s
}

// size returns how long a frame is; 0 where it has no place in the stream.
func (s *sounds) size(f *media.Sample) int {
	n := len(f.Data)
	if s.framed && n > 0 {
		n += adtsSize
	}
	if s.framed && n > maxADTS || n > maxLength {
		return 0
	}
	return n
}

// put writes a frame.
func (s *sounds) put(w *writer, f *media.Sample) {
	if s.framed {
		h, n := s.adts, len(f.Data)+adtsSize
		h[3] |= byte(n >> 11)
		h[4] = byte(n >> 3)
		h[5] |= byte(n << 5)
		w.put(h[:])
	}
	w.put(f.Data)
}
