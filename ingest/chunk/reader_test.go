package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// readAll reads messages until the source ends and returns the error that ended it.
func readAll(src io.Reader, opts Options) (ms []Message, err error) {
	r := NewReader(src, opts)
	for {
		m, err := r.ReadMessage()
		if err != nil {
			if _, again := r.ReadMessage(); !errors.Is(again, err) {
				return ms, fmt.Errorf("error %w is not sticky", err)
			}
			return ms, err
		}
		ms = append(ms, m)
	}
}

// wire joins what a peer sends: bytes, strings, and slices of bytes.
func wire(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("wire: %T", p))
		}
	}
	return b
}

// type0 is the header of a chunk on chunk stream 4, message stream 1.
func type0(timestamp uint32, length int, typ byte) []byte {
	b := []byte{0x04}
	b = appendUint24(b, min(timestamp, extendedMark))
	b = appendUint24(b, uint32(length))
	b = append(b, typ, 1, 0, 0, 0)
	if timestamp >= extendedMark {
		b = binary.BigEndian.AppendUint32(b, timestamp)
	}
	return b
}

func type1(delta uint32, length int, typ byte) []byte {
	b := appendUint24([]byte{0x44}, min(delta, extendedMark))
	b = appendUint24(b, uint32(length))
	b = append(b, typ)
	if delta >= extendedMark {
		b = binary.BigEndian.AppendUint32(b, delta)
	}
	return b
}

func type2(delta uint32) []byte { return appendUint24([]byte{0x84}, delta) }

func be(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func setChunkSize(n uint32) []byte {
	return wire(0x02, 0, 0, 0, 0, 0, 4, TypeSetChunkSize, 0, 0, 0, 0, be(n))
}

func abortOf(id uint32) []byte {
	return wire(0x02, 0, 0, 0, 0, 0, 4, TypeAbort, 0, 0, 0, 0, be(id))
}

// payload is n bytes that look like no timestamp.
func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(0x80 | i*7)
	}
	return b
}

func video(timestamp uint32, body []byte) Message {
	return Message{ChunkStreamID: 4, StreamID: 1, Type: 9, Timestamp: timestamp, Body: body}
}

