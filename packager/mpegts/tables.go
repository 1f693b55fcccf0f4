package mpegts

import (
	"encoding/binary"

	"sluice/media"
)

// Stream types (ISO/IEC 13818-1 table 2-34; ATSC A/53 part 3 for those from 0x81 on).
const (
	typeMPEG1 = 0x03
	typeMPEG2 = 0x04
	typeADTS  = 0x0F
	typeID3   = 0x15 // metadata in PES packets
	typeH264  = 0x1B
	typeHEVC  = 0x24
	typeAC3   = 0x81
	typeEAC3  = 0x87
)

const (
	programNumber   = 1
	transportStream = 1
)

// Descriptors of timed ID3 (ISO/IEC 13818-1 §2.6.58 and §2.6.60, with the values of
// Apple's Timed Metadata for HTTP Live Streaming §2.3): whose metadata it is, that its
// format is "ID3 ", service 0, of this very program.
const (
	metadataPointer = "\x25\x0F\xFF\xFFID3 \xFFID3 \x00\x1F\x00\x01"
	metadataFormat  = "\x26\x0D\xFF\xFFID3 \xFFID3 \x00\x0F"
)

// section opens a table's section: its id, and what every long one begins with.
func section(dst []byte, table byte, id uint16, version byte) []byte {
	dst = append(dst, 0, table, 0xB0, 0) // pointer_field; the length comes in seal
	dst = binary.BigEndian.AppendUint16(dst, id)
	return append(dst, 0xC1|version<<1, 0, 0)
}

// seal gives the section that is dst, behind its pointer, a length and a checksum.
func seal(dst []byte) []byte {
	const crc, before = 4, 4
	length := len(dst) - before + crc
	dst[2] |= byte(length >> 8)
	dst[3] = byte(length)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[1:]))
}

// appendPAT appends the program association section (§2.4.4.3).
func appendPAT(dst []byte) []byte {
	dst = section(dst, 0x00, transportStream, 0)
	dst = binary.BigEndian.AppendUint16(dst, programNumber)
	dst = binary.BigEndian.AppendUint16(dst, 0xE000|pidProgram)
	return seal(dst)
}

// appendPMT appends the program map section (§2.4.4.8). Its version goes with the
// epoch, whose streams don't change.
func (s *Segment) appendPMT(dst []byte) []byte {
	clock := uint16(pidVideo)
	if s.Video == nil {
		clock = pidSound
	}
	dst = section(dst, 0x02, programNumber, byte(s.Epoch%32))
	dst = binary.BigEndian.AppendUint16(dst, 0xE000|clock)
	dst = append(dst, 0xF0, byte(len(metadataPointer)))
	dst = append(dst, metadataPointer...)
	stream := func(kind byte, pid uint16, descriptors string) {
		dst = append(dst, kind)
		dst = binary.BigEndian.AppendUint16(dst, 0xE000|pid)
		dst = append(dst, 0xF0, byte(len(descriptors)))
		dst = append(dst, descriptors...)
	}
	if s.Video != nil {
		f := formOf(s.Video.Track.Codec)
		stream(f.kind, pidVideo, f.descriptors)
	}
	if s.Sound != nil {
		f := formOf(s.Sound.Track.Codec)
		stream(f.kind, pidSound, f.descriptors)
	}
	stream(typeID3, pidID3, metadataFormat)
	return seal(dst)
}

// table appends a packet with a section.
func (w *writer) table(l lane, section []byte) {
	w.header(l, unitStart, hasPayload)
	w.dst = append(w.dst, section...)
	w.stuff(payloadSize - len(section))
}

// form is how a codec is carried.
type form struct {
	kind        byte // stream_type
	id          byte // stream_id
	descriptors string
}

// Stream ids (§2.4.3.7).
const (
	idVideo   = 0xE0
	idSound   = 0xC0
	idPrivate = 0xBD
)

// formOf returns how a codec is carried, and none where it isn't.
func formOf(c media.Codec) form {
	switch c := c.(type) {
	case *media.H264:
		return form{typeH264, idVideo, ""}
	case *media.HEVC:
		return form{typeHEVC, idVideo, "\x05\x04HEVC"}
	case *media.AAC:
		if _, ok := adtsOf(c); ok {
			return form{typeADTS, idSound, ""}
		}
	case *media.MP3:
		if c.Low() {
			return form{typeMPEG2, idSound, ""}
		}
		return form{typeMPEG1, idSound, ""}
	case *media.AC3:
		return form{typeAC3, idPrivate, "\x05\x04AC-3" + ac3Descriptor(c)}
	case *media.EAC3:
		return form{typeEAC3, idPrivate, "\x05\x04EAC3"}
	}
	return form{}
}

// Carries reports whether a codec has a place in MPEG-TS that players know: AV1, VP9,
// Opus and FLAC have none, nor has AAC whose rate or channels ADTS can't tell.
func Carries(c media.Codec) bool { return formOf(c).kind != 0 }

// ac3Descriptor is the AC-3_audio_stream_descriptor up to num_channels (ATSC A/52 §A3.4):
// a full service, whose rates are exact.
func ac3Descriptor(c *media.AC3) string {
	return string([]byte{
		0x81, 3,
		c.SampleRateCode<<5 | c.BitStreamID&0x1F,
		c.BitRateCode << 2,
		c.Mode<<5 | c.Channels<<1 | 1,
	})
}

// checksum is the CRC of sections (§2.4.4, annex A).
func checksum(b []byte) uint32 {
	crc := ^uint32(0)
	for _, v := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^v]
	}
	return crc
}

var crcTable = func() (table [256]uint32) {
	const polynomial = 0x04C11DB7
	for i := range table {
		crc := uint32(i) << 24
		for range 8 {
			carry := crc>>31 != 0
			if crc <<= 1; carry {
				crc ^= polynomial
			}
		}
		table[i] = crc
	}
	return table
}()
