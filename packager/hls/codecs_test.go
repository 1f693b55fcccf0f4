package hls_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
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
	vp9, err := media.NewVP9(unhex("824983420013f00b36063824"), media.VP9Hints{})
	require.NoError(t, err)
	for _, c := range []struct {
		codec media.Codec
		want  string
	}{
		{hevc, `CODECS="hvc1.2.4.L90.90,mp4a.40.2",RESOLUTION=1133x478,FRAME-RATE=30.000,`},
		{vp9, `CODECS="vp09.00.11.08,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=30.000,`},
		{av1, `CODECS="av01.0.00M.08,mp4a.40.2",RESOLUTION=256x144,FRAME-RATE=30.000,`},
	} {
		s := newScript(t)
		s.start(videoTrack(timeline.Source, c.codec), audioTrack())
		s.part()
		s.fix()
		s.segments(1)
		body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
		require.NoError(t, err)
		require.Contains(t, string(body), c.want)
	}
}

// So does sound.
func TestOtherSound(t *testing.T) {
	for want, c := range map[string]media.Sound{"opus": media.PlainOpus(2), "ac-3": ac3(t)} {
		s := newScript(t)
		a := audioTrack()
		a.Track.Codec = c
		s.start(videoTrack(timeline.Source, videoCodec), a)
		s.part()
		s.fix()
		s.segments(1)
		body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
		require.NoError(t, err)
		require.Contains(t, string(body), `,`+want+`",RESOLUTION=`)
		require.Contains(t, string(body), `CHANNELS="2",URI="audio/index.m3u8"`)
	}
}

func ac3(t *testing.T) *media.AC3 {
	c, err := media.NewAC3([]byte("\x0b\x77\xfe\x95\x14\x40\x43\xe1\x06\xf4\x63\x70"))
	require.NoError(t, err)
	return c
}

// Sound in several codecs: each group has its variants, and that in AAC comes first.
func TestSoundOfSeveralCodecs(t *testing.T) {
	s := newScript(t)
	foreign := timeline.RenditionTrack{Rendition: "ac-3", Track: media.Track{ID: 9, Kind: media.Audio, Timescale: 48_000, Codec: ac3(t)}}
	video := videoTrack(timeline.Source, videoCodec)
	s.start(video, foreign, audioTrack())
	s.part()
	s.fix()
	s.segments(1)
	body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	for _, want := range []string{
		`GROUP-ID="audio",NAME="audio",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"`,
		`GROUP-ID="audio-ac-3",NAME="ac-3",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="ac-3/index.m3u8"`,
		`mp4a.40.2",RESOLUTION`, `ac-3",RESOLUTION`, `,AUDIO="audio",`, `,AUDIO="audio-ac-3",`,
	} {
		require.Contains(t, string(body), want)
	}
	require.Equal(t, 2, strings.Count(string(body), "source/index.m3u8"))
	require.Less(t, strings.Index(string(body), `,AUDIO="audio",`), strings.Index(string(body), `,AUDIO="audio-ac-3",`))
	_, _, faults := hlscheck.Parse(body)
	require.Empty(t, faults)
}

// Sound in several languages: one group, of which viewers choose.
func TestSoundOfSeveralLanguages(t *testing.T) {
	s := newScript(t)
	tracks := []timeline.RenditionTrack{videoTrack(timeline.Source, videoCodec)}
	for i, says := range []struct{ language, label string }{{"", ""}, {"de", "Deutsch"}, {"fr", ""}, {"fr", `"quoted"`}, {"en", "Deutsch"}} {
		a := audioTrack()
		a.Rendition = timeline.RenditionID(fmt.Sprintf("audio%d", i+1))
		a.Track.ID = media.TrackID(10 + i)
		a.Track.Language, a.Track.Label = says.language, says.label
		tracks = append(tracks, a)
	}
	s.start(tracks...)
	s.part()
	s.fix()
	s.segments(1)
	body, err := hls.AppendMultivariant(nil, s.t, hls.Options{})
	require.NoError(t, err)
	for _, want := range []string{
		`NAME="audio1",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,`, `NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,`,
		`NAME="audio3",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=YES,`, `NAME="audio4",LANGUAGE="fr",`, `NAME="en",LANGUAGE="en",`,
	} {
		require.Contains(t, string(body), want)
	}
	_, _, faults := hlscheck.Parse(body)
	require.Empty(t, faults)
}
