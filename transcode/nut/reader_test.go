package nut_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/transcode/nut"
)

var update = flag.Bool("update", false, "write the golden files anew, with ffmpeg")

// goldens are small files of ffmpeg 5.1, and what is in them.
var goldens = []struct{ name, source, options string }{
	{"h264", "-f lavfi -i testsrc2=s=64x36:r=30000/1001 -frames:v 8 -c:v libx264 -g 4 -bf 2", x264},
	{"h265", "-f lavfi -i testsrc2=s=64x36:r=25 -frames:v 4 -c:v libx264 -g 2 -sc_threshold 0", x265},
	{"av1-side-data", "-f lavfi -i testsrc2=s=64x36:r=25 -frames:v 4 -c:v libx264", av1 + " -strict experimental -syncpoints none"},
	{"aac", "-f lavfi -i sine=r=48000 -t 0.1 -ac 2 -c:a aac", aac + " -b:a 32k"},
}

func goldenFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".nut"))
	require.NoError(t, err)
	return data
}

func dump(h nut.Header, packets []nut.Packet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %q, tick %d/%d s\n", h.Kind, h.Codec, h.FourCC, h.TimeBase.Num, h.TimeBase.Den)
	if h.Kind == media.Video {
		fmt.Fprintf(&b, "%dx%d, pixels %d:%d\n", h.Width, h.Height, h.SampleWidth, h.SampleHeight)
	} else {
		fmt.Fprintf(&b, "%d Hz, %d channels\n", h.SampleRate, h.Channels)
	}
	fmt.Fprintf(&b, "extradata %x\n", h.Extradata)
	for _, p := range packets {
		key := ""
		if p.Key {
			key = " key"
		}
		fmt.Fprintf(&b, "pts %d, %d bytes %08x%s\n", p.PTS, len(p.Data), crc32.ChecksumIEEE(p.Data), key)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, c := range goldens {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join("testdata", c.name)
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				data := encode(t, source(t, c.source), c.options, out)
				require.NoError(t, os.WriteFile(path+".nut", data, 0o644))
			}
			got := dump(all(t, bytes.NewReader(goldenFile(t, c.name))))
			if *update {
				require.NoError(t, os.WriteFile(path+".txt", []byte(got), 0o644))
			}
			want, err := os.ReadFile(path + ".txt")
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// read reads to the end, whatever that is.
func read(in io.Reader) (packets []nut.Packet, err error) {
	r := nut.NewReader(in)
	for {
		p, err := r.Next()
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

func TestCutAtEveryByte(t *testing.T) {
	for _, c := range goldens {
		data := goldenFile(t, c.name)
		_, want := all(t, bytes.NewReader(data))
		clean := 0
		for n := range data {
			got, err := read(bytes.NewReader(data[:n]))
			require.LessOrEqual(t, len(got), len(want))
			for i := range got {
				require.Equal(t, want[i], got[i])
			}
			if err == io.EOF {
				clean++
				continue
			}
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s cut at byte %d", c.name, n)
		}
		// An end is clean before everything, before each frame, and before the
		// packets that stand between frames.
		require.GreaterOrEqual(t, clean, len(want)+1)
		require.LessOrEqual(t, clean, 3*len(want)+5)
	}
}

var errTooEager = errors.New("asked for more than is needed")

// upTo gives what there is, and then complains where a pipe would block.
func upTo(data []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errTooEager))
}

// The reader asks for nothing behind a packet before it has returned it.
func TestNothingIsWaitedFor(t *testing.T) {
	file := stream(0)
	const headerEnd = 18 // a syncpoint's size
	h, err := nut.NewReader(upTo(file[:len(file)-headerEnd+3])).Header()
	require.NoError(t, err)
	require.Equal(t, nut.H264, h.Codec)

	for i := range 50 {
		if i%10 == 0 {
			file = append(file, syncpoint(uint64(3000*i))...)
		}
		file = append(file, whole(nut.Packet{PTS: int64(3000 * i), Key: i%10 == 0, Data: bytes.Repeat([]byte{byte(i)}, i*97)}, 7)...)
		got, err := read(upTo(file))
		require.ErrorIs(t, err, errTooEager)
		require.Len(t, got, i+1)
	}
}

func TestReadersOfAllKinds(t *testing.T) {
	data := goldenFile(t, "h264")
	_, want := all(t, bytes.NewReader(data))
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"a byte at a time": iotest.OneByteReader, "halves": iotest.HalfReader, "error with data": iotest.DataErrReader,
	} {
		got, err := read(wrap(bytes.NewReader(data)))
		require.Equal(t, io.EOF, err, name)
		require.Equal(t, want, got, name)
	}
}

// Headers and checksums leave no bit of the beginning to itself.
func TestFlippedBits(t *testing.T) {
	data := stream(0)
	for i := range 8 * len(data) {
		bad := bytes.Clone(data)
		bad[i/8] ^= 1 << (i % 8)
		_, err := read(bytes.NewReader(append(bad, frame(flagKey|flagCodedPTS|flagSizeMSB, "abc", v(128), v(3))...)))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			// A startcode may turn into one that is unknown: then what it stood
			// for is missing.
			require.ErrorIs(t, err, nut.ErrMalformed, "bit %d", i)
		}
	}
}

func TestErrorsStay(t *testing.T) {
	r := nut.NewReader(bytes.NewReader(append(stream(0), 0)))
	_, first := r.Next()
	require.ErrorIs(t, first, nut.ErrMalformed)
	_, second := r.Next()
	require.Equal(t, first, second)
	h, err := r.Header()
	require.NoError(t, err, "the header stays")
	require.Equal(t, 320, h.Width)

	broken := errors.New("broken pipe")
	r = nut.NewReader(io.MultiReader(strings.NewReader(fileID), iotest.ErrReader(broken)))
	_, err = r.Header()
	require.ErrorIs(t, err, broken)
	_, err = r.Next()
	require.ErrorIs(t, err, broken)
}

func TestEnds(t *testing.T) {
	_, err := nut.NewReader(strings.NewReader("")).Header()
	require.Equal(t, io.EOF, err, "nothing at all")
	_, err = nut.NewReader(strings.NewReader(fileID)).Header()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "no header")
	_, err = nut.NewReader(bytes.NewReader(stream(0))).Next()
	require.Equal(t, io.EOF, err, "no frame")
}
