package nut_test

import (
	"encoding/binary"

	"sluice/media"
	"sluice/transcode/nut"
)

// A writer of our own, so that a test can say anything in NUT, true or not.

const (
	fileID         = "nut/multimedia container\x00"
	startMain      = 0x4E4D7A561F5F04AD
	startStream    = 0x4E5311405BF2F9DB
	startSyncpoint = 0x4E4BE4ADEECA4569
	startInfo      = 0x4E49AB68B596BA78
	startIndex     = 0x4E58DD672F23E64E
	startUnknown   = 0x4E5A000000000001

	flagKey       = 1
	flagEOR       = 2
	flagCodedPTS  = 8
	flagStreamID  = 16
	flagSizeMSB   = 32
	flagChecksum  = 64
	flagReserved  = 128
	flagSideData  = 256
	flagElided    = 1024
	flagMatchTime = 2048
	flagCoded     = 4096
	flagInvalid   = 8192
)

// v codes unsigned values one behind the other.
func v(values ...uint64) (b []byte) {
	for _, x := range values {
		n := 1
		for y := x >> 7; y > 0; y >>= 7 {
			n++
		}
		for n--; n > 0; n-- {
			b = append(b, 0x80|byte(x>>(7*n)))
		}
		b = append(b, byte(x&0x7f))
	}
	return b
}

// s codes a signed value.
func s(x int64) []byte {
	if x > 0 {
		return v(uint64(2*x - 1))
	}
	return v(uint64(-2 * x))
}

// vb codes a string of bytes.
func vb(b string) []byte { return append(v(uint64(len(b))), b...) }

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// sum is the checksum, a bit at a time.
func sum(b []byte) []byte {
	var c uint32
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			carry := c>>31 != uint32(x>>i&1)
			if c <<= 1; carry {
				c ^= 0x04C11DB7
			}
		}
	}
	return binary.BigEndian.AppendUint32(nil, c)
}

// packet puts a body behind a startcode, with its checksums.
func packet(start uint64, body []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, start)
	b = append(b, v(uint64(len(body)+4))...)
	if len(body)+4 > 4096 {
		b = append(b, sum(b)...)
	}
	return join(b, body, sum(body))
}

// mainHeader is one whose only frame code, 1, has all in the frame's header.
func mainHeader(version uint64, bases []nut.TimeBase, elided ...string) []byte {
	b := v(version)
	if version > 3 {
		b = append(b, v(1)...)
	}
	b = append(b, v(1, 32767, uint64(len(bases)))...)
	for _, base := range bases {
		b = append(b, v(uint64(base.Num), uint64(base.Den))...)
	}
	b = append(b, v(flagInvalid, 0)...)
	b = append(b, v(flagCoded, 0)...)
	b = append(b, v(flagInvalid, 2, 0, 253)...) // pts delta, and as many rows as the size's factor
	b = append(b, v(uint64(len(elided)))...)
	for _, e := range elided {
		b = append(b, vb(e)...)
	}
	return b
}

func videoHeader(base uint64) []byte {
	return join(v(0, 0), vb("H264"), v(base, 7, 90_000, 0, 0), vb("extra"), v(320, 180, 1, 1, 0))
}

func audioHeader(base uint64) []byte {
	return join(v(0, 1), vb("\xff\x00\x00\x00"), v(base, 14, 48_000, 0, 0), vb("\x11\x90"), v(48_000, 1, 2))
}

func syncpoint(t uint64) []byte { return packet(startSyncpoint, v(t, 0)) }

// frame is one of frame code 1: flags, and the values that go with them.
func frame(flags uint64, data string, values ...[]byte) []byte {
	header := join([]byte{1}, v(flags&^flagChecksum), join(values...))
	if flags&flagChecksum != 0 {
		header = join([]byte{1}, v(flags), join(values...))
		header = append(header, sum(header)...)
	}
	return append(header, data...)
}

// whole is a frame that says its time and size, with a checksum.
func whole(p nut.Packet, shift uint) []byte {
	flags := uint64(flagCodedPTS | flagSizeMSB | flagChecksum)
	if p.Key {
		flags |= flagKey
	}
	return frame(flags, string(p.Data), v(uint64(p.PTS)+1<<shift), v(uint64(len(p.Data))))
}

var clock90k = []nut.TimeBase{{Num: 1, Den: 90_000}}

// stream is a file of one video stream, up to and with a syncpoint at t.
func stream(t uint64) []byte {
	return join([]byte(fileID), packet(startMain, mainHeader(3, clock90k)), packet(startStream, videoHeader(0)), syncpoint(t))
}

// write makes a file of what has been read from another.
func write(h nut.Header, packets []nut.Packet) []byte {
	header := join(v(0, 0), vb(h.FourCC), v(0, 7, 1, 0, 0), vb(string(h.Extradata)),
		v(uint64(h.Width), uint64(h.Height), uint64(h.SampleWidth), uint64(h.SampleHeight), 0))
	if h.Kind == media.Audio {
		header = join(v(0, 1), vb(h.FourCC), v(0, 7, 1, 0, 0), vb(string(h.Extradata)),
			v(uint64(h.SampleRate), 1, uint64(h.Channels)))
	}
	file := join([]byte(fileID), packet(startMain, mainHeader(3, []nut.TimeBase{h.TimeBase})), packet(startStream, header), syncpoint(0))
	for _, p := range packets {
		file = append(file, whole(p, 7)...)
	}
	return file
}
