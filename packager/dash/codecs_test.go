package dash_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/dash"
	"sluice/packager/timeline"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func pictures(name string, c media.Codec, err error) timeline.RenditionTrack {
	if err != nil {
		panic(err)
	}
	return timeline.RenditionTrack{Rendition: timeline.RenditionID(name), Track: media.Track{
		ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: c, Name: name,
	}}
}

// Each codec has an AdaptationSet of its own, beside that of the source.
func TestOtherCodecs(t *testing.T) {
	hevc, err := media.NewHEVC(unhex(t, "40010c01ffff02200000030090000003000003005a959409"),
		unhex(t, "42010102200000030090000003000003005aa006b201e1c94d96565b930bc39a02000007d20000ea6010"), unhex(t, "4401c173c189"))
	h := pictures("480p-hevc", hevc, err)
	av1, err := media.NewAV1(unhex(t, "0a0b00000003bffc79b5f20080"))
	a := pictures("144p-av1", av1, err)
	p := newTape(t)
	p.expect(lag, rung720, h, a)
	p.begin(0, window, both())
	p.join(rung720, h, a)
	p.segments(0, 2*sec, 2, timeline.Source, "720p", h.Rendition, a.Rendition, timeline.Audio)
	body, err := dash.AppendMPD(nil, p.t, options)
	require.NoError(t, err)
	for _, want := range []string{
		`<AdaptationSet id="1" contentType="video" mimeType="video/mp4" par="16:9"`,
		`<AdaptationSet id="3" contentType="video" mimeType="video/mp4" par="1700:717"`,
		`<AdaptationSet id="5" contentType="video" mimeType="video/mp4" par="16:9"`,
		`<Representation id="480p-hevc" codecs="hvc1.2.4.L90.90" `,
		` width="850" height="478" sar="4:3" frameRate="30000/1001">`,
		`<Representation id="144p-av1" codecs="av01.0.00M.08" `,
		` width="256" height="144" sar="1:1" frameRate="30">`,
	} {
		require.Contains(t, string(body), want)
	}
}
