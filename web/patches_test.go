package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash/dashcheck"
	"sluice/packager/timeline"
)

// patchURL is that of a patch from an MPD that nobody has.
const patchURL = "/live/live/manifest.mpp?publishTime=2026-03-01T12:00:06.600Z&version=1&after=4"

// patchOf returns where an MPD's patch is.
func patchOf(t *testing.T, mpd string) string {
	t.Helper()
	m, faults := dashcheck.Parse("http://localhost/live/live/manifest.mpd", []byte(mpd))
	require.Empty(t, faults)
	u, err := url.Parse(m.Patch)
	require.NoError(t, err)
	return u.RequestURI()
}

func TestPatch(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.Now = func() time.Time { return start.Add(20 * time.Second) } })
	p := g.publisher("live")
	p.window = patchWindow
	p.bytes = func(timeline.RenditionTrack, time.Duration, bool) []byte { return make([]byte, 1000) } // or bit rates rise
	p.begin().fix().segments(3).write()
	first := g.get("/live/live/manifest.mpd").Body.String()
	at := patchOf(t, first)
	p.write()
	second := g.get("/live/live/manifest.mpd").Body.String()
	p.shut().write()
	third := g.get("/live/live/manifest.mpd?after=4").Body.String()
	for _, base := range []string{first, second} {
		at := patchOf(t, base)
		a := g.get(at)
		require.Equal(t, 200, a.Code)
		require.Equal(t, "application/dash-patch+xml", a.Header().Get("Content-Type"))
		require.Equal(t, "public, max-age=1", a.Header().Get("Cache-Control"))
		require.NoError(t, dashcheck.CheckPatch([]byte(base), a.Body.Bytes(), []byte(third)))
		require.Equal(t, a.Header().Get("Etag"), g.get(at).Header().Get("Etag"))
	}
	for range partsInSegment - 1 {
		p.write()
	}
	p.shut().write()
	newest := g.get("/live/live/manifest.mpd").Body.String()
	require.NoError(t, dashcheck.CheckPatch([]byte(first), g.get(at).Body.Bytes(), []byte(newest)), "the same URL, later")

	for name, url := range map[string]string{
		"of nobody's MPD":  strings.Replace(at, "version=", "version=9", 1),
		"of another one's": strings.Replace(patchOf(t, second), "after=4", "after=3", 1),
		"without a number": strings.Replace(at, "version", "v", 1),
	} {
		t.Run(name, func(t *testing.T) {
			a := g.get(url)
			require.Equal(t, 200, a.Code)
			require.ErrorIs(t, dashcheck.CheckPatch([]byte(first), a.Body.Bytes(), []byte(newest)), dashcheck.ErrOtherBase)
		})
	}
	for url, status := range map[string]int{
		"/live/live/manifest.mpp":                                                400,
		"/live/live/manifest.mpp?publishTime=yesterday":                          400,
		"/live/live/manifest.mpp?publishTime=2026-03-01T12:00:06Z&version=-1":    400,
		"/live/live/manifest.mpp?publishTime=2026-03-01T12:00:06Z&after=x":       400,
		"/live/live/manifest.mpp?publishTime=2026-03-01T11:55:00Z&version=1":     410,
		"/live/empty/manifest.mpp?publishTime=2026-03-01T12:00:06Z&version=1":    404,
		"/live/nothing/manifest.mpp?publishTime=2026-03-01T12:00:06Z&version=1":  404,
		"/live/live/~abc/manifest.mpp?publishTime=2026-03-01T12:00:06Z&version=": 404,
	} {
		require.Equal(t, status, g.get(url).Code, url)
	}
}

// A stream's MPD has a patch where the window is long, and history has a bound.
func TestPatchesAreBounded(t *testing.T) {
	g, _ := playing(t, 3)
	require.NotContains(t, g.get("/live/live/manifest.mpd").Body.String(), "PatchLocation")
	var h history
	for v := range uint64(maxEditions + 10) {
		h.keep(v+1, []byte("mpd"))
	}
	require.Len(t, h.known, maxEditions)
	require.Nil(t, h.find(10))
	require.NotNil(t, h.find(11))
	h.keep(1000, make([]byte, patchMemory-2))
	require.Len(t, h.known, 1)
	h.keep(1001, make([]byte, patchMemory+1))
	require.Len(t, h.known, 1, "one is always there")
	require.Equal(t, patchMemory+1, h.size)
}
