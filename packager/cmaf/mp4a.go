package cmaf

import "sluice/media"

// maxAudioConfig is what the one-byte lengths of esds leave for the AudioSpecificConfig.
const maxAudioConfig = 64

// mp4a is the sample entry of AAC and MP3.
type mp4a struct {
	rate, channels int
	object         byte
	config         []byte // the AudioSpecificConfig; MP3 has none
}

// Object types, ISO/IEC 14496-1 table 5 (that of MPEG-2 is used for MPEG-2.5, too).
const (
	objectMPEG4      = 0x40
	objectMPEG2Layer = 0x69
	objectMPEG1Layer = 0x6B
)

func (e *mp4a) brand() string { return "" }

func (e *mp4a) display() (width, height uint32) { return 0, 0 }

func (e *mp4a) handler() (kind, name string) { return "soun", "audio" }

func (e *mp4a) appendMediaHeader(dst []byte) []byte {
	return zeros(fullBox(dst, fullHeader+4, "smhd", 0, 0), 4)
}

func (e *mp4a) appendEntry(dst []byte, id media.TrackID) []byte {
	dst, entry := begin(dst, "mp4a")
	dst = zeros(dst, 6)
	dst = u16(dst, 1)
	dst = zeros(dst, 2*4)
	dst = u16(dst, uint16(e.channels))
	dst = u16(dst, 16) // bits
	dst = zeros(dst, 2*2)
	dst = u32(dst, e.sampleRate16())
	dst = e.appendEsds(dst, id)
	return end(dst, entry)
}

// inEntry counts the channels of the channel configuration (ISO/IEC 14496-3 table
// 1.19). Where a program config element in the stream says it, two is what
// decoders expect to be corrected.
func inEntry(c *media.AAC) int {
	switch n := int(c.Config.ChannelConfig); n {
	case 0:
		return 2
	case 7:
		return 8
	default:
		return n
	}
}

// sampleRate16 is the rate as a 16.16 number, 0 where it doesn't fit: decoders
// take it from the AudioSpecificConfig.
func (e *mp4a) sampleRate16() uint32 {
	if e.rate <= 0xFFFF {
		return uint32(e.rate) << 16
	}
	return 0
}

// appendEsds writes the ES_Descriptor (ISO/IEC 14496-1 §7.2.6.5). The
// AudioSpecificConfig is the publisher's, to the bit: it may hold extensions
// that nothing here reads.
func (e *mp4a) appendEsds(dst []byte, id media.TrackID) []byte {
	const (
		decoderConfig = 13 // objectTypeIndication to avgBitrate
		tagAndLength  = 2
	)
	specific := 0
	if e.config != nil {
		specific = tagAndLength + len(e.config)
	}
	config := tagAndLength + decoderConfig + specific
	dst, esds := beginFull(dst, "esds", 0, 0)
	dst = append(dst, 0x03, byte(3+config+tagAndLength+1))
	dst = append(u16(dst, uint16(id)), 0)
	dst = append(dst, 0x04, byte(decoderConfig+specific))
	dst = append(dst, e.object, 0x15, 0, 0, 0) // audio stream; no buffer size
	dst = zeros(dst, 2*4)                      // bit rates
	if e.config != nil {
		dst = append(dst, 0x05, byte(len(e.config)))
		dst = append(dst, e.config...)
	}
	dst = append(dst, 0x06, 1, 0x02) // SLConfigDescriptor: as in MP4
	return end(dst, esds)
}
