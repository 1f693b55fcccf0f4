package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

func TestLaddersInAFile(t *testing.T) {
	full := rung.Spec{Source: &rung.Source{}, Rungs: []rung.Rung{
		{Name: "720p", Height: 720, Codec: rung.H264}, {Name: "480p", Height: 480, Bitrate: 1_200_000, Codec: rung.H264},
	}}
	detailed := rung.Spec{Source: &rung.Source{Height: 1080}, Encoder: rung.NVENC, CBR: true, Rungs: []rung.Rung{
		{Name: "phone", Height: 360, FPS: 30, Bitrate: 600_000, Codec: rung.HEVC, Profile: "main", Preset: "p4"},
		{Name: "240p25", Height: 240, FPS: 25, Codec: rung.H264},
	}}
	with := func(s rung.Spec, f func(*rung.Spec)) rung.Spec { f(&s); return s }
	for _, tc := range []struct {
		text string
		want rung.Spec
	}{
		{"ladder: auto", rung.AutoSpec()},
		{"ladder:", rung.AutoSpec()},
		{"ladder: source", rung.SourceSpec()},
		{"ladder: source,720p,480p@1200k", full},
		{"ladder: [source, 720p, 480p@1200k]", full},
		{"ladder:\n  - source\n  - 720p,480p@1200k\n", full},
		{"ladder:\n  - source: true\n  - height: 720\n  - height: 480\n    bitrate: 1200k\n    source: false\n", full},
		{"ladder: {rungs: 'source,720p,480p@1200k'}", full},
		{"ladder:\n  rate-control: cbr\n  rungs: [source, 720p, 480p@1200k]\n", with(full, func(s *rung.Spec) { s.CBR = true })},
		{"ladder:\n  rate-control: capped-crf\n  rungs: [source, 720p, 480p@1200k]\n", full},
		{"ladder: {encoder: vaapi}", rung.Spec{Auto: true, Encoder: rung.VAAPI}},
		{"ladder: {rungs: auto, encoder: auto}", rung.Spec{Auto: true, Encoder: rung.AnyEncoder}},
		{`
ladder:
  encoder: nvenc
  rate-control: cbr
  rungs:
    - source: true
      height: 1080
    - name: phone
      height: 360
      fps: 30
      bitrate: 0.6M
      codec: hevc
      profile: main
      preset: p4
    - height: 240
      fps: 25
`, detailed},
	} {
		c, err := Load(Flags{Config: yamlFile(t, tc.text)}, env())
		require.NoError(t, err, tc.text)
		require.Equal(t, tc.want, c.Ladder, tc.text)

		// The same for a stream, beside another ladder for all.
		indented := strings.ReplaceAll(strings.TrimSpace(tc.text), "\n", "\n    ")
		c, err = Load(Flags{Config: yamlFile(t, "ladder: 1080p\nstreams:\n  - name: live\n    key: 12345678\n    "+indented+"\n")}, env())
		require.NoError(t, err, indented)
		require.Equal(t, 1080, c.Ladder.Rungs[0].Height)
		if tc.text == "ladder:" {
			require.Nil(t, c.Streams[0].Ladder)
			continue
		}
		require.Equal(t, tc.want, *c.Streams[0].Ladder, indented)
		require.Equal(t, catalog.Stream{
			Name: "live", Keys: []catalog.StreamKey{catalog.FixedKey(c.Streams[0].Key.Hash(), 1)}, Ladder: &tc.want,
		}, c.Streams[0].Catalog())
	}
}

func TestAFlagGoesBeforeTheFilesLadder(t *testing.T) {
	file := yamlFile(t, "ladder:\n  - height: 720\n    name: hall\n")
	c, err := Load(Flags{Config: file}, env("SLUICE_LADDER=480p"))
	require.NoError(t, err)
	require.Equal(t, "480p", c.Ladder.String())
	c, err = Load(Flags{Config: file, Ladder: ptr("auto")}, env("SLUICE_LADDER=480p"))
	require.NoError(t, err)
	require.Equal(t, rung.AutoSpec(), c.Ladder)
	c, err = Load(Flags{Config: file}, env("SLUICE_LADDER="))
	require.NoError(t, err)
	require.Equal(t, "hall", c.Ladder.Rungs[0].Name)
}

func TestMistakesInALadderHaveTheirPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"text", "ladder: 720\n", `FILE:1:9: ladder: "720": want auto, source, or a list of source and HEIGHTp[FPS][@BITRATE][:CODEC], as in `},
		{"unknown key", "ladder:\n  rung: []\n", "FILE:2:3: rung: unknown key (did you mean rungs?)"},
		{"unknown key of a rung", "ladder:\n  - height: 720\n    rate: 1M\n", "FILE:3:5: rate: unknown key"},
		{"underscore", "ladder: {rate_control: cbr}\n", "FILE:1:10: rate_control: unknown key (did you mean rate-control?)"},
		{"odd height", "ladder:\n  - height: 720\n  - name: low\n    height: 479\n", "FILE:4:13: ladder: height 479 is not an even number from 72 to 4320"},
		{"height with p", "ladder:\n  - height: 720p\n", `FILE:2:13: ladder: height: "720p" is not a whole number from 1`},
		{"no height", "ladder:\n  - source: true\n  - name: low\n    fps: 30\n", "FILE:3:5: ladder: a rung needs a height"},
		{"no height, no name", "ladder:\n  - fps: 30\n", "FILE:2:5: ladder: a rung needs a height"},
		{"empty rung", "ladder: [{}]\n", "FILE:1:10: ladder: a rung needs a height"},
		{"list of lists", "ladder: [[720p]]\n", "FILE:1:10: ladder: here stands a list instead of a value"},
		{"list for a field", "ladder:\n  - height: [720]\n", "FILE:2:13: ladder: height: here stands a list instead of a value"},
		{"frame rate", "ladder:\n  - {height: 720, fps: 29.97}\n", `FILE:2:24: ladder: fps: "29.97" is not a whole number from 1`},
		{"frame rate's range", "ladder:\n  - {height: 720, fps: 500}\n", `FILE:2:24: ladder: frame rate 500 is not between 1 and 240`},
		{"bitrate", "ladder:\n  - {height: 720, bitrate: 1200000}\n", `FILE:2:28: ladder: "1200000" is not a bitrate: want a number with k or M, as in 1200k or 2.5M`},
		{"codec", "ladder:\n  - {height: 720, codec: vp9}\n", `FILE:2:26: ladder: "vp9" is none of h264, hevc and av1`},
		{"profile", "ladder:\n  - {height: 720, profile: '-y'}\n", `FILE:2:28: ladder: "-y" is no profile`},
		{"preset", "ladder:\n  - {height: 720, preset: a b}\n", `FILE:2:27: ladder: "a b" is no preset`},
		{"name", "ladder:\n  - {height: 720, name: a/b}\n", `FILE:2:25: ladder: "a/b" is no name of a rung`},
		{"taken name", "ladder:\n  - height: 720\n    name: audio\n", `FILE:3:11: ladder: the name audio is taken`},
		{"name twice", "ladder:\n  - height: 720\n  - 480p\n  - {height: 480, name: 720p}\n", `FILE:4:25: ladder: two rungs are named 720p`},
		{"name twice, unsaid", "ladder:\n  - height: 720\n  - 720p@1M\n", `FILE:3:5: ladder: two rungs are named 720p`},
		{"source twice", "ladder:\n  - source: true\n  - source\n", "FILE:3:5: ladder: source is given twice"},
		{"source's height", "ladder:\n  - source: true\n    height: 71\n", "FILE:3:13: ladder: height 71 is not an even number"},
		{"source's bitrate", "ladder:\n  - source: true\n    bitrate: 1M\n", "FILE:3:14: ladder: bitrate: source is as it was published: of it only height can be given"},
		{"source's truth", "ladder:\n  - source: maybe\n", `FILE:2:13: ladder: "maybe" is neither true nor false`},
		{"auto in a list", "ladder: [auto, 720p]\n", "FILE:1:10: ladder: auto stands alone, without rungs"},
		{"a piece", "ladder:\n  - source\n  - 720\n", `FILE:3:5: ladder: "720": want auto`},
		{"a piece of text", "ladder:\n  rungs: source,720\n", `FILE:2:10: ladder: "720": want auto`},
		{"nothing", "ladder: []\n", "FILE:1:9: ladder: a ladder needs source or a rung"},
		{"too many", "ladder: ['100p,102p,104p,106p,108p', '110p,112p,114p,116p']\n", "FILE:1:9: ladder: 9 rungs are more than 8"},
		{"encoder", "ladder:\n  encoder: amf\n", `FILE:2:12: ladder: "amf" is none of auto, libx264, nvenc, vaapi, qsv and videotoolbox`},
		{"encoder of the codec", "ladder:\n  encoder: libx264\n  rungs: [{height: 720, codec: hevc}]\n", "FILE:3:32: ladder: libx264 encodes h264 only"},
		{"rate control", "ladder:\n  rate-control: vbr\n", `FILE:2:17: ladder: "vbr" is neither capped-crf nor cbr`},
		{"anchor", "ladder: &a [720p]\n", "FILE:1:9: ladder: here stands an anchor or alias instead of a value"},
		{"a stream's", "streams:\n  - name: live\n    key: 12345678\n    ladder: [source, 99]\n", `FILE:4:22: ladder: "99": want auto`},
		{"a stream's text", "streams:\n  - name: live\n    key: 12345678\n    ladder: 99\n", `FILE:4:13: ladder: "99": want auto`},
		{"two rungs, two mistakes", "ladder:\n  - {height: 71}\n  - {height: 73}\n", "FILE:2:14: ladder: height 71 is not an even number from 72 to 4320\nFILE:3:14: ladder: height 73"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := yamlFile(t, tc.text)
			_, err := Load(Flags{Config: path}, env())
			require.ErrorContains(t, err, strings.ReplaceAll(tc.want, "FILE", *path))
			require.Equal(t, strings.Count(tc.want, "FILE"), strings.Count(err.Error(), *path), "%v", err)
		})
	}
}
