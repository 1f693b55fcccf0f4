package nut_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/nut"
)

// file begins a file by its parts.
func file(main, header []byte, rest ...[]byte) []byte {
	return join([]byte(fileID), packet(startMain, main), packet(startStream, header), join(rest...))
}

func packets(p ...nut.Packet) []nut.Packet { return p }

func TestFrames(t *testing.T) {
	main := func(version uint64) []byte { return mainHeader(version, clock90k, "\x00\x00\x01", "\xff\xfb") }
	two := []nut.TimeBase{{Num: 1, Den: 1000}, {Num: 1, Den: 90_000}}
	abc := nut.Packet{Data: []byte("abc")}
	at := func(pts int64) nut.Packet { return nut.Packet{PTS: pts, Data: []byte("abc")} }
	const sized = flagCodedPTS | flagSizeMSB
	side := string(join(
		v(5), vb("a"), s(-1), vb("text"), vb("b"), s(-2), vb("bin"), vb("\x00\x01"), vb("c"), s(-3), s(-9), vb("d"), s(-4), v(8), vb("e"), s(-7), s(1),
		v(1), vb("f"), s(12)))
	long := strings.Repeat("x", 4097)
	for _, c := range []struct {
		name string
		file []byte
		want []nut.Packet
	}{
		{"PTS in few bits", file(main(3), videoHeader(0), syncpoint(1000),
			frame(sized, "abc", v(1010&127), v(3)), frame(sized, "abc", v(1073&127), v(3)), frame(sized, "abc", v(1010&127), v(3))),
			packets(at(1010), at(1073), at(1010))},
		{"whole PTS", file(main(3), videoHeader(0), syncpoint(0), frame(sized, "abc", v(3003+128), v(3))), packets(at(3003))},
		{"far PTS", file(main(3), videoHeader(0), syncpoint(0), frame(sized|flagChecksum, "abc", v(1<<40+128), v(3))), packets(at(1 << 40))},
		{"PTS below zero", file(main(3), videoHeader(0), syncpoint(0), frame(sized, "abc", v(127), v(3))), packets(at(-1))},
		{"syncpoint of another time base", file(mainHeader(3, two), videoHeader(1), syncpoint(2*40),
			frame(sized, "abc", v(3600&127), v(3))), packets(at(3600))},
		{"syncpoint rounded down", file(mainHeader(3, two), videoHeader(0), syncpoint(2*89+1),
			frame(sized, "abc", v(0), v(3))), packets(at(0))},
		{"elided", file(main(3), videoHeader(0), syncpoint(0), frame(sized|flagElided, "\x65", v(0), v(4), v(1))),
			packets(nut.Packet{Data: []byte("\x00\x00\x01\x65")})},
		{"too large to be elided", file(main(3), videoHeader(0), syncpoint(0), frame(sized|flagElided, long, v(0), v(4097), v(1))),
			packets(nut.Packet{Data: []byte(long)})},
		{"empty", file(main(3), videoHeader(0), syncpoint(0), frame(sized|flagKey, "", v(0), v(0))),
			packets(nut.Packet{Key: true, Data: []byte{}})},
		{"match time and reserved values", file(main(3), videoHeader(0), syncpoint(0),
			frame(sized|flagStreamID|flagMatchTime|flagReserved, "abc", v(0, 0, 3), s(-77), v(2, 5, 6))), packets(abc)},
		{"stuffing", file(main(3), videoHeader(0), syncpoint(0), frame(sized, "abc", []byte{0x80, 0x80, 0}, []byte{0x80, 3})), packets(abc)},
		{"end of relevance", file(main(3), videoHeader(0), syncpoint(0), frame(sized, "abc", v(0), v(3)),
			frame(sized|flagKey|flagEOR, "", v(50), v(0)), frame(sized, "abc", v(60), v(3))), packets(abc, at(60))},
		{"side data", file(main(4), videoHeader(0), syncpoint(0),
			frame(sized|flagSideData|flagElided, side+"bc", v(0), v(uint64(3+len(side)+2)), v(1))),
			packets(nut.Packet{Data: []byte("\x00\x00\x01bc")})},
		{"broadcast", join([]byte(fileID), packet(startMain, append(main(4), 1)), packet(startStream, videoHeader(0)),
			packet(startSyncpoint, v(50, 0, 999)), frame(sized, "abc", v(50), v(3))), packets(at(50))},
		{"what is passed over", file(main(3), videoHeader(0), packet(startInfo, v(0, 0, 0, 0, 0)), packet(startUnknown, make([]byte, 70_000)),
			syncpoint(0), frame(sized, "abc", v(0), v(3)), packet(startIndex, nil),
			packet(startMain, main(3)), packet(startStream, videoHeader(0)), syncpoint(0), frame(sized, "abc", v(0), v(3))), packets(abc, abc)},
		{"more in headers than is known", file(append(main(3), 0, 1, 2), append(videoHeader(0), 9, 9), packet(startSyncpoint, v(0, 0, 5, 5)),
			frame(sized, "abc", v(0), v(3))), packets(abc)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := all(t, bytes.NewReader(c.file))
			require.Equal(t, c.want, got)
		})
	}
}

