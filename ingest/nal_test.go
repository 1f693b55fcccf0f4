package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/flv"
)

// A configuration may hold several picture parameter sets, which slices choose
// from: whoever starts at a keyframe gets them all.
func TestConfigurationWithMoreParameterSets(t *testing.T) {
	second := []byte{nalPPS | 3<<5, 0x40, 0x80, 0x80} // id 1
	record := flv.AVCConfig{
		Profile: sps360[1], Level: sps360[3], LengthSize: 4, SPS: [][]byte{sps360}, PPS: [][]byte{pps360, second},
	}
	s := newStage(t)
	s.says("videocodecid", 7.0)
	s.show(0, videoConfigTag(record.AppendTo(nil)))
	s.show(0, pictureTag(true, 0, 10))
	s.show(33, pictureTag(false, 0, 10))
	s.show(67, pictureTag(true, 0, 10))
	s.show(100, inBandTag(sps360, pps360, second, slice(nalIDR, 10)))

	whole := append(nal(second), nal(slice(nalIDR, 10))...)
	samples := s.rec.epochs[0].samples[videoTrack]
	require.Len(t, samples, 4)
	require.Equal(t, whole, samples[0].Data)
	require.Equal(t, nal(slice(nalSlice, 10)), samples[1].Data)
	require.Equal(t, whole, samples[2].Data)
	require.Equal(t, append(append(nal(sps360), nal(pps360)...), whole...), samples[3].Data, "not twice")
	require.Len(t, s.rec.epochs, 1)

	// A configuration with one of each takes them back.
	s.show(133, avcConfigTag())
	s.show(133, pictureTag(true, 0, 10))
	samples = s.rec.epochs[0].samples[videoTrack]
	require.Equal(t, nal(slice(nalIDR, 10)), samples[len(samples)-1].Data)

	// So many that every keyframe would grow beyond measure are left out.
	for range 2 {
		record.PPS = append(record.PPS, append([]byte{nalPPS}, make([]byte, maxPrefix/2)...))
	}
	s.show(167, videoConfigTag(record.AppendTo(nil)))
	s.show(167, pictureTag(true, 0, 10))
	samples = s.rec.epochs[0].samples[videoTrack]
	require.Equal(t, nal(slice(nalIDR, 10)), samples[len(samples)-1].Data)
}
