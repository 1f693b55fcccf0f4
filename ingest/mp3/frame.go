package mp3

import (
	"errors"
	"fmt"
)

// ErrMalformed says that bytes aren't frames of MP3.
var ErrMalformed = errors.New("malformed MP3")

// Header is what the first four bytes of a frame say.
type Header struct {
	SampleRate int // Hz
	Channels   int
	BitRate    int // bits a second
	Size       int // of the frame in bytes, the header included
}

// headerSize is the size of a header.
const headerSize = 4

// Versions of MPEG.
const (
	mpeg25 = 0
	mpeg2  = 2
	mpeg1  = 3
)

var (
	// sampleRates are those of MPEG-1. MPEG-2 has half of them, MPEG-2.5 a quarter.
	sampleRates = [...]int{44_100, 48_000, 32_000}
	// kilobits a second, of MPEG-1 and of the others. The first is free format's.
	kilobits    = [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	kilobitsLow = [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
)

// Parse reads the header that b begins with:
//
//	| sync, all ones 11 bits | version 2 | layer 2 | no CRC 1 |
//	| bit rate 4 | sample rate 2 | padding 1 | private 1 | mode 2 | extension 2 | copyright 1 | original 1 | emphasis 2 |
func Parse(b []byte) (h Header, err error) {
	if len(b) < headerSize || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return h, fmt.Errorf("no frame in %d bytes: %w", len(b), ErrMalformed)
	}
	const (
		layerIII = 1 // the numbers count down
		mono     = 3
	)
	version, layer := b[1]>>3&3, b[1]>>1&3
	bitRate, sampleRate, padding := int(b[2]>>4), int(b[2]>>2&3), int(b[2]>>1&1)
	if version == 1 || layer != layerIII || bitRate == 0 || bitRate >= len(kilobits) || sampleRate >= len(sampleRates) {
		return h, fmt.Errorf("frame header %x: %w", b[:headerSize], ErrMalformed)
	}
	h.SampleRate, h.BitRate = sampleRates[sampleRate], kilobitsLow[bitRate]*1000
	granules := 1
	switch version {
	case mpeg1:
		h.BitRate, granules = kilobits[bitRate]*1000, 2
	case mpeg2:
		h.SampleRate /= 2
	case mpeg25:
		h.SampleRate /= 4
	}
	const bytesOfGranule = 576 / 8
	h.Size = granules*bytesOfGranule*h.BitRate/h.SampleRate + padding
	if h.Channels = 2; b[3]>>6 == mono {
		h.Channels = 1
	}
	return h, nil
}

// Cut returns the frame that b begins with, and what is behind it.
func Cut(b []byte) (h Header, frame, rest []byte, err error) {
	if h, err = Parse(b); err != nil {
		return h, nil, b, err
	}
	if h.Size > len(b) {
		return h, nil, b, fmt.Errorf("frame of %d bytes in %d: %w", h.Size, len(b), ErrMalformed)
	}
	return h, b[:h.Size:h.Size], b[h.Size:], nil
}
