package ingest

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// TestDamageCostsTheRestOfItsGOP breaks a picture: those that may refer to it are left
// out, up to the next sync sample.
func TestDamageCostsTheRestOfItsGOP(t *testing.T) {
	s := newStage(t)
	broken := func() []byte {
		body := pictureTag(false, 0, 100)
		body[5+1] = 0xff // the length of its NAL unit
		return body
	}
	s.show(0, avcConfigTag())
	s.play(0, aacConfigTag())
	at := uint32(0)
	show := func(n int, body func(n int) []byte) {
		for i := range n {
			s.show(at, body(i))
			at += 33
			s.now = s.now.Add(33 * time.Millisecond)
		}
	}
	gop := func(i int) []byte { return pictureTag(i == 0, 0, 100) }
	inter := func(int) []byte { return pictureTag(false, 0, 100) }
	show(10, gop)
	show(1, func(int) []byte { return broken() })
	show(5, inter)
	require.Equal(t, 10, s.rec.count(videoTrack))
	require.Equal(t, 1.0, testutil.ToFloat64(s.counts.dropped.WithLabelValues(dropMalformed)))
	require.Equal(t, 5.0, testutil.ToFloat64(s.counts.dropped.WithLabelValues(dropDamage)))
	show(10, gop)
	require.Equal(t, 20, s.rec.count(videoTrack), "all is well again")

	// One that never sends another sync sample is taken as it is, after a while.
	show(1, func(int) []byte { return broken() })
	show(int(repairAfter/(33*time.Millisecond))+10, inter)
	require.Greater(t, s.rec.count(videoTrack), 20)
}
