package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/media/scte35"
)

const apiToken = "a token of the end-to-end tests"

// The break that a clip announces, by its own clock: two seconds ahead each time.
const (
	breakOut = 20 * time.Second
	breakIn  = 24 * time.Second
)

func section(t *testing.T, s *scte35.Section) []byte {
	t.Helper()
	data, err := s.AppendTo(nil)
	require.NoError(t, err)
	return data
}

// withBreak puts the announcements of a break between a clip's frames, as an encoder
// passes sections on in Adobe's form.
func (c clip) withBreak(t *testing.T, out, in []byte) clip {
	t.Helper()
	first := c.frames[slices.IndexFunc(c.frames, func(g tag) bool { return g.kind == videoTag && !g.header() })].pts()
	all := c
	all.frames = nil
	left := map[time.Duration][]byte{breakOut: out, breakIn: in}
	for _, g := range c.frames {
		all.frames = append(all.frames, g)
		for at, data := range left {
			if g.kind != videoTag || g.header() || g.pts() < first+at-2*time.Second {
				continue
			}
			delete(left, at)
			body := amf0.AppendTo(nil, "onAdCue", amf0.Object{
				{Key: "cue", Value: base64.StdEncoding.EncodeToString(data)}, {Key: "type", Value: "scte35"},
				{Key: "id", Value: "clip"}, {Key: "duration", Value: 4.0}, {Key: "time", Value: (first + at).Seconds()},
			})
			all.frames = append(all.frames, tag{kind: dataTag, due: g.due, at: g.pts(), body: body})
		}
	}
	require.Empty(t, left)
	return all
}

// cue asks the API for a splice.
func (g *gateway) cue(token, body string) (status int, answer string) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url("/api/v1/streams/live/cues"), strings.NewReader(body))
	require.NoError(g.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w, err := http.DefaultClient.Do(r)
	require.NoError(g.t, err)
	defer w.Body.Close()
	said, err := io.ReadAll(w.Body)
	require.NoError(g.t, err)
	return w.StatusCode, string(said)
}

// TestSplices lets a publisher announce a break, and the API another: manifests tell of
// both by their rules, and hls.js and dash.js tell a page of them.
func TestSplices(t *testing.T) {
	t.Parallel()
	out, in := section(t, scte35.Out(7, nil, 4*time.Second, false)), section(t, scte35.In(7, nil))
	c := record(t, video("640x360", "25", "50").with(tone()), time.Minute).withBreak(t, out, in)
	for _, p := range []struct{ player, path string }{
		{"hls", "/live/live/index.m3u8"},
		{"dash", "/live/live/manifest.mpd"},
	} {
		t.Run(p.player, func(t *testing.T) {
			t.Parallel()
			g := startWith(t, []string{"SLUICE_API_TOKEN=" + apiToken})
			g.send(c)
			g.segments(2)
			ctx, cancel := context.WithCancel(t.Context())
			_, hlsDone := g.watchHLS(ctx, "live")
			_, dashDone := g.watchDASH(ctx, "live")
			status, _ := g.cue("", `{"kind":"out"}`)
			require.Equal(t, http.StatusUnauthorized, status)
			playing := play(t, p.player, g.url(p.path))
			playing.playsOn(time.Second)
			status, said := g.cue(apiToken, `{"kind":"out","id":"api","at":3,"duration":2.5,"auto_return":true}`)
			require.Equal(t, http.StatusOK, status, said)
			require.JSONEq(t, `{"ids":["api"]}`, said)
			playing.awaits("the break is over", func(s shown) bool {
				return clipIsOver.MatchString(g.playlistText()) && s.CurrentTime > 0
			})
			playing.playsOn(4 * time.Second)
			g.requireReadable()
			seen := playing.stop()
			cancel()
			hlsDone()
			dashDone()
			seen.requireUnharmed(t)
			if p.player == "hls" {
				requireRanges(t, seen, out, in)
			} else {
				requireSpliceEvents(t, seen, out, in)
			}
			require.NotContains(t, g.log.String(), apiToken)
		})
	}
}

// clipIsOver finds the end of the break that the clip announces.
var clipIsOver = regexp.MustCompile(`ID="clip".*SCTE35-IN`)

func (g *gateway) playlistText() string {
	body, _, err := g.get("/live/live/source/index.m3u8")
	if err != nil {
		return ""
	}
	return string(body)
}

// requireRanges demands that hls.js has the breaks at their places.
func requireRanges(t *testing.T, seen *viewing, out, in []byte) {
	t.Helper()
	ranges := map[string]map[string]string{}
	times := map[string]float64{}
	for _, e := range seen.Events {
		var a map[string]string
		require.Equal(t, "daterange", e.Name)
		require.NoError(t, json.Unmarshal([]byte(e.Value), &a))
		ranges[a["ID"]], times[a["ID"]] = a, e.Time
	}
	require.Len(t, ranges, 2)
	require.Equal(t, fmt.Sprintf("0x%X", out), ranges["clip"]["SCTE35-OUT"])
	require.Equal(t, fmt.Sprintf("0x%X", in), ranges["clip"]["SCTE35-IN"])
	require.Equal(t, "4.000", ranges["clip"]["PLANNED-DURATION"])
	var length float64
	_, err := fmt.Sscan(ranges["clip"]["DURATION"], &length)
	require.NoError(t, err)
	require.InDelta(t, 4, length, 0.05)
	require.Equal(t, "2.500", ranges["api"]["PLANNED-DURATION"])
	require.NotEqual(t, times["clip"], times["api"])
}

// requireSpliceEvents demands that dash.js has told of all that began while it played.
func requireSpliceEvents(t *testing.T, seen *viewing, out, in []byte) {
	t.Helper()
	told := map[string]int{}
	times := map[string]float64{}
	for _, e := range seen.Events {
		told[e.Value]++
		times[e.Value] = e.Time
		require.InDelta(t, e.Time, e.Shown, 2, "%+v", e)
	}
	outText, inText := base64.StdEncoding.EncodeToString(out), base64.StdEncoding.EncodeToString(in)
	require.Equal(t, 1, told[outText], "%v", told)
	require.Equal(t, 1, told[inText], "%v", told)
	require.Len(t, told, 3, "and what the API asked for")
	require.InDelta(t, (breakIn - breakOut).Seconds(), times[inText]-times[outText], 0.05)
}

// requireReadable lets ffmpeg read a playlist with splices in it.
func (g *gateway) requireReadable() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, which(g.t, "ffmpeg"), "-v", "error", "-i", g.url("/live/live/source/index.m3u8"), "-t", "2", "-f", "null", "-")
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(g.t, cmd.Run(), said.String())
	require.Empty(g.t, said.String())
}
