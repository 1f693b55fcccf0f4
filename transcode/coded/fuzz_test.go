package coded_test

import (
	"bytes"
	"testing"

	"sluice/media"
	"sluice/transcode/coded"
)

// FuzzUnpack gives packets of anything, twice: what comes out is the same, keeps
// nothing of the packet, and an error leaves the codec as it was.
func FuzzUnpack(f *testing.F) {
	for n, c := range codecs {
		for _, s := range []string{c.sets + c.key, c.rest, c.otherSets + c.key, c.broken + c.key} {
			f.Add(uint8(n), unhex(f, s))
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, packet []byte) {
		c := codecs[int(n)%len(codecs)]
		_, have, err := coded.Unpack(c.codec, unhex(t, c.sets+c.key), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, before := range []media.Codec{nil, have} {
			data, codec, err := coded.Unpack(c.codec, packet, before)
			if err != nil {
				if codec != before {
					t.Fatal("an error changed the codec")
				}
				continue
			}
			if codec != before && codec.RFC6381() == "" {
				t.Fatal("a codec without a name")
			}
			kept := bytes.Clone(data)
			again := bytes.Clone(packet)
			clear(packet)
			if !bytes.Equal(kept, data) {
				t.Fatal("the sample refers to the packet")
			}
			copy(packet, again)
			other, _, err := coded.Unpack(c.codec, packet, before)
			if err != nil || !bytes.Equal(kept, other) {
				t.Fatalf("another time it is another sample: %v", err)
			}
		}
	})
}