func TestReader(t *testing.T) {
	long := payload(300) // three chunks of the default size
	ext := uint32(0x01020304)
	for _, tc := range []struct {
		name string
		in   []byte
		want []Message
	}{
		{"type 0", wire(type0(1000, 3, 9), "abc"), []Message{video(1000, []byte("abc"))}},
		{"empty message", wire(type0(5, 0, 9), type0(6, 1, 9), "x"), []Message{video(5, nil), video(6, []byte("x"))}},
		{
			"types 1, 2 and 3 lean on what was before",
			wire(type0(1000, 3, 9), "abc", type1(40, 2, 9), "de", type2(20), "fg", 0xc4, "hi", 0xc4, "jk"),
			[]Message{
				video(1000, []byte("abc")), video(1040, []byte("de")), video(1060, []byte("fg")),
				video(1080, []byte("hi")), video(1100, []byte("jk")),
			},
		},
		{
			"type 3 after type 0: the timestamp is the delta (ffmpeg)",
			wire(type0(23, 1, 9), "a", 0xc4, "b", 0xc4, "c"),
			[]Message{video(23, []byte("a")), video(46, []byte("b")), video(69, []byte("c"))},
		},
		{
			"type 3 after type 0 late in a stream: the timestamp again (nginx-rtmp, librtmp)",
			wire(type0(3_600_000, 1, 9), "a", 0xc4, "b"),
			[]Message{video(3_600_000, []byte("a")), video(3_600_000, []byte("b"))},
		},
		{
			"chunk stream ids of two and three bytes",
			wire(0x00, 5, 0, 0, 1, 0, 0, 1, 8, 1, 0, 0, 0, "a", 0x01, 5, 1, 0, 0, 2, 0, 0, 1, 8, 1, 0, 0, 0, "b",
				0xc0, 5, "c", 0x01, 5, 0, 0, 0, 9, 0, 0, 1, 8, 1, 0, 0, 0, "d"),
			[]Message{
				{69, 1, 8, 1, []byte("a")}, {325, 1, 8, 2, []byte("b")}, {69, 1, 8, 2, []byte("c")},
				{69, 1, 8, 9, []byte("d")}, // the same id in its longer form
			},
		},
		{
			"chunks of two messages interleaved",
			wire(type0(1, 300, 9), long[:128],
				0x05, 0, 0, 2, 0, 0, 200, 8, 1, 0, 0, 0, long[:128],
				0xc4, long[128:256], 0xc5, long[128:200], 0xc4, long[256:]),
			[]Message{{5, 1, 8, 2, long[:200]}, video(1, long)},
		},
		{
			"set chunk size takes effect within a message",
			wire(type0(1, 300, 9), long[:128], setChunkSize(4096), 0xc4, long[128:]),
			[]Message{video(1, long)},
		},
		{
			"a chunk size of 4 GB is the longest message's",
			wire(setChunkSize(0xffffffff), type0(1, 300, 9), long),
			[]Message{video(1, long)},
		},
		{
			"abort drops a message, and one that is not there",
			wire(type0(1, 300, 9), long[:128], abortOf(4), abortOf(9), type0(2, 1, 9), "x"),
			[]Message{video(2, []byte("x"))},
		},
		{
			"extended timestamp repeated (ffmpeg, FMLE, OBS 30.1)",
			wire(type0(ext, 300, 9), long[:128], 0xc4, be(ext), long[128:256], 0xc4, be(ext), long[256:], type1(40, 1, 9), "x"),
			[]Message{video(ext, long), video(ext+40, []byte("x"))},
		},
		{
			"extended timestamp not repeated (librtmp, OBS 30.0)",
			wire(type0(ext, 300, 9), long[:128], 0xc4, long[128:256], 0xc4, long[256:], type1(40, 1, 9), "x"),
			[]Message{video(ext, long), video(ext+40, []byte("x"))},
		},
		{
			"extended timestamp repeated as zero (gortmplib)",
			wire(type0(ext, 300, 9), long[:128], 0xc4, be(0), long[128:256], 0xc4, be(0), long[256:]),
			[]Message{video(ext, long)},
		},
		{
			"four zero bytes of metadata are no timestamp",
			wire(type0(ext, 132, 18), long[:128], 0xc4, be(0)),
			[]Message{{4, 1, 18, ext, wire(long[:128], be(0))}},
		},
		{
			"extended timestamp not repeated, payload that begins like it",
			wire(type0(ext, 132, 9), long[:128], 0xc4, 1, 2, 3, 9, type1(40, 1, 9), "x"),
			[]Message{video(ext, wire(long[:128], 1, 2, 3, 9)), video(ext+40, []byte("x"))},
		},
		{
			"a last chunk shorter than an extended timestamp",
			wire(type0(ext, 130, 9), long[:128], 0xc4, "yz", type1(40, 1, 9), "x"),
			[]Message{video(ext, wire(long[:128], "yz")), video(ext+40, []byte("x"))},
		},
		{
			"extended timestamp of exactly 0xffffff",
			wire(type0(extendedMark, 130, 9), long[:128], 0xc4, be(extendedMark), "yz"),
			[]Message{video(extendedMark, wire(long[:128], "yz"))},
		},
		{
			"extended delta repeated, and repeated by the next message",
			wire(type0(1000, 1, 9), "a", type1(0x2000000, 130, 9), long[:128], 0xc4, be(0x2000000), "yz",
				0xc4, be(0x2000000), long[:128], 0xc4, be(0x2000000), "yz"),
			[]Message{
				video(1000, []byte("a")), video(0x2000000+1000, wire(long[:128], "yz")),
				video(0x4000000+1000, wire(long[:128], "yz")),
			},
		},
		{
			"extended delta continued with the timestamp that it makes",
			wire(type0(1000, 1, 9), "a", type1(0x2000000, 130, 9), long[:128], 0xc4, be(0x2000000+1000), "yz"),
			[]Message{video(1000, []byte("a")), video(0x2000000+1000, wire(long[:128], "yz"))},
		},
		{
			"the timestamp in full where the delta belongs (old SRS)",
			wire(type0(extendedMark-100, 1, 9), "a", type1(extendedMark+20, 130, 9), long[:128], 0xc4, be(extendedMark+20), "yz", type2(40), long[:128], 0xc4, "yz"),
			[]Message{
				video(extendedMark-100, []byte("a")), video(extendedMark+20, wire(long[:128], "yz")),
				video(extendedMark+60, wire(long[:128], "yz")),
			},
		},
		{
			"a type 3 message of its own with its own timestamp in full",
			wire(type0(ext, 8, 9), long[:8], 0xc4, be(ext+33), long[:8], 0xc4, long[:8]),
			[]Message{video(ext, long[:8]), video(ext+33, long[:8]), video(ext+33, long[:8])},
		},
		{
			"a timestamp that wraps",
			wire(type0(0xfffffff0, 1, 9), "a", type1(0x20, 1, 9), "b"),
			[]Message{video(0xfffffff0, []byte("a")), video(0x10, []byte("b"))},
		},
		{
			"a delta backwards, by wrapping",
			wire(type0(1000, 1, 9), "a", type1(0xfffffff0, 1, 9), "b"),
			[]Message{video(1000, []byte("a")), video(984, []byte("b"))},
		},
		{
			"type 1 with nothing before it (librtmp's ping)",
			wire(type1(7, 1, 9), "a"),
			[]Message{{4, 0, 9, 7, []byte("a")}},
		},
		{
			"type 2 and type 3 with nothing before them (DJI Osmo)",
			wire(0xa1, 0, 0, 33, 0xe1, type0(1, 1, 9), "a"),
			[]Message{video(1, []byte("a"))},
		},
		{
			"the same header again within a message goes on with it",
			wire(type0(7, 300, 9), long[:128], type0(7, 300, 9), long[128:256], type0(7, 300, 9), long[256:],
				type1(40, 130, 9), long[:128], type1(40, 130, 9), "yz", type2(20), long[:128], type2(20), "yz"),
			[]Message{video(7, long), video(47, wire(long[:128], "yz")), video(67, wire(long[:128], "yz"))},
		},
		{
			"another header within a message begins another one",
			wire(type0(7, 300, 9), long[:128], type1(40, 2, 9), "ab", type2(10), "cd"),
			[]Message{video(47, []byte("ab")), video(57, []byte("cd"))},
		},
		{
			"chunk streams have their own clocks",
			wire(type0(100, 1, 9), "a", 0x05, 0, 0, 50, 0, 0, 1, 8, 1, 0, 0, 0, "b", type2(10), "c", 0x85, 0, 0, 5, "d"),
			[]Message{video(100, []byte("a")), {5, 1, 8, 50, []byte("b")}, video(110, []byte("c")), {5, 1, 8, 55, []byte("d")}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, slowed := range map[string]func(io.Reader) io.Reader{
				"at once":             func(r io.Reader) io.Reader { return r },
				"byte by byte":        iotest.OneByteReader,
				"data with the error": iotest.DataErrReader,
			} {
				for _, size := range []int{0, minBufferSize, 100} {
					got, err := readAll(slowed(bytes.NewReader(tc.in)), Options{BufferSize: size})
					require.ErrorIs(t, err, io.EOF, name)
					require.NotErrorIs(t, err, io.ErrUnexpectedEOF, name)
					require.Equal(t, tc.want, got, name)
				}
			}
			cutEverywhere(t, tc.in, tc.want)
		})
	}
}

