package transcode

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/transcode/rung"
)

// Rungs in the codecs beside H.264: times and keyframes are the source's, and what
// is packaged of them plays.
func TestRealCodecs(t *testing.T) {
	m := newRealMachine(t)
	for _, c := range []struct {
		codec                rung.Codec
		ladder, name         string
		every, width, height int
		rfc6381, decoded     string
	}{
		{rung.HEVC, "source,240p:hevc", "240p-hevc", 1, 426, 240, "hvc1.1.6.L60.90", "hevc"},
		{rung.HEVC, "source,144p15:hevc", "144p15-hevc", 2, 256, 144, "hvc1.1.6.L60.90", "hevc"},
		{rung.AV1, "source,240p:av1", "240p-av1", 1, 426, 240, "av01.0.00M.08", "av1"},
		{rung.AV1, "source,144p15:av1", "144p15-av1", 2, 256, 144, "av01.0.00M.08", "av1"},
	} {
		t.Run(c.ladder, func(t *testing.T) {
			if _, ok := m.For(c.codec, rung.AnyEncoder); !ok {
				t.Skipf("ffmpeg has no encoder of %s that works", c.codec)
			}
			base := newRecorder(t)
			tr := fakeTranscoder(t, newRealMachine(t))
			sink := tr.Ladder("live", mustSpec(t, c.ladder), Timing{}, base)
			p := &rush{TB: t, sink: sink, base: base, slowest: c.name, every: c.every}
			first := makeClip(t, "testsrc2=s=640x360:r=30:d=4", "-bf", "2", "-g", "48")
			p.publish(first)
			p.publish(makeClip(t, "testsrc2=s=480x270:r=30:d=2", "-bf", "2", "-g", "30").at(7 * 90_000))
			p.end(tr)

			var want []written
			count := 0
			for _, s := range base.lead() {
				if count++; s.sync {
					count = 0
				}
				if count%c.every == 0 {
					want = append(want, s)
				}
			}
			got := base.of(c.name)
			requireSame(t, want, got)
			for i := range want {
				require.Equal(t, want[i].sync, got[i].sync, "keyframe at frame %d", i)
			}
			tracks := base.rung(c.name).tracks
			require.Len(t, tracks, 1, "one init segment for the whole session")
			codec := tracks[0].Codec
			require.Equal(t, c.rfc6381, codec.RFC6381())
			format := codec.(media.Picture).Format()
			require.Equal(t, [2]int{c.width, c.height}, [2]int{format.Width, format.Height})
			require.Equal(t, media.Chroma420, format.Chroma)
			require.Equal(t, 8, format.BitDepth)
			requirePlays(t, tracks[0], got, c.decoded)
		})
	}
}

// requirePlays packages a rung's samples and decodes them as a player would.
func requirePlays(t testing.TB, track media.Track, samples []written, codec string) {
	t.Helper()
	found, err := realTool()
	require.NoError(t, err)
	file, err := cmaf.Init(track)
	require.NoError(t, err)
	// Every epoch's clock starts anew: the file has them one after the other.
	inFile := func(w written) media.Ticks { return w.at - origin + media.Ticks(w.epoch)*100*90_000 }
	for i, s := range samples {
		f := cmaf.Fragment{Sequence: uint32(i + 1), TrackID: track.ID, Samples: []media.Sample{{
			DTS: inFile(s), Duration: 3000, Sync: s.sync, Data: s.data,
		}}}
		file = f.AppendTo(file)
	}
	cmd := exec.CommandContext(t.Context(), found.Path, "-v", "error", "-xerror", "-copyts", "-f", "mov", "-i", "pipe:0",
		"-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-f", "framehash", "pipe:1")
	cmd.Stdin = bytes.NewReader(file)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	require.Empty(t, said.String(), "a decoder of %s has nothing to complain about", codec)
	shown := 0
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, ",")
		at, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		require.NoError(t, err)
		require.Equal(t, inFile(samples[shown]), media.Ticks(at))
		shown++
	}
	require.Equal(t, len(samples), shown)
}
