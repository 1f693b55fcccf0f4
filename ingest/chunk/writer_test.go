package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
	"github.com/stretchr/testify/require"
)

func TestWriterHeaders(t *testing.T) {
	w := NewWriter(nil)
	for _, tc := range []struct {
		m    Message
		want []byte
	}{
		{video(1000, []byte("ab")), wire(type0(1000, 2, 9), "ab")},
		{video(2000, []byte("cd")), wire(type2(1000), "cd")}, // type 3 would be read in two ways
		{video(3000, []byte("ef")), wire(0xc4, "ef")},
		{video(3010, []byte("gh")), wire(type2(10), "gh")},
		{video(3020, []byte("i")), wire(type1(10, 1, 9), "i")},
		{video(3019, []byte("j")), wire(type0(3019, 1, 9), "j")}, // backwards
		{video(3019+extendedMark, []byte("k")), wire(type0(3019+extendedMark, 1, 9), "k")},
		{video(3020+extendedMark, payload(130)), wire(type1(1, 130, 9), payload(128), 0xc4, payload(130)[128:])},
		{Message{4, 7, 9, 3021 + extendedMark, payload(130)}, wire(
			4, 0xff, 0xff, 0xff, 0, 0, 130, 9, 7, 0, 0, 0, be(3021+extendedMark), payload(128),
			0xc4, be(3021+extendedMark), payload(130)[128:])},
		{Message{64, 0, 1, 0, be(200)}, wire(0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, be(200))},
		{Message{319, 0, 20, 0, payload(201)}, wire(
			0, 255, 0, 0, 0, 0, 0, 201, 20, 0, 0, 0, 0, payload(200), 0xc0, 255, payload(201)[200:])},
		{Message{65599, 0, 20, 0, nil}, wire(1, 255, 255, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0)},
	} {
		got, err := w.AppendMessage(nil, tc.m)
		require.NoError(t, err)
		require.Equal(t, tc.want, got)
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, m := range []Message{
		{ChunkStreamID: 1},
		{ChunkStreamID: 65600},
		{ChunkStreamID: 4, Body: make([]byte, MaxChunkSize+1)},
		{ChunkStreamID: 2, Type: TypeSetChunkSize},
		{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(0)},
		{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(1 << 31)},
	} {
		w := NewWriter(io.Discard)
		err := w.WriteMessage(m)
		require.Error(t, err)
		require.Equal(t, err, w.WriteMessage(video(1, nil)), "sticky")
	}
}

type failing struct{}

var errBroken = errors.New("broken")

func (failing) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrorsAreSticky(t *testing.T) {
	w := NewWriter(failing{})
	require.ErrorIs(t, w.WriteMessage(video(1, nil)), errBroken)
	require.ErrorIs(t, w.WriteMessage(video(2, nil)), errBroken)
}

func TestSeveralMessagesInOneWrite(t *testing.T) {
	var dst countingWriter
	w := NewWriter(&dst)
	want := []Message{video(1, payload(500)), {ChunkStreamID: 2, Type: 3, Body: be(1)}, video(34, payload(500))}
	require.NoError(t, w.WriteMessage(Message{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(4096)}, want[0], want[1], want[2]))
	require.Equal(t, 1, dst.writes)
	got, err := readAll(&dst.Buffer, Options{})
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, want, got)
}

type countingWriter struct {
	bytes.Buffer
	writes int
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.writes++
	return c.Buffer.Write(p)
}

// randomMessages are messages as gortmplib 1.0 can carry them: chunk stream ids of
// one byte, stream ids (which it writes in the wrong byte order) 0.
func randomMessages(rnd *rand.Rand, n int) []Message {
	ms := make([]Message, n)
	timestamp := uint32(rnd.IntN(2 * extendedMark))
	for i := range ms {
		timestamp += []uint32{0, 23, 23, 33, 40, 1_000_000}[rnd.IntN(6)]
		ms[i] = Message{
			ChunkStreamID: 3 + rnd.Uint32N(4),
			Type:          typeVideo,
			Timestamp:     timestamp,
			Body:          payload(1 + []int{10, 10, 100, 128, 5000}[rnd.IntN(5)]),
		}
	}
	return ms
}

func TestSecondOpinionReads(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		want := randomMessages(rnd, 30)
		var wire bytes.Buffer
		require.NoError(t, NewWriter(&wire).WriteMessage(want...))
		r := rawmessage.NewReader(&wire, bytecounter.NewReader(&wire), nil)
		for i := range want {
			m, err := r.Read()
			require.NoError(t, err)
			require.Equal(t, want[i], Message{
				ChunkStreamID: uint32(m.ChunkStreamID),
				StreamID:      m.MessageStreamID,
				Type:          m.Type,
				Timestamp:     uint32(m.Timestamp / time.Millisecond),
				Body:          m.Body,
			})
		}
	}
}

func TestSecondOpinionWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		want := randomMessages(rnd, 30)
		var wire bytes.Buffer
		bc := bytecounter.NewWriter(&wire)
		w := rawmessage.NewWriter(bc, bc, false)
		for _, m := range want {
			require.NoError(t, w.Write(&rawmessage.Message{
				ChunkStreamID:   byte(m.ChunkStreamID),
				Timestamp:       time.Duration(m.Timestamp) * time.Millisecond,
				Type:            m.Type,
				MessageStreamID: m.StreamID,
				Body:            m.Body,
			}))
		}
		got, err := readAll(&wire, Options{})
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, want, got)
	}
}

// FuzzReader: whatever is read writes back to the same, nothing panics, and no
// more memory is held than Limits say.
func FuzzReader(f *testing.F) {
	ext := uint32(0x01020304)
	f.Add(wire(type0(1000, 3, 9), "abc", type1(40, 2, 9), "de", type2(20), "fg", 0xc4, "hi"))
	f.Add(wire(type0(ext, 300, 9), payload(128), 0xc4, be(ext), payload(128), 0xc4, be(ext), payload(44)))
	f.Add(wire(setChunkSize(4096), type0(1, 300, 9), payload(300), abortOf(4)))
	f.Add(wire(0x00, 5, 0, 0, 1, 0, 0, 1, 8, 1, 0, 0, 0, "a", 0x01, 5, 1, 0, 0, 2, 0, 0, 1, 8, 1, 0, 0, 0, "b"))
	limits := Limits{Body: 1 << 12, Partial: 1 << 13, Eager: 1 << 8, Streams: 8, Useless: 16}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in), Options{Limits: limits, BufferSize: 64})
		var ms []Message
		for {
			m, err := r.ReadMessage()
			if err != nil {
				break
			}
			if r.partialBytes > limits.Partial || len(r.streams) > limits.Streams {
				t.Fatalf("%d bytes on %d chunk streams", r.partialBytes, len(r.streams))
			}
			ms = append(ms, m)
		}
		// In one piece or byte by byte is the same.
		again, _ := readAll(&slowReader{in}, Options{Limits: limits})
		equalMessages(t, ms, again)

		var out bytes.Buffer
		if err := NewWriter(&out).WriteMessage(ms...); err != nil {
			t.Fatal(err)
		}
		limits := limits
		limits.Useless = len(ms)
		back, err := readAll(&out, Options{Limits: limits})
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		equalMessages(t, ms, back)
	})
}

type slowReader struct{ b []byte }

func (s *slowReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 3)], s.b)
	s.b = s.b[n:]
	return n, nil
}

func equalMessages(t *testing.T, a, b []Message) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d messages became %d", len(a), len(b))
	}
	for i := range a {
		x, y := a[i], b[i]
		if !bytes.Equal(x.Body, y.Body) {
			t.Fatalf("message %d: body % x became % x", i, x.Body, y.Body)
		}
		x.Body, y.Body = nil, nil
		if x.ChunkStreamID != y.ChunkStreamID || x.StreamID != y.StreamID || x.Type != y.Type || x.Timestamp != y.Timestamp {
			t.Fatalf("message %d: %+v became %+v", i, x, y)
		}
	}
}

// FuzzWriter: messages of any shape, at any chunk size, come back as they were.
func FuzzWriter(f *testing.F) {
	f.Add(uint32(128), []byte("\x04\x09\x01\x00\x00\x03\xe8\x00\xff\x04\x09\x01\x00\x00\x03\xe8\x00\xff"))
	f.Fuzz(func(t *testing.T, chunkSize uint32, in []byte) {
		chunkSize = 1 + chunkSize%10_000
		ms := []Message{}
		for ; len(in) >= 9 && len(ms) < 50; in = in[9:] {
			m := Message{
				ChunkStreamID: MinChunkStreamID + uint32(in[0])*257%(MaxChunkStreamID-1),
				StreamID:      uint32(in[1] & 1),
				Type:          8 + in[2]&1,
				Timestamp:     binary.BigEndian.Uint32(in[3:]),
				Body:          payload(int(binary.BigEndian.Uint16(in[7:])) % 2000),
			}
			ms = append(ms, m)
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		if err := w.WriteMessage(Message{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(chunkSize)}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteMessage(ms...); err != nil {
			t.Fatal(err)
		}
		limits := PublisherLimits()
		limits.Useless, limits.Streams = len(ms)+1, 256
		back, err := readAll(&out, Options{Limits: limits})
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		equalMessages(t, ms, back)
	})
}
