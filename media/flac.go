package media

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"
)

// FLAC is audio by RFC 9639. Only NewFLAC makes valid ones.
type FLAC struct {
	StreamInfo []byte // the metadata block of RFC 9639 §8.2, without its header
	info       flac.StreamInfo
}

const (
	flacStreamInfo = 34 // bytes
	flacMagic      = "fLaC"
	flacBlock      = 4 // bytes of a metadata block's header
)

// NewFLAC reads a STREAMINFO block: by itself, or, as files and Enhanced RTMP have
// it, behind "fLaC" and with its header. It errs where it can't be parsed.
func NewFLAC(b []byte) (*FLAC, error) {
	b = bytes.TrimPrefix(b, []byte(flacMagic))
	if len(b) >= flacBlock+flacStreamInfo && b[0]&0x7F == 0 && b[1] == 0 && b[2] == 0 && b[3] == flacStreamInfo {
		b = b[flacBlock:]
	}
	if len(b) < flacStreamInfo {
		return nil, fmt.Errorf("flac: STREAMINFO of %d bytes", len(b))
	}
	c := &FLAC{StreamInfo: b[:flacStreamInfo:flacStreamInfo]}
	if err := c.info.Unmarshal(c.StreamInfo); err != nil {
		return nil, fmt.Errorf("flac: read STREAMINFO: %w", err)
	}
	const leastBlock = 16 // §8.2
	if c.info.SampleRate == 0 || c.info.MaxBlockSize < leastBlock {
		return nil, fmt.Errorf("flac: blocks of %d samples at %d Hz", c.info.MaxBlockSize, c.info.SampleRate)
	}
	return c, nil
}

// Head is what files and Enhanced RTMP begin with: "fLaC", and STREAMINFO as the only
// metadata block (RFC 9639 §8).
func (c *FLAC) Head() []byte {
	const last = 0x80 // and the type of STREAMINFO, 0
	return append(append([]byte(flacMagic), last, 0, 0, flacStreamInfo), c.StreamInfo...)
}

// BlockLength is how many samples a frame decodes to, by its header (§9.1); 0 where
// that says nothing sensible.
func (c *FLAC) BlockLength(frame []byte) Ticks {
	const fixed = 4 // bytes before the coded number
	if len(frame) <= fixed || frame[0] != 0xFF || frame[1]&0xFC != 0xF8 {
		return 0
	}
	n := 0
	switch code := frame[2] >> 4; {
	case code == 0:
		return 0
	case code == 1:
		n = 192
	case code <= 5:
		n = 576 << (code - 2)
	case code >= 8:
		n = 256 << (code - 8)
	default: // behind the number, which is coded as UTF-8 is, in up to seven bytes
		at := fixed + 1
		for first := frame[fixed]; first&0xC0 == 0xC0; first <<= 1 {
			at++
		}
		if len(frame) < at+2 {
			return 0
		}
		if n = int(frame[at]) + 1; code == 7 {
			n = (int(frame[at])<<8 | int(frame[at+1])) + 1
		}
	}
	return Ticks(n)
}

// BitDepth is that of a sample, in bits.
func (c *FLAC) BitDepth() int { return int(c.info.BitDepth) }

// SampleRate implements Sound.
func (c *FLAC) SampleRate() int { return int(c.info.SampleRate) }

// FrameLength implements Sound: that of most frames. The others say so themselves.
func (c *FLAC) FrameLength() Ticks { return Ticks(c.info.MaxBlockSize) }

// Output implements Sound.
func (c *FLAC) Output() (rate, channels int) { return c.SampleRate(), int(c.info.ChannelCount) }

// Name implements Codec.
func (c *FLAC) Name() string { return "FLAC" }

// RFC6381 implements Codec: the sample entry's name, which Apple's players insist on.
func (c *FLAC) RFC6381() string { return "fLaC" }

// Equal implements Codec.
func (c *FLAC) Equal(o Codec) bool {
	f, ok := o.(*FLAC)
	return ok && bytes.Equal(c.StreamInfo, f.StreamInfo)
}