// A table of frame codes as the format means it: size and time within a byte.
func TestFrameCodes(t *testing.T) {
	main := join(v(3, 1, 32767, 1, 1, 90_000),
		v(flagInvalid, 0),                                // 0
		v(flagKey, 8), s(-40), v(100, 0, 10, 0, 5, 0, 1), // 1 to 5: keyframes of 10 to 14 bytes, elided
		v(flagCodedPTS, 8), s(7), v(50, 0, 20, 0, 78, 0, 0), // 6 to 84, without 78: 20 to 97 bytes
		v(flagSizeMSB, 4), s(3000), v(30, 0, 0), // 85 to 114: size in two parts, as many rows as the factor
		v(flagInvalid, 2), s(0), v(141), // 115 to 255
		v(1), vb("\x00\x00\x01"))
	data := join(
		[]byte{2}, []byte("12345678"), // 11 bytes, of which three are elided
		[]byte{77, 5}, make([]byte, 91), // 20+71
		[]byte{79, 6}, make([]byte, 92), // 20+72: 78 is not counted
		[]byte{92, 2}, make([]byte, 67), // 7+2*30
	)
	_, got := all(t, bytes.NewReader(file(main, videoHeader(0), syncpoint(1000), data)))
	require.Len(t, got, 4)
	require.Equal(t, nut.Packet{PTS: 960, Key: true, Data: []byte("\x00\x00\x0112345678")}, got[0])
	require.Len(t, got[1].Data, 91)
	require.Len(t, got[2].Data, 92)
	require.Len(t, got[3].Data, 67)
	require.Equal(t, got[2].PTS+3000, got[3].PTS)
}

