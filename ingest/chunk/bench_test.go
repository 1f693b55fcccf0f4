package chunk

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// loop is a peer that sends the same message over and over.
type loop struct {
	first, again []byte
	rest         []byte
}

// newLoop sends a body of n bytes, 33 ms apart, in chunks of the given size.
func newLoop(tb testing.TB, chunkSize uint32, n int) *loop {
	w := NewWriter(nil)
	var l loop
	var err error
	l.first, err = w.AppendMessage(nil, Message{ChunkStreamID: 2, Type: TypeSetChunkSize, Body: be(chunkSize)})
	require.NoError(tb, err)
	l.first, err = w.AppendMessage(l.first, video(0, payload(n)))
	require.NoError(tb, err)
	l.again, err = w.AppendMessage(nil, video(33, payload(n)))
	require.NoError(tb, err)
	l.rest = l.first
	return &l
}

func (l *loop) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		l.rest = l.again
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// A second of one publisher of 4.5 Mb/s is some 30 of these frames.
func BenchmarkReader(b *testing.B) {
	for _, bc := range []struct {
		name      string
		chunkSize uint32
		body      int
	}{
		{"audio", 4096, 371},
		{"frame/obs", 4096, 18_700},
		{"frame/ffmpeg", 60_000, 18_700},
		{"frame/128", 128, 18_700},
		{"keyframe/obs", 4096, 150_000},
	} {
		b.Run(bc.name, func(b *testing.B) {
			r := NewReader(newLoop(b, bc.chunkSize, bc.body), Options{})
			b.SetBytes(int64(bc.body))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.ReadMessage(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	w := NewWriter(nil)
	buf := make([]byte, 0, 32<<10)
	m := video(0, payload(18_700))
	b.SetBytes(18_700)
	b.ReportAllocs()
	for b.Loop() {
		m.Timestamp += 33
		if _, err := w.AppendMessage(buf, m); err != nil {
			b.Fatal(err)
		}
	}
}