// cutEverywhere ends the stream after each byte: what comes out is a prefix, and
// an end within a message is told from one between messages.
func cutEverywhere(t *testing.T, in []byte, want []Message) {
	for n := range in {
		got, err := readAll(bytes.NewReader(in[:n]), Options{})
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if len(got) > len(want) {
			t.Fatalf("cut at %d: %d messages of %d", n, len(got), len(want))
		}
		for i := range got {
			require.Equal(t, want[i], got[i], "cut at %d", n)
		}
	}
}

// An answer must not wait for bytes that belong to the next message, even where
// an extended timestamp might follow.
func TestReaderReturnsAMessageWithItsLastByte(t *testing.T) {
	ext := uint32(0x01020304)
	for name, in := range map[string][]byte{
		"plain":                    wire(type0(1, 3, 9), "abc"),
		"extended, repeated":       wire(type0(ext, 130, 9), payload(128), 0xc4, be(ext), "yz"),
		"extended, not repeated":   wire(type0(ext, 130, 9), payload(128), 0xc4, "yz"),
		"new message, type 3":      wire(type0(ext, 3, 9), "abc", 0xc4, "def"),
		"chunk of the buffer size": wire(setChunkSize(1<<20), type0(1, 2*defaultBufferSize, 9), payload(2*defaultBufferSize)),
	} {
		t.Run(name, func(t *testing.T) {
			src := &stalling{data: in}
			r := NewReader(src, Options{})
			for src.pos < len(in) || r.src.buffered() > 0 {
				_, err := r.ReadMessage()
				require.NoError(t, err)
			}
		})
	}
}

