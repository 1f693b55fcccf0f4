package ingest

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/flv"
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

// TestConfigurationsThatLack publishes what no decoder could start with: nothing of it is
// handed on, all of it is counted, and what comes after a right one goes on.
func TestConfigurationsThatLack(t *testing.T) {
	s := newStage(t)
	count := func(reason string) float64 { return testutil.ToFloat64(s.counts.dropped.WithLabelValues(reason)) }
	noSPS := flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketConfig, Payload: flv.AVCConfig{
		Profile: 100, Level: 30, LengthSize: 4, PPS: [][]byte{pps360},
	}.AppendTo(nil)}.AppendTo(nil)
	cut := flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketConfig, Payload: []byte{0x12}}.AppendTo(nil)
	empty := flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketFrames}.AppendTo(nil)

	s.show(0, noSPS)
	s.play(0, cut)
	require.Equal(t, 2.0, count(dropMalformed))
	for n := range uint32(10) {
		s.show(33*n, pictureTag(n == 0, 0, 100))
		s.play(23*n, soundTag(50))
	}
	require.Equal(t, 20.0, count(dropNoConfig))
	require.Empty(t, s.rec.epochs, "nothing could be played")

	s.show(330, avcConfigTag())
	s.play(230, aacConfigTag())
	for n := uint32(10); n < 20; n++ {
		s.show(33*n, pictureTag(n == 10, 0, 100))
		s.play(23*n, soundTag(50))
	}
	require.Len(t, s.rec.epochs, 1)
	require.Equal(t, 10, s.rec.count(videoTrack))
	require.Equal(t, 10, s.rec.count(audioTrack))

	// In the middle of a stream they change nothing.
	s.show(660, noSPS)
	s.play(460, cut)
	s.play(460, empty)
	require.Equal(t, 4.0, count(dropMalformed))
	require.Equal(t, 1.0, count(dropEmpty))
	for n := uint32(20); n < 30; n++ {
		s.show(33*n, pictureTag(n == 20, 0, 100))
		s.play(23*n, soundTag(50)[:3]) // a byte of a frame is one to us: decoders judge
	}
	require.Len(t, s.rec.epochs, 1, "no seam")
	require.Equal(t, 20, s.rec.count(videoTrack))
	require.Equal(t, 20, s.rec.count(audioTrack))
}