func TestMalformed(t *testing.T) {
	const sized = flagCodedPTS | flagSizeMSB
	main, header := mainHeader(3, clock90k, "\x00\x00\x01"), videoHeader(0)
	sync := syncpoint(0)
	abc := frame(sized, "abc", v(0), v(3))
	codes := func(rows ...[]byte) []byte { return join(v(3, 1, 32767, 1, 1, 90_000), join(rows...)) }
	rest := func(b []byte) []byte { return file(main, header, sync, b) }
	corrupt := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[len(b)+at] ^= 1
		return b
	}
	for name, data := range map[string][]byte{
		"not NUT":                        []byte("RIFF, and so on, for the rest of it"),
		"frame first":                    append([]byte(fileID), abc...),
		"stream before main":             join([]byte(fileID), packet(startStream, header)),
		"info before main":               join([]byte(fileID), packet(startInfo, nil)),
		"frame before stream":            join([]byte(fileID), packet(startMain, main), abc),
		"frame before syncpoint":         file(main, header, abc),
		"frame behind repeated headers":  file(main, header, sync, abc, packet(startMain, main), abc),
		"version 2":                      file(mainHeader(2, clock90k), header),
		"version 5":                      file(mainHeader(5, clock90k), header),
		"two streams":                    file(join(v(3, 2, 32767, 1, 1, 25)), header),
		"no time base":                   file(v(3, 1, 32767, 0), header),
		"too many time bases":            file(v(3, 1, 32767, 17), header),
		"time base of nothing":           file(mainHeader(3, []nut.TimeBase{{Num: 0, Den: 25}}), header),
		"time base of 2^31":              file(mainHeader(3, []nut.TimeBase{{Num: 1, Den: 1 << 31}}), header),
		"half a main header":             file(main[:12], header),
		"too many frame codes":           file(codes(v(0, 6), s(0), v(1, 0, 0, 0, 256), v(0)), header),
		"a run of nothing":               file(codes(v(0, 2), s(0), v(0)), header),
		"less than nothing":              file(codes(v(0, 4), s(0), v(5, 0, 9)), header),
		"size too large":                 file(codes(v(0, 6), s(0), v(1, 0, 16383, 0, 255), v(0)), header),
		"delta too large":                file(codes(v(0, 6), s(32768), v(1, 0, 0, 0, 255), v(0)), header),
		"delta too small":                file(codes(v(0, 6), s(-32769), v(1, 0, 0, 0, 255), v(0)), header),
		"endless fields":                 file(codes(v(0, math.MaxUint64)), header),
		"empty elision header":           file(mainHeader(3, clock90k, ""), header),
		"long elision header":            file(mainHeader(3, clock90k, strings.Repeat("x", 256)), header),
		"long elision headers":           file(mainHeader(3, clock90k, strings.Repeat("x", 255), strings.Repeat("y", 255), strings.Repeat("x", 255), strings.Repeat("x", 255), "12345"), header),
		"unknown elision header":         file(codes(v(0, 8), s(0), v(1, 0, 0, 0, 255, 0, 1), v(0)), header),
		"header too large":               file(join(main, make([]byte, 65<<10)), header),
		"header of stream 1":             file(main, append(v(1), header[1:]...)),
		"subtitles":                      file(main, append(v(0, 2), header[2:]...)),
		"FourCC of three":                file(main, join(v(0, 0), vb("abc"), v(0, 7, 1, 0, 0), vb(""), v(1, 1, 1, 1, 0))),
		"unknown time base":              file(main, videoHeader(1)),
		"no picture":                     file(main, join(v(0, 0), vb("H264"), v(0, 7, 1, 0, 0), vb(""), v(0, 1, 1, 1, 0))),
		"no sound":                       file(main, join(v(0, 1), vb("mp4a"), v(0, 7, 1, 0, 0), vb(""), v(48000, 0, 2))),
		"shift of 16":                    file(main, join(v(0, 0), vb("H264"), v(0, 16, 1, 0, 0), vb(""), v(1, 1, 1, 1, 0))),
		"extradata beyond its packet":    file(main, join(v(0, 0), vb("H264"), v(0, 7, 1, 0, 0), v(1<<40))),
		"packet without a checksum":      rest(join(sync[:8], v(3), []byte("abc"))),
		"packet of a terabyte":           rest(join(sync[:8], v(1<<40), sum(join(sync[:8], v(1<<40))))),
		"packet's checksum":              rest(corrupt(sync, -1)),
		"checksum of what is passed":     rest(corrupt(packet(startInfo, make([]byte, 9000)), -1)),
		"checksum of a packet's header":  rest(corrupt(packet(startInfo, make([]byte, 9000)), -9005)),
		"empty syncpoint":                rest(packet(startSyncpoint, nil)),
		"syncpoint at the end of time":   rest(syncpoint(math.MaxUint64)),
		"value of 70 bits":               rest(packet(startSyncpoint, join(bytes.Repeat([]byte{0xff}, 9), []byte{0x7f, 0}))),
		"invalid frame code":             rest([]byte{0}),
		"unknown flags":                  rest(frame(4, "")),
		"side data in version 3":         rest(frame(sized|flagSideData, "\x00\x00", v(0), v(2))),
		"frame made invalid":             rest(frame(flagInvalid, "")),
		"frame of stream 1":              rest(frame(flagStreamID|sized, "", v(1, 0, 0))),
		"elision header 2 of 2":          rest(frame(sized|flagElided, "", v(0, 4, 2))),
		"frame smaller than elided":      rest(frame(sized|flagElided, "", v(0, 2, 1))),
		"256 reserved values":            rest(frame(sized|flagReserved, string(make([]byte, 256)), v(0, 0, 256))),
		"frame's checksum":               rest(corrupt(frame(sized|flagChecksum, "", v(0), v(0)), -1)),
		"large frame without a checksum": rest(frame(sized, "", v(0), v(65535))),
		"far frame without a checksum":   rest(frame(sized, "", v(90_001+128), v(0))),
		"frame of a gigabyte":            rest(frame(sized|flagChecksum, "", v(0), v(1<<30))),
		"frame of 2^64":                  rest(frame(sized|flagChecksum, "", v(0), v(math.MaxUint64))),
		"frame at the end of time":       rest(frame(sized|flagChecksum, "", v(math.MaxUint64), v(0))),
		"frame's value of 70 bits":       rest(frame(sized, "", bytes.Repeat([]byte{0xff}, 10), v(0))),
		"stuffing without an end":        rest(frame(sized, "", bytes.Repeat([]byte{0x80}, 18), v(0))),
		"end of relevance with data":     rest(frame(sized|flagKey|flagEOR, "a", v(0), v(1))),
		"side data beyond its frame":     file(mainHeader(4, clock90k), header, sync, frame(sized|flagSideData, "\x01\x05ab", v(0), v(4))),
		"too much side data":             file(mainHeader(4, clock90k), header, sync, frame(sized|flagSideData, "\x7f\x00\x00\x00", v(0), v(4))),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(bytes.NewReader(data))
			require.ErrorIs(t, err, nut.ErrMalformed)
		})
	}
}