var errStalled = errors.New("the peer says nothing more")

// stalling is a peer that sends data and then keeps silent.
type stalling struct {
	data []byte
	pos  int
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.pos == len(s.data) {
		return 0, errStalled
	}
	n := copy(p, s.data[s.pos:])
	s.pos += n
	return n, nil
}

// A socket that sleeps until Want's bytes are there must always wake: the number
// never exceeds what is left of the message that the peer is sending.
func TestWantNeverExceedsTheMessage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		chunkSize := []uint32{1, 7, 128, 4096, 60000}[round%5]
		var in []byte
		var ends []int
		w := NewWriter(nil)
		in, err := w.AppendMessage(in, Message{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(chunkSize)})
		require.NoError(t, err)
		ends = append(ends, len(in))
		for range 20 {
			m := Message{
				ChunkStreamID: []uint32{3, 4, 70, 400}[rnd.IntN(4)],
				Type:          9,
				Timestamp:     rnd.Uint32(),
				Body:          payload(rnd.IntN(3 * int(min(chunkSize, 20000)))),
			}
			in, err = w.AppendMessage(in, m)
			require.NoError(t, err)
			ends = append(ends, len(in))
		}
		src := &paced{data: in, ends: ends}
		var worth int // how many reads knew what to wait for
		ms, err := readAll(src, Options{BufferSize: 64 + rnd.IntN(2*defaultBufferSize), Want: func(n int) {
			require.Positive(t, n)
			if left := src.left(); left > 0 {
				require.LessOrEqual(t, n, left)
			}
			if n > 1 {
				worth++
			}
		}})
		require.ErrorIs(t, err, io.EOF)
		require.Len(t, ms, 20)
		require.NotZero(t, worth)
	}
}

// paced hands out at most the rest of one message at a time, in random pieces.
type paced struct {
	data []byte
	ends []int
	pos  int
}

func (p *paced) left() int {
	for _, e := range p.ends {
		if e > p.pos {
			return e - p.pos
		}
	}
	return 0
}

func (p *paced) Read(b []byte) (int, error) {
	n := p.left()
	if n == 0 {
		return 0, io.EOF
	}
	n = copy(b, p.data[p.pos:p.pos+1+rand.IntN(n)])
	p.pos += n
	return n, nil
}

func TestMissingIsExactForWhatIsKnown(t *testing.T) {
	body := payload(10_000)
	in := wire(setChunkSize(4096), type0(1, len(body), 9), body[:4096], 0xc4, body[4096:8192], 0xc4, body[8192:])
	var wants []int
	r := NewReader(iotest.OneByteReader(bytes.NewReader(in)), Options{Want: func(n int) { wants = append(wants, n) }})
	require.Zero(t, r.Missing())
	_, err := r.ReadMessage()
	require.NoError(t, err)
	require.Zero(t, r.Missing())
	require.EqualValues(t, len(in), r.BytesRead())
	// From the first payload byte on, every byte that comes is one fewer to want.
	header := len(setChunkSize(1)) + len(type0(1, 1, 9))
	for i, n := range wants[header:] {
		require.Equal(t, len(in)-header-i, n)
	}
}

func TestBytesReadCountsEverything(t *testing.T) {
	in := wire(type0(1, 3, 9), "abc", type2(1), "def")
	r := NewReader(bytes.NewReader(in), Options{})
	_, err := r.ReadMessage()
	require.NoError(t, err)
	require.EqualValues(t, len(in), r.BytesRead(), "what waits in the buffer has been received")
}

// Bodies belong to the caller: nothing that is read later may change them.
func TestBodiesAreTheCallers(t *testing.T) {
	var in []byte
	w := NewWriter(nil)
	for i := range 50 {
		var err error
		in, err = w.AppendMessage(in, video(uint32(i), bytes.Repeat([]byte{byte(i)}, 1+i*97)))
		require.NoError(t, err)
	}
	ms, err := readAll(bytes.NewReader(in), Options{BufferSize: 256})
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, ms, 50)
	for i, m := range ms {
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, 1+i*97), m.Body)
		require.Equal(t, len(m.Body), cap(m.Body), "exactly its size")
	}
}
