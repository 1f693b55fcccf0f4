package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

func TestStart(t *testing.T) {
	g := newGateway(t)
	p := g.publisher("live")
	p.window = time.Minute
	p.begin().fix().segments(30).write()
	for start, want := range map[string]int{
		"-40":                           40,
		"-40000":                        40_000,
		"2026-03-01T12:00:20Z":          40, // of the minute that there is
		"2026-03-01T13:00:19.5+01:00":   40,
		"-6":                            0, // nearer than players are
		"-0":                            0,
		"2026-03-01T12:00:59Z":          0,
		"2027-03-01T12:00:00Z":          0,
		"0":                             0,
		"2026-03-01T12:00:20.000+00:00": 40,
	} {
		q := "?start=" + url.QueryEscape(start)
		for _, name := range []string{"index", "ts"} {
			body := g.get("/live/live/" + name + ".m3u8" + q).Body.String()
			require.Contains(t, body, "#EXTM3U")
			tag := fmt.Sprintf("#EXT-X-START:TIME-OFFSET=-%d,PRECISE=YES\n", want)
			require.Equal(t, want > 0, strings.Contains(body, tag), "%s: %s", start, body)
			require.Equal(t, want > 0, strings.Contains(body, "EXT-X-START"), start)
		}
		if want >= 40 {
			require.Contains(t, g.get("/live/live/manifest.mpd"+q).Body.String(), fmt.Sprintf(`suggestedPresentationDelay="PT%dS"`, min(want, 54)))
		}
	}
	require.Contains(t, g.get("/live/live/manifest.mpd?after=20&start=-40").Body.String(), "<Location>manifest.mpd?after=31&amp;start=-40<")
	require.NotContains(t, g.get("/live/live/index.m3u8").Body.String(), "EXT-X-START")
	require.Contains(t, g.get("/live/live/index.m3u8").Body.String(), `VALUE="live"`)
	for _, start := range []string{"", "600", "now", "-1x", "2026-03-01", "2026-03-01T12:00:20", "-99999999999"} {
		for _, name := range []string{"index.m3u8", "ts.m3u8", "manifest.mpd"} {
			require.Equal(t, 400, g.get("/live/live/"+name+"?start="+start).Code, start)
		}
	}
}

// However many points are asked for, few are kept, and each gets its own.
func TestStartsAreBounded(t *testing.T) {
	g, p := playing(t, 30)
	st, err := g.streams.find(t.Context(), "live")
	require.NoError(t, err)
	tag := ""
	for i := range maxStarts + 10 {
		a := g.get(fmt.Sprintf("/live/live/index.m3u8?start=-%d", i+10))
		require.Contains(t, a.Body.String(), fmt.Sprintf("TIME-OFFSET=-%d,", i+10))
		if i == 0 {
			tag = a.Header().Get("Etag")
		}
	}
	require.Len(t, st.starts.made, maxStarts)
	require.Equal(t, 304, g.get("/live/live/index.m3u8?start=-10", "If-None-Match: "+tag).Code)
	p.shut().write()
	g.get("/live/live/index.m3u8?start=-10")
	require.Len(t, st.starts.made, 1)
}

// Manifests of long windows are large: few of them are kept, whatever points are asked for.
func TestStartsOfLongWindowsAreBounded(t *testing.T) {
	var s starts
	for version := uint64(1); version < 4; version++ {
		at, kept, size := &timeline.Timeline{Version: version}, 0, 0
		for i := range 2 * maxStarts {
			key := startKey{what: "mpd", start: time.Duration(i) * time.Second}
			for range 2 {
				r, err := s.at(at, key, func(dst []byte, _ *timeline.Timeline) ([]byte, error) { return make([]byte, 1<<20), nil })
				require.NoError(t, err)
				require.Len(t, r.plain.body, 1<<20)
			}
		}
		for _, r := range s.made {
			kept++
			size += len(r.plain.body)
		}
		require.Positive(t, kept)
		require.LessOrEqual(t, size, startMemory+1<<20)
	}
}

func FuzzStart(f *testing.F) {
	f.Add("start=-600")
	f.Add("start=2026-03-01T12%3A00%3A00Z&start=0")
	f.Fuzz(func(t *testing.T, query string) {
		p, err := parseStart(query)
		if err != nil {
			require.ErrorIs(t, err, errBadRequest)
			return
		}
		require.GreaterOrEqual(t, p.back, time.Duration(0))
		require.True(t, p.back == 0 || p.date.IsZero())
	})
}
