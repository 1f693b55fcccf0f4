package cmaf

import "sluice/media"

// maxAudioConfig is what the one-byte lengths of esds leave for the AudioSpecificConfig.
const maxAudioConfig = 64

// mp4a is the sample entry of AAC.
type mp4a struct{ *media.AAC }

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
	dst = u16(dst, e.channels())
	dst = u16(dst, 16) // bits
	dst = zeros(dst, 2*2)
	dst = u32(dst, e.sampleRate16())
	dst = e.appendEsds(dst, id)
	return end(dst, entry)
}

// channels counts those of the channel configuration (ISO/IEC 14496-3 table
// 1.19). Where a program config element in the stream says it, two is what
// decoders expect to be corrected.
func (e *mp4a) channels() uint16 {
	switch c := e.Config.ChannelConfig; c {
	case 0:
		return 2
	case 7:
		return 8
	default:
		return uint16(c)
	}
}

// sampleRate16 is the rate as a 16.16 number, 0 where it doesn't fit: decoders
// take it from the AudioSpecificConfig.
func (e *mp4a) sampleRate16() uint32 {
	if r := e.SampleRate(); r <= 0xFFFF {
		return uint32(r) << 16
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
	specific := tagAndLength + len(e.Raw)
	config := tagAndLength + decoderConfig + specific
	dst, esds := beginFull(dst, "esds", 0, 0)
	dst = append(dst, 0x03, byte(3+config+tagAndLength+1))
	dst = append(u16(dst, uint16(id)), 0)
	dst = append(dst, 0x04, byte(decoderConfig+specific))
	dst = append(dst, 0x40, 0x15, 0, 0, 0) // MPEG-4 audio; audio stream; no buffer size
	dst = zeros(dst, 2*4)                  // bit rates
	dst = append(dst, 0x05, byte(len(e.Raw)))
	dst = append(dst, e.Raw...)
	dst = append(dst, 0x06, 1, 0x02) // SLConfigDescriptor: as in MP4
	return end(dst, esds)
}
