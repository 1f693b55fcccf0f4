package hls_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// Pictures of any codec say what they are and how large.
func TestOtherCodecs(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	hevc, err := media.NewHEVC(unhex("40010c01ffff02200000030090000003000003005a959409"),
		unhex("42010102200000030090000003000003005aa006b201e1c94d96565b930bc39a02000007d20000ea6010"), unhex("4401c173c189"))
	require.NoError(t, err)
	av1, err := media.NewAV1(unhex("0a0b00000003bffc79b5f20080"))
	require.NoError(t, err)
	for _, c := range []struct {
		codec media.Codec
		want  string
	}{
		{hevc, `CODECS="hvc1.2.4.L90.90,mp4a.40.2",RESOLUTION=1133x478,FRAME-RATE=30.000,`},
		{av1, `CODECS="av01.0.00M.08,mp4a.40.2",RESOLUTION=256x144,FRAME-RATE=30.000,`},
	} {
		s := newScript(t)
		s.start(videoTrack(timeline.Source, c.codec), audioTrack())
		s.part()
		s.fix()
		s.segments(1)
		body, err := hls.AppendMultivariant(nil, s.t)
		require.NoError(t, err)
		require.Contains(t, string(body), c.want)
	}
}
