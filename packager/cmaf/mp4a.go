package cmaf

import (
	"fmt"

	"sluice/media"
)

// maxAudioConfig is what the one-byte lengths of esds leave for the AudioSpecificConfig.
const maxAudioConfig = 64

// esds is the configuration of AAC and MP3.
type esds struct {
	object byte
	config []byte // the AudioSpecificConfig; MP3 has none
}

// Object types, ISO/IEC 14496-1 table 5 (that of MPEG-2 is used for MPEG-2.5, too).
const (
	objectMPEG4      = 0x40
	objectMPEG2Layer = 0x69
	objectMPEG1Layer = 0x6B
)

// mp4a is the sample entry of AAC.
func mp4a(c *media.AAC) (sampleEntry, error) {
	if len(c.Raw) > maxAudioConfig {
		return nil, fmt.Errorf("init segment: audio config of %d bytes", len(c.Raw))
	}
	return &audible{"mp4a", c.SampleRate(), inEntry(c), 16, &esds{objectMPEG4, c.Raw}}, nil
}

// layerIII is the sample entry of MP3.
func layerIII(c *media.MP3) sampleEntry {
	_, channels := c.Output()
	object := byte(objectMPEG1Layer)
	if c.Low() {
		object = objectMPEG2Layer
	}
	return &audible{"mp4a", c.SampleRate(), channels, 16, &esds{object, nil}}
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

// appendTo writes the ES_Descriptor (ISO/IEC 14496-1 §7.2.6.5). The
// AudioSpecificConfig is the publisher's, to the bit: it may hold extensions
// that nothing here reads.
func (e *esds) appendTo(dst []byte, id media.TrackID) []byte {
	const (
		decoderConfig = 13 // objectTypeIndication to avgBitrate
		tagAndLength  = 2
	)
	specific := 0
	if e.config != nil {
		specific = tagAndLength + len(e.config)
	}
	config := tagAndLength + decoderConfig + specific
	dst, box := beginFull(dst, "esds", 0, 0)
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
	return end(dst, box)
}
