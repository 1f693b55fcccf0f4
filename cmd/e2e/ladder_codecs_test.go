package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls/hlscheck"
)

// otherCodecs are those of rungs beside H.264, with the encoder that stands for
// each on machines without hardware.
var otherCodecs = []struct{ encoder, rung, name, codecs, decoder string }{
	{"libx265", "240p:hevc", "240p-hevc", "hvc1.1.6.L60.90", "hevc"},
	{"libaom-av1", "144p:av1", "144p-av1", "av01.0.00M.08", "av1"},
}

// requireEncoder skips where ffmpeg has none of that name.
func requireEncoder(t *testing.T, name string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-encoders").Output()
	require.NoError(t, err)
	if !strings.Contains(string(out), " "+name+" ") {
		t.Skipf("ffmpeg is built without %s", name)
	}
}

// TestLadderCodecs looks at rungs of other codecs than the source's: their pictures
// are the source's, manifests say what they are, and decoders take them.
func TestLadderCodecs(t *testing.T) {
	ladder, names := "source", []string{"source", "audio"}
	for _, c := range otherCodecs {
		requireEncoder(t, c.encoder)
		ladder, names = ladder+","+c.rung, append(names, c.name)
	}
	g := startLadder(t, nil, ladder, "--grace", "2s", "--window", "2m")
	sent := record(t, video("640x360", "30", "60").with(tone()), clipLength/2)
	s := g.send(sent)
	ctx, cancel := context.WithTimeout(context.Background(), sent.length+patience)
	defer cancel()
	hls, hlsDone := g.watchHLS(ctx, "live")
	_, dashDone := g.watchDASH(ctx, "live")
	g.joins(names...)
	body, _, err := g.get("/live/live/index.m3u8")
	require.NoError(t, err)
	_, mv, _ := hlscheck.Parse(body)
	require.NotNil(t, mv)
	mpd, _, err := g.get("/live/live/manifest.mpd")
	require.NoError(t, err)
	s.wait(sent.length)
	hls.parting = time.Now().Add(-time.Second)
	hlsDone()
	dashDone()

	source := g.read("source")
	requireWhole(t, source)
	for _, c := range otherCodecs {
		require.Contains(t, string(body), fmt.Sprintf(`CODECS="%s,mp4a.40.2"`, c.codecs))
		require.Contains(t, string(mpd), fmt.Sprintf(`codecs="%s"`, c.codecs))
		requireSamePictures(t, source, g.read(c.name))
		requireDecodes(t, g.whole(c.name), c.decoder, count(g.read(c.name)))
	}
}

// requireSamePictures is alignment's in short, without its look into H.264.
func requireSamePictures(t *testing.T, leader, rung []span) {
	t.Helper()
	require.GreaterOrEqual(t, len(rung), 2, "segments are listed")
	late := len(leader) - len(rung)
	require.GreaterOrEqual(t, late, 0)
	for i, got := range rung {
		want := leader[late+i]
		require.Equal(t, [2]uint64{want.epoch, want.msn}, [2]uint64{got.epoch, got.msn})
		require.False(t, got.gap, "%v", got)
		require.Equal(t, want.start, got.start, "the start of %v", got)
		require.Equal(t, want.times(), got.times(), "the pictures of %v", got)
		require.Equal(t, want.keys(), got.keys(), "the keyframes of %v", got)
		if !want.torn() {
			require.InDelta(t, want.listed, got.listed, 1e-9, "EXTINF of %v", got)
		}
	}
}

// requireDecodes decodes a file of so many pictures, without a complaint.
func requireDecodes(t *testing.T, file []byte, decoder string, pictures int) {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "info", "-xerror", "-f", "mov", "-i", "pipe:0", "-fps_mode", "passthrough", "-f", "framehash", "pipe:1")
	cmd.Stdin = bytes.NewReader(file)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	require.Contains(t, said.String(), "Video: "+decoder)
	require.NotContains(t, strings.ToLower(said.String()), "error")
	shown := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			shown++
		}
	}
	require.Equal(t, pictures, shown)
}

// TestLadderCodecPlays plays a stream that has no other picture than one of
// AV1, which leads it, in Chromium; which has no decoder of H.265.
func TestLadderCodecPlays(t *testing.T) {
	requireEncoder(t, "libaom-av1")
	g := startLadder(t, nil, "144p:av1", "--grace", "2s")
	g.loop(record(t, video("640x360", "30", "60").with(tone()), 20*time.Second))
	g.joins("144p-av1", "audio")
	for _, p := range []struct{ name, path string }{
		{"hls", "/live/live/index.m3u8"}, {"dash", "/live/live/manifest.mpd"},
	} {
		var seen viewing
		drive(t, &seen, "--player", p.name, "--src", g.url(p.path), "--seconds", "5")
		seen.requireUnharmed(t)
		require.Greater(t, seen.played(), 2*time.Second, p.name)
		require.Greater(t, seen.VideoFrames, 40, "%s shows no picture", p.name)
		require.Equal(t, []int{144}, slices.Compact(seen.heights()), p.name)
	}
}
