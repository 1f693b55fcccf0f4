package nut_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"sluice/transcode/nut"
)

// FuzzReader reads anything at all.
func FuzzReader(f *testing.F) {
	for _, c := range goldens {
		f.Add(goldenFile(f, c.name))
	}
	f.Add(join(stream(0), whole(nut.Packet{PTS: 3000, Key: true, Data: []byte("abc")}, 7)))
	f.Fuzz(func(t *testing.T, data []byte) { check(t, data) })
}

// FuzzStream reads headers and frames whose checksums are right, whatever they say.
func FuzzStream(f *testing.F) {
	sized := uint64(flagCodedPTS | flagSizeMSB)
	f.Add(mainHeader(3, clock90k), videoHeader(0), v(0, 0), frame(sized, "abc", v(0), v(3)))
	f.Add(mainHeader(4, []nut.TimeBase{{Num: 1, Den: 1000}, {Num: 1, Den: 48_000}}, "\xff\xfb"), audioHeader(1), v(40, 0),
		frame(sized|flagSideData, "\x00\x00abc", v(0), v(5)))
	f.Add(join(v(3, 1, 32767, 1, 1, 90_000), v(flagInvalid, 0), v(flagKey, 6), s(3000), v(50, 0, 20, 0, 78), v(flagSizeMSB, 4), s(-1), v(177, 0, 0), v(0)),
		videoHeader(0), v(9000, 0), append([]byte{2}, make([]byte, 21)...))
	f.Fuzz(func(t *testing.T, main, header, sync, frames []byte) {
		check(t, file(main, header, packet(startSyncpoint, sync), frames))
	})
}

// check reads data and holds what comes against what must be true of anything.
func check(t *testing.T, data []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := read(bytes.NewReader(data))
	runtime.ReadMemStats(&after)
	if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		require.ErrorIs(t, err, nut.ErrMalformed)
	}
	size := 0
	for _, p := range got {
		require.Equal(t, len(p.Data), cap(p.Data))
		size += len(p.Data)
	}
	// A byte of input may stand for 255 elided ones.
	require.LessOrEqual(t, size, 256*len(data))
	// What is read, one frame that isn't there, and what the reader itself has.
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(4*size+128*len(data)+(17<<20)))

	again, err2 := read(iotest.OneByteReader(bytes.NewReader(data)))
	require.Equal(t, got, again)
	require.Equal(t, err == io.EOF, err2 == io.EOF)

	r := nut.NewReader(bytes.NewReader(data))
	h, err := r.Header()
	if err != nil {
		require.Empty(t, got)
		return
	}
	for _, p := range got {
		if p.PTS < 0 {
			return // the writer has no word for it
		}
	}
	header, packets := all(t, bytes.NewReader(write(h, got)))
	require.Equal(t, dump(h, got), dump(header, packets))
}
