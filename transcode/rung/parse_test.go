package rung

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		list string
		want Spec
		text string // where it isn't list
	}{
		{"auto", Spec{Auto: true}, ""},
		{" auto ", Spec{Auto: true}, "auto"},
		{"source", Spec{Source: &Source{}}, ""},
		{"source,720p", Spec{Source: &Source{}, Rungs: []Rung{{Name: "720p", Height: 720, Codec: H264}}}, ""},
		{"source,720p,480p@1200k,360p30@600k:hevc", Spec{Source: &Source{}, Rungs: []Rung{
			{Name: "720p", Height: 720, Codec: H264},
			{Name: "480p", Height: 480, Bitrate: 1_200_000, Codec: H264},
			{Name: "360p30-hevc", Height: 360, FPS: 30, Bitrate: 600_000, Codec: HEVC},
		}}, ""},
		{"720p , source", Spec{Source: &Source{}, Rungs: []Rung{{Name: "720p", Height: 720, Codec: H264}}}, "source,720p"},
		{"1080p60@4.5M:h264", Spec{Rungs: []Rung{{Name: "1080p60", Height: 1080, FPS: 60, Bitrate: 4_500_000, Codec: H264}}}, "1080p60@4500k"},
		{"720p@1.2345M", Spec{Rungs: []Rung{{Name: "720p", Height: 720, Bitrate: 1_234_500, Codec: H264}}}, "720p@1234.5k"},
		{"720p:av1,720p:hevc,720p", Spec{Rungs: []Rung{
			{Name: "720p-av1", Height: 720, Codec: AV1}, {Name: "720p-hevc", Height: 720, Codec: HEVC}, {Name: "720p", Height: 720, Codec: H264},
		}}, ""},
	} {
		got, err := Parse(tc.list)
		require.NoError(t, err, tc.list)
		require.Equal(t, tc.want, got, tc.list)
		if tc.text == "" {
			tc.text = tc.list
		}
		require.Equal(t, tc.text, got.String())
	}
}

func TestParseNamesThePiece(t *testing.T) {
	for list, want := range map[string]string{
		"":                    `"" has an empty piece: want auto, source, or a list`,
		"source,":             `"source," has an empty piece: `,
		"auto,720p":           `"auto,720p": auto stands alone: `,
		"720":                 `"720": want auto, source, or a list of source and HEIGHTp[FPS][@BITRATE][:CODEC], as in `,
		"source,p":            `"p": want auto, source, or a list`,
		"-720p":               `"-720p": want auto`,
		"sauce":               `"sauce": want auto`,
		"source,source":       "source is given twice",
		"source,720p,720p@2M": "two rungs are named 720p",
		"720pfast":            `"720pfast": "fast" is not a frame rate: want a whole number, as in 720p30`,
		"720p0":               `"720p0": "0" is not a frame rate`,
		"720p29.97":           `"720p29.97": "29.97" is not a frame rate`,
		"720p999":             `"720p999": frame rate 999 is not between 1 and 240`,
		"720p@":               `"720p@": "" is not a bitrate: want a number with k or M, as in 1200k or 2.5M`,
		"720p@1200":           `"720p@1200": "1200" is not a bitrate`,
		"720p@1.k":            `"720p@1.k": "1.k" is not a bitrate`,
		"720p@.5M":            `"720p@.5M": ".5M" is not a bitrate`,
		"720p@-5M":            `"720p@-5M": "-5M" is not a bitrate`,
		"720p@1.2345k":        `"720p@1.2345k": "1.2345k" is not a bitrate`,
		"720p@49k":            `"720p@49k": bitrate 49k is not between 50k and 200000k`,
		"720p@999999999M":     `"720p@999999999M": bitrate 999999999M is not between 50k and 200000k`,
		"720p:vp9":            `"720p:vp9": "vp9" is none of h264, hevc and av1`,
		"720p:":               `"720p:": "" is none of h264, hevc and av1`,
		"720p:hevc@1M":        `"720p:hevc@1M": "hevc@1M" is none of h264, hevc and av1`,
		"70p":                 `"70p": height 70 is not an even number from 72 to 4320`,
		"4322p":               `"4322p": height 4322 is not an even number`,
		"479p":                `"479p": height 479 is not an even number`,
		"99999999999999p":     `"99999999999999p": want auto`,
		"100p,102p,104p,106p,108p,110p,112p,114p,116p": "9 rungs are more than 8",
		strings.Repeat("source,", 200):                 `a ladder of more than 1024 bytes: "source,source,source`,
	} {
		_, err := Parse(list)
		require.ErrorContains(t, err, want, "%q", list)
	}
}

