package chunk

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// zeros is a peer that never stops sending zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestLimits(t *testing.T) {
	l := PublisherLimits()
	manyStreams := func(n int) (b []byte) {
		for i := range n {
			b = append(b, 0x01, byte(i), byte(i>>8), 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 'x')
		}
		return b
	}
	for _, tc := range []struct {
		name string
		in   io.Reader
		ok   int // messages before the limit is hit
	}{
		{"a body that is too long", bytes.NewReader(wire(type0(1, l.Body+1, 9))), 0},
		{"too many chunk streams", bytes.NewReader(manyStreams(l.Streams + 1)), l.Streams},
		{"too much under way", io.MultiReader(bytes.NewReader(setChunkSize(1<<20)), underWay()), 0},
		{"empty messages", bytes.NewReader(wire(type0(1, 0, 9), bytes.Repeat([]byte{0xc4}, 1000))), l.Useless + 1},
		{"set chunk size", bytes.NewReader(bytes.Repeat(setChunkSize(128), 1000)), 0},
		{"abort", bytes.NewReader(bytes.Repeat(abortOf(4), 1000)), 0},
		{"nothing but type 3", bytes.NewReader(bytes.Repeat([]byte{0xc4}, 1000)), 0},
		{"messages begun and dropped", bytes.NewReader(bytes.Repeat(wire(type0(1, 200, 9), payload(128), type0(2, 201, 9), payload(128)), 1000)), 0},
		{"zeros", zeros{}, l.Useless + 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ms, err := readAll(tc.in, Options{})
			require.ErrorIs(t, err, ErrLimit)
			require.Len(t, ms, tc.ok)
		})
	}
}

// underWay begins messages of 1 MiB on one chunk stream after another and sends
// one byte of each: by a chunk size of 1, so that the rest need not follow.
func underWay() io.Reader {
	b := setChunkSize(1)
	for i := range 64 {
		b = append(b, byte(3+i%60), 0, 0, 0, 0x10, 0, 0, 9, 1, 0, 0, 0, 'x')
	}
	return bytes.NewReader(b)
}

func TestMalformed(t *testing.T) {
	for name, in := range map[string][]byte{
		"chunk size 0":          setChunkSize(0),
		"chunk size 2^31":       setChunkSize(1 << 31),
		"short set chunk size":  wire(0x02, 0, 0, 0, 0, 0, 3, TypeSetChunkSize, 0, 0, 0, 0, 1, 2, 3),
		"short abort":           wire(0x02, 0, 0, 0, 0, 0, 1, TypeAbort, 0, 0, 0, 0, 1),
		"empty set chunk size":  wire(0x02, 0, 0, 0, 0, 0, 0, TypeSetChunkSize, 0, 0, 0, 0),
		"abort without content": wire(0x02, 0, 0, 0, 0, 0, 0, TypeAbort, 0, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAll(bytes.NewReader(in), Options{})
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

// A declared length costs memory only as its bytes come.
func TestDeclaredLengthsTakeNoMemory(t *testing.T) {
	limits := PublisherLimits()
	in := wire(setChunkSize(MaxChunkSize), type0(1, limits.Body, 9), payload(100))
	r := NewReader(&stalling{data: in}, Options{})
	_, err := r.ReadMessage()
	require.ErrorIs(t, err, errStalled)
	require.LessOrEqual(t, r.partialBytes, limits.Eager)

	in = append(in, make([]byte, 3<<20)...)
	r = NewReader(&stalling{data: in}, Options{})
	_, err = r.ReadMessage()
	require.ErrorIs(t, err, errStalled)
	require.LessOrEqual(t, r.partialBytes, 2*len(in))

	r = NewReader(&stalling{data: wire(type0(1, 64<<10, 20), "x")}, Options{Limits: StrangerLimits()})
	_, err = r.ReadMessage()
	require.ErrorIs(t, err, errStalled)
	require.LessOrEqual(t, r.partialBytes, StrangerLimits().Eager)
}

func TestLongBodiesArriveWhole(t *testing.T) {
	limits := PublisherLimits()
	for _, n := range []int{limits.Eager - 1, limits.Eager, limits.Eager + 1, 3*limits.Eager + 5, limits.Body} {
		for _, chunkSize := range []uint32{4096, MaxChunkSize} {
			w := NewWriter(nil)
			in, err := w.AppendMessage(nil, Message{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(chunkSize)})
			require.NoError(t, err)
			want := video(1, payload(n))
			in, err = w.AppendMessage(in, want)
			require.NoError(t, err)
			r := NewReader(bytes.NewReader(in), Options{})
			got, err := r.ReadMessage()
			require.NoError(t, err)
			require.True(t, bytes.Equal(want.Body, got.Body))
			require.Equal(t, n, cap(got.Body))
			require.Zero(t, r.partialBytes)
		}
	}
}

// A peer that is let in gets more room from then on.
func TestSetLimits(t *testing.T) {
	in := wire(type0(1, 10, 20), payload(10), setChunkSize(1<<20), type0(1, 100_000, 9), payload(100_000))
	r := NewReader(bytes.NewReader(in), Options{Limits: StrangerLimits()})
	_, err := r.ReadMessage()
	require.NoError(t, err)
	r.SetLimits(PublisherLimits())
	_, err = r.ReadMessage()
	require.NoError(t, err)

	r = NewReader(bytes.NewReader(in), Options{Limits: StrangerLimits()})
	_, err = r.ReadMessage()
	require.NoError(t, err)
	_, err = r.ReadMessage()
	require.ErrorIs(t, err, ErrLimit)
}

func TestOneAllocationAMessage(t *testing.T) {
	for _, tc := range []struct {
		name      string
		chunkSize uint32
		body      int
	}{
		{"audio", 4096, 371},
		{"video in OBS's chunks", 4096, 18_700},
		{"video in ffmpeg's chunks", 60_000, 18_700},
		{"a keyframe", 4096, 150_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReader(newLoop(t, tc.chunkSize, tc.body), Options{})
			allocs := testing.AllocsPerRun(500, func() {
				m, err := r.ReadMessage()
				if err != nil || len(m.Body) != tc.body {
					t.Fatalf("%d bytes, %v", len(m.Body), err)
				}
			})
			require.EqualValues(t, 1, allocs)
		})
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	w := NewWriter(io.Discard)
	m := video(0, payload(18_700))
	allocs := testing.AllocsPerRun(500, func() {
		m.Timestamp += 33
		if err := w.WriteMessage(m); err != nil {
			t.Fatal(err)
		}
	})
	require.Zero(t, allocs)
	runtime.KeepAlive(w)
}
