package dash_test

import (
	"encoding/hex"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
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

// Languages are AdaptationSets of their own: nobody may switch between them unasked.
func TestSoundOfSeveralLanguages(t *testing.T) {
	sound := func(name timeline.RenditionID, id media.TrackID, c media.Codec, language, label string) timeline.RenditionTrack {
		track := audio(48_000)
		if track.ID = id; c != nil {
			track.Codec = c
		}
		track.Language, track.Label = language, label
		return timeline.RenditionTrack{Rendition: name, Track: track}
	}
	ac3, err := media.NewAC3(unhex(t, "0b77fe95144043e106f46370"))
	require.NoError(t, err)
	p := newTape(t)
	p.begin(0, window, sourceAnd(video(1280, 720), sound("audio", 2, nil, "", ""), sound("audio2", 4, nil, "de", "Ton & Text"),
		sound("audio3", 6, media.PlainOpus(2), "fr", ""), sound("ac-3", 8, ac3, "", "")))
	p.segments(0, 2*sec, 2, timeline.Source, "audio", "audio2", "audio3", "ac-3")
	body, err := dash.AppendMPD(nil, p.t, options)
	require.NoError(t, err)
	plain := regexp.MustCompile(`<mpd:Producer.*\n`).ReplaceAllString(string(body), "")
	for _, want := range []string{
		`<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">` + "\n" +
			`<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>`,
		`<AdaptationSet id="4" contentType="audio" mimeType="audio/mp4" lang="de" segmentAlignment="true" startWithSAP="1">` + "\n" +
			`<Label>Ton &amp; Text</Label>` + "\n" + `<Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate"/>`,
		`<AdaptationSet id="6" contentType="audio" mimeType="audio/mp4" lang="fr"`, `<AdaptationSet id="8" `,
		`<Representation id="audio3" codecs="opus" `, `<Representation id="ac-3" codecs="ac-3" `,
	} {
		require.Contains(t, plain, want)
	}
	_, faults := dashcheck.Parse("http://localhost/live/show/manifest.mpd", body)
	require.Empty(t, faults)
}
