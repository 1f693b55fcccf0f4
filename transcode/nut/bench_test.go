package nut_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/transcode/nut"
)

// minute is a minute of video of 1.2 Mb/s.
func minute() []byte {
	file := stream(0)
	for i := range 1800 {
		size := 4000
		if i%60 == 0 {
			size = 60_000
			file = append(file, syncpoint(uint64(3000*i))...)
		}
		file = append(file, whole(nut.Packet{PTS: int64(3000 * i), Key: i%60 == 0, Data: make([]byte, size)}, 7)...)
	}
	return file
}

// One allocation a packet, and it is the packet's data.
func TestAllocations(t *testing.T) {
	data := minute()
	r := nut.NewReader(bytes.NewReader(data))
	_, err := r.Header()
	require.NoError(t, err)
	require.EqualValues(t, 1, testing.AllocsPerRun(1700, func() {
		_, err := r.Next()
		require.NoError(t, err)
	}))
}

func BenchmarkReader(b *testing.B) {
	data := minute()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r := nut.NewReader(bytes.NewReader(data))
		packets := 0
		for {
			_, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			packets++
		}
		if packets != 1800 {
			b.Fatal(packets)
		}
	}
}
