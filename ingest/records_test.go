package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecords(t *testing.T) {
	var r records
	require.Equal(t, 1, r.least(0))
	require.Equal(t, 1+21, r.least(1), "a byte needs a record")
	require.Equal(t, 16384+21, r.least(16384))
	require.Equal(t, 16385+42, r.least(16385))

	r.feed([]byte{23, 3, 3})
	require.Equal(t, 100+21-3, r.least(100), "three bytes of the header are here")
	r.feed([]byte{0x10, 0x20, 9, 9}) // 0x1020 bytes, two of them here
	require.Equal(t, 0x101e, r.least(0), "the rest of the record")
	require.Equal(t, 0x101e, r.least(0x1010), "which may hold all that is missing")
	require.Equal(t, 0x101e+1+21, r.least(0x1011), "or not")
	r.feed(make([]byte, 0x101d))
	require.Equal(t, 1, r.least(5))
	r.feed(make([]byte, 1))
	require.Equal(t, 26, r.least(5))

	r.feed([]byte("GET / HTTP/1.1\r\n"))
	require.Equal(t, 1, r.least(1000), "no TLS: nothing is known")
}

// FuzzRecords plays streams of records in pieces of any size: the bound never
// exceeds what is still to come, or a reader would sleep for ever.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{10, 200, 0, 7}, uint16(3), uint16(40))
	f.Add([]byte{255, 255, 1}, uint16(5), uint16(5000))
	f.Fuzz(func(t *testing.T, sizes []byte, step, want uint16) {
		sizes = sizes[:min(len(sizes), 16)] // read byte by byte, more would take too long
		// Each record carries size*64+1 bytes of plaintext and the least overhead.
		type mark struct{ at, plain int } // ciphertext before the record, plaintext before it
		var stream []byte
		var marks []mark
		plain := 0
		for _, s := range sizes {
			n := int(s)*64 + 1
			marks = append(marks, mark{len(stream), plain})
			length := n + recordOverhead
			stream = append(stream, 23, 3, 3, byte(length>>8), byte(length))
			stream = append(stream, make([]byte, length)...)
			plain += n
		}
		var r records
		for at := 0; at < len(stream); {
			// What TLS has passed on is the plaintext before the present record.
			passed := 0
			for _, m := range marks {
				if m.at <= at {
					passed = m.plain
				}
			}
			missing := min(int(want), plain-passed)
			if least := r.least(missing); least < 1 || missing > 0 && least > len(stream)-at {
				t.Fatalf("at %d: %d wanted for %d bytes of plaintext, %d left", at, least, missing, len(stream)-at)
			}
			n := min(int(step)+1, len(stream)-at)
			r.feed(stream[at : at+n])
			at += n
		}
		if r.lost || r.have != 0 {
			t.Fatal("lost the boundaries")
		}
	})
}