func TestValidate(t *testing.T) {
	good := Rung{Name: "hall", Height: 720, FPS: 50, Bitrate: 2_000_000, Codec: H264, Profile: "high", Preset: "veryfast"}
	require.NoError(t, Spec{Source: &Source{Height: 1080}, Rungs: []Rung{good}, Encoder: NVENC, CBR: true}.Validate())
	change := func(f func(*Rung)) Spec {
		r := good
		f(&r)
		return Spec{Rungs: []Rung{{Name: "low", Height: 72, Codec: H264}, r}}
	}
	for _, tc := range []struct {
		spec  Spec
		rung  int
		field string
		want  string
	}{
		{change(func(r *Rung) { r.Name = "" }), 1, "name", `"" is no name of a rung`},
		{change(func(r *Rung) { r.Name = "a/b" }), 1, "name", `"a/b" is no name of a rung: want up to 32 of a-z, 0-9 and -, and first a letter or digit`},
		{change(func(r *Rung) { r.Name = "-a" }), 1, "name", `"-a" is no name`},
		{change(func(r *Rung) { r.Name = strings.Repeat("a", 33) }), 1, "name", "is no name of a rung"},
		{change(func(r *Rung) { r.Name = "source" }), 1, "name", "the name source is taken"},
		{change(func(r *Rung) { r.Name = "audio" }), 1, "name", "the name audio is taken"},
		{change(func(r *Rung) { r.Name = "low" }), 1, "name", "two rungs are named low"},
		{change(func(r *Rung) { r.Height = 721 }), 1, "height", "height 721 is not an even number from 72 to 4320"},
		{change(func(r *Rung) { r.FPS = -1 }), 1, "fps", "frame rate -1 is not between 1 and 240"},
		{change(func(r *Rung) { r.Bitrate = 1 }), 1, "bitrate", "bitrate 0.001k is not between 50k and 200000k"},
		{change(func(r *Rung) { r.Codec = "" }), 1, "codec", `"" is none of h264, hevc and av1`},
		{change(func(r *Rung) { r.Profile = "-y" }), 1, "profile", `"-y" is no profile: want a word, as in high`},
		{change(func(r *Rung) { r.Preset = "fast,x=1" }), 1, "preset", `"fast,x=1" is no preset: want a word, as in superfast`},
		{Spec{Source: &Source{Height: 71}}, -1, "height", "height 71 is not an even number from 72 to 4320"},
		{Spec{Auto: true, Encoder: "amf"}, -1, "encoder", `"amf" is none of auto, libx264, nvenc, vaapi, qsv and videotoolbox`},
		{Spec{Encoder: Libx264, Rungs: []Rung{{Name: "a", Height: 72, Codec: AV1}}}, 0, "codec", "libx264 encodes h264 only"},
	} {
		err := tc.spec.Validate()
		var field *FieldError
		require.ErrorAs(t, err, &field, tc.want)
		require.Equal(t, tc.rung, field.Rung, tc.want)
		require.Equal(t, tc.field, field.Field, tc.want)
		require.ErrorContains(t, err, tc.want)
	}
	require.EqualError(t, Spec{}.Validate(), "a ladder needs source or a rung")
	require.EqualError(t, Spec{Auto: true, Source: &Source{}}.Validate(), "auto stands alone, without rungs")
}

func TestUntouched(t *testing.T) {
	require.True(t, SourceSpec().Untouched())
	require.False(t, AutoSpec().Untouched())
	require.False(t, Spec{Source: &Source{Height: 720}}.Untouched())
	require.False(t, Spec{}.Untouched())
	require.False(t, Spec{Source: &Source{}, Rungs: []Rung{{}}}.Untouched())
}

func TestSpecSurvivesJSON(t *testing.T) {
	for _, s := range []Spec{AutoSpec(), SourceSpec(), {
		Source: &Source{Height: 1080}, Encoder: QSV, CBR: true,
		Rungs: []Rung{{"hall", 720, 50, 2_000_000, H264, "high", "fast"}, {"yard", 360, 0, 0, HEVC, "", ""}},
	}} {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var got Spec
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, s, got, "%s", text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("auto")
	f.Add("source,720p,480p@1200k,360p30@600k:hevc")
	f.Add("720p60@2.5M:av1, 0240p@0.3m")
	f.Add("source,72p@50k,4320p240@200M")
	f.Fuzz(func(t *testing.T, list string) {
		s, err := Parse(list)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 8*maxQuoted+512 {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		again, err := Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
		for _, r := range s.Rungs {
			require.True(t, isName(r.Name), r.Name)
		}
	})
}
