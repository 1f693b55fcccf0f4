package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// clock is a gateway's time, which a test sets.
type clock struct{ now time.Time }

func (c *clock) use(o *Options) { o.Now = func() time.Time { return c.now } }

// viewers returns what the API says of the viewers of "live".
func (g *gateway) viewers() *viewersStatus {
	g.tb.Helper()
	var s struct{ Viewers *viewersStatus }
	require.NoError(g.tb, json.Unmarshal(g.get("/api/v1/streams/live").Body.Bytes(), &s))
	return s.Viewers
}

// request is one of a player: a URL, and headers as "Name: value".
type request []string

// The requests of the players with CMCD turned on, as Chromium sent them: hls.js 1.7.4, dash.js 5.2.1, Shaka
// 5.2.12, by query and by headers, in version 1 (their default) and 2. Numbers of segments alone are the test's.
var players = map[string][]request{
	"hls.js, query": {
		{"/live/live/index.m3u8?CMCD=mtp%3D500%2Cot%3Dm%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Csu"},
		{"/live/live/source/index.m3u8?CMCD=br%3D531%2Cmtp%3D500%2Cot%3Dm%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Csu"},
		{"/live/live/source/1/init.mp4?CMCD=br%3D531%2Cd%3D0%2Cmtp%3D500%2Cot%3Di%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Cst%3Dll%2Csu"},
		{"/live/live/source/1/3.0.m4s?CMCD=bl%3D0%2Cbr%3D531%2Cd%3D200%2Cdl%3D0%2Cmtp%3D500%2Cnor%3D%22..%252F..%252Fsource%252F1%252F18.1.m4s%22%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Cst%3Dll%2Csu"},
		{"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=2&_HLS_skip=YES&CMCD=br%3D531%2Cmtp%3D500%2Cot%3Dm%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Csu"},
		{"/live/live/source/1/4.1.m4s?CMCD=bl%3D1300%2Cbr%3D531%2Cd%3D200%2Cdl%3D1300%2Cmtp%3D3100%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Cst%3Dll"},
		{"/live/live/source/1/4.2.m4s?CMCD=bl%3D300%2Cbr%3D531%2Cbs%2Cd%3D200%2Cdl%3D300%2Cmtp%3D3100%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c-ac2d-57795d18682b%22%2Cst%3Dll%2Csu"},
	},
	"hls.js, headers": {
		{"/live/live/index.m3u8", "CMCD-Object: ot=m", `CMCD-Session: sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34"`, "CMCD-Request: mtp=500,su"},
		{"/live/live/source/index.m3u8", "CMCD-Object: br=531,ot=m", `CMCD-Session: sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34"`, "CMCD-Request: mtp=500,su"},
		{"/live/live/source/1/3.0.m4s", "CMCD-Status: rtp=2700", "CMCD-Object: br=531,d=200,ot=v", `CMCD-Session: sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34",st=ll`, `CMCD-Request: bl=0,dl=0,mtp=500,nor="..%2F..%2Fsource%2F1%2F36.1.m4s",su`},
		{"/live/live/source/1/4.1.m4s", "CMCD-Status: rtp=2700", "CMCD-Object: br=531,d=200,ot=v", `CMCD-Session: sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34",st=ll`, "CMCD-Request: bl=1300,dl=1300,mtp=3100"},
		{"/live/live/source/1/4.2.m4s", "CMCD-Status: bs,rtp=2700", "CMCD-Object: br=531,d=200,ot=v", `CMCD-Session: sf=h,sid="82c567ca-bf3f-4bd5-9e5b-9d18ec7a9a34",st=ll`, "CMCD-Request: bl=300,dl=300,mtp=3100,su"},
	},
	"hls.js, version 2": {
		{"/live/live/index.m3u8?CMCD=mtp%3D%28500%29%2Cot%3Dm%2Csf%3Dh%2Csid%3D%22368b46ef-a955-4040-bb48-6e885ddbd017%22%2Csn%3D0%2Csta%3Ds%2Csu%2Cv%3D2"},
		{"/live/live/source/1/3.0.m4s?CMCD=bl%3D%280%29%2Cbr%3D%28531%29%2Cd%3D200%2Cdl%3D0%2Cmtp%3D%28500%29%2Cnor%3D%28%22..%2F..%2Fsource%2F1%2F49.1.m4s%22%29%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%22368b46ef-a955-4040-bb48-6e885ddbd017%22%2Csn%3D8%2Cst%3Dll%2Csta%3Ds%2Csu%2Ctpb%3D%28530.573%29%2Cv%3D2"},
		{"/live/live/source/1/4.1.m4s?CMCD=bl%3D%281300%29%2Cbr%3D%28531%29%2Cd%3D200%2Cdl%3D1300%2Cmtp%3D%283100%29%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%22368b46ef-a955-4040-bb48-6e885ddbd017%22%2Csn%3D9%2Cst%3Dll%2Csta%3Dp%2Cv%3D2"},
		{"/live/live/source/1/4.2.m4s?CMCD=bl%3D%28300%29%2Cbr%3D%28531%29%2Cbs%2Cd%3D200%2Cdl%3D300%2Cmtp%3D%283100%29%2Cot%3Dv%2Crtp%3D2700%2Csf%3Dh%2Csid%3D%22368b46ef-a955-4040-bb48-6e885ddbd017%22%2Csn%3D10%2Cst%3Dll%2Csta%3Dr%2Csu%2Cv%3D2"},
	},
	"dash.js, query": {
		{"/live/live/manifest.mpd?CMCD=ot%3Dm%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22"},
		{"/live/live/source/1/init.mp4?CMCD=ot%3Di%2Csf%3Dd%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22%2Cst%3Dl%2Csu"},
		// It says bs of its start.
		{"/live/live/source/1/2.m4s?CMCD=bl%3D0%2Cbr%3D531%2Cbs%2Cd%3D2000%2Cdl%3D0%2Cot%3Dv%2Crtp%3D8700%2Csf%3Dd%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22%2Cst%3Dl%2Csu%2Ctb%3D531"},
		{"/live/live/manifest.mpd?after=3&CMCD=ot%3Dm%2Cpr%3D1.033%2Csf%3Dd%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22%2Cst%3Dl"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D1300%2Cbr%3D531%2Cd%3D2000%2Cdl%3D1300%2Cmtp%3D500%2Cot%3Dv%2Cpr%3D1.035%2Crtp%3D600%2Csf%3Dd%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22%2Cst%3Dl%2Ctb%3D531"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D300%2Cbr%3D531%2Cbs%2Cd%3D2000%2Cdl%3D300%2Cmtp%3D3100%2Cot%3Dv%2Crtp%3D600%2Csf%3Dd%2Csid%3D%22b92b2450-4064-49fc-aabe-aea8866652bb%22%2Cst%3Dl%2Csu%2Ctb%3D531"},
	},
	"dash.js, headers": {
		{"/live/live/manifest.mpd", "CMCD-Object: ot=m", `CMCD-Session: sid="ce2defee-7673-40b7-8277-414b462c1b75"`},
		{"/live/live/source/1/2.m4s", "cmcd-status: bs,rtp=8700", "cmcd-object: br=531,d=2000,ot=v,tb=531", `cmcd-session: sf=d,sid="ce2defee-7673-40b7-8277-414b462c1b75",st=l`, "cmcd-request: bl=0,dl=0,su"},
		{"/live/live/manifest.mpd?after=3", "CMCD-Status: pr=1.036", "CMCD-Object: ot=m", `CMCD-Session: sf=d,sid="ce2defee-7673-40b7-8277-414b462c1b75",st=l`},
		{"/live/live/source/1/3.m4s", "cmcd-status: pr=1.035,rtp=600", "cmcd-object: br=531,d=2000,ot=v,tb=531", `cmcd-session: sf=d,sid="ce2defee-7673-40b7-8277-414b462c1b75",st=l`, "cmcd-request: bl=1300,dl=1300,mtp=500"},
		{"/live/live/source/1/3.m4s", "cmcd-status: bs,rtp=600", "cmcd-object: br=531,d=2000,ot=v,tb=531", `cmcd-session: sf=d,sid="ce2defee-7673-40b7-8277-414b462c1b75",st=l`, "cmcd-request: bl=300,dl=300,mtp=3100,su"},
	},
	"dash.js, version 2": {
		{"/live/live/manifest.mpd?CMCD=msd%3D5%2Cot%3Dm%2Csid%3D%22cb81dc68-c5d3-492e-a8d1-f0c62b65c7e1%22%2Csn%3D0%2Csta%3Ds%2Cv%3D2"},
		{"/live/live/source/1/2.m4s?CMCD=ab%3D%28531%3Bv+100%3Ba%29%2Cbl%3D%280%3Bv%29%2Cbr%3D%28531%3Bv%29%2Cbs%2Cd%3D2000%2Cdl%3D0%2Clab%3D%28531%3Bv+100%3Ba%29%2Cltc%3D1444%2Cot%3Dv%2Cpb%3D%28531%3Bv%29%2Crtp%3D8700%2Csf%3Dd%2Csid%3D%22cb81dc68-c5d3-492e-a8d1-f0c62b65c7e1%22%2Csn%3D3%2Cst%3Dl%2Csta%3Dr%2Csu%2Ctab%3D%28531%3Bv+100%3Ba%29%2Ctb%3D%28531%3Bv%29%2Ctpb%3D%28530.556%3Bv%29%2Cv%3D2"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D%281300%3Bv%29%2Cbr%3D%28531%3Bv%29%2Cd%3D2000%2Cdl%3D1300%2Cltc%3D1612%2Cmtp%3D%28500%3Bv%29%2Cot%3Dv%2Cpr%3D1.032%2Csf%3Dd%2Csid%3D%22cb81dc68-c5d3-492e-a8d1-f0c62b65c7e1%22%2Csn%3D8%2Cst%3Dl%2Csta%3Dp%2Cv%3D2"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D%28300%3Bv%29%2Cbr%3D%28531%3Bv%29%2Cbs%2Cd%3D2000%2Cdl%3D300%2Cltc%3D1612%2Cmtp%3D%283100%3Bv%29%2Cot%3Dv%2Cpr%3D1.032%2Csf%3Dd%2Csid%3D%22cb81dc68-c5d3-492e-a8d1-f0c62b65c7e1%22%2Csn%3D9%2Cst%3Dl%2Csta%3Dr%2Csu%2Cv%3D2"},
	},
	// Shaka says neither bs nor mtp, bl only where there is something, and sf of manifests alone.
	"Shaka, query": {
		{"/live/live/manifest.mpd?CMCD=ot%3Dm%2Csf%3Dd%2Csid%3D%225c6ee911-4f91-4571-8163-471413e9a45f%22%2Cst%3Dv"},
		{"/live/live/source/1/init.mp4?CMCD=br%3D531%2Cd%3D0%2Cot%3Di%2Csid%3D%225c6ee911-4f91-4571-8163-471413e9a45f%22%2Cst%3Dl%2Csu"},
		{"/live/live/source/1/2.m4s?CMCD=br%3D531%2Cd%3D1344%2Cdl%3D0%2Cot%3Dv%2Crtp%3D1300%2Csid%3D%225c6ee911-4f91-4571-8163-471413e9a45f%22%2Cst%3Dl%2Csu%2Ctb%3D531"},
		{"/live/live/manifest.mpd?after=3&CMCD=br%3D531%2Cot%3Dm%2Csf%3Dd%2Csid%3D%225c6ee911-4f91-4571-8163-471413e9a45f%22%2Cst%3Dl"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D300%2Cbr%3D531%2Cd%3D2000%2Cdl%3D300%2Cot%3Dv%2Crtp%3D1300%2Csid%3D%225c6ee911-4f91-4571-8163-471413e9a45f%22%2Cst%3Dl%2Ctb%3D531"},
	},
	"Shaka, headers": {
		{"/live/live/manifest.mpd", "cmcd-object: ot=m", `cmcd-session: sf=d,sid="4bf32fcb-d909-4a67-8782-14adceaa51c1",st=v`},
		{"/live/live/source/1/2.m4s", "cmcd-status: rtp=2000", "cmcd-object: br=531,d=2005,ot=v,tb=531", `cmcd-session: sid="4bf32fcb-d909-4a67-8782-14adceaa51c1",st=l`, `cmcd-request: dl=0,nor="..%2F..%2Fsource%2F1%2F45.m4s",su`},
		{"/live/live/source/1/3.m4s", "cmcd-status: rtp=2000", "cmcd-object: br=531,d=2005,ot=v,tb=531", `cmcd-session: sid="4bf32fcb-d909-4a67-8782-14adceaa51c1",st=l`, "cmcd-request: bl=300,dl=300"},
	},
	"Shaka, version 2": {
		{"/live/live/manifest.mpd?CMCD=ot%3Dm%2Csf%3Dd%2Csid%3D%22bdba6154-5ff7-4ba0-b74a-6d5d486c7c26%22%2Csn%3D0%2Cst%3Dv%2Cv%3D2"},
		{"/live/live/source/1/2.m4s?CMCD=br%3D531%2Cd%3D2005%2Cdl%3D0%2Cnor%3D%28%22..%2F..%2Fsource%2F1%2F58.m4s%22%29%2Cot%3Dv%2Crtp%3D2000%2Csid%3D%22bdba6154-5ff7-4ba0-b74a-6d5d486c7c26%22%2Csn%3D1%2Cst%3Dl%2Csu%2Ctb%3D531%2Cv%3D2"},
		{"/live/live/source/1/3.m4s?CMCD=bl%3D300%2Cbr%3D531%2Cd%3D2005%2Cdl%3D300%2Cot%3Dv%2Crtp%3D2000%2Csid%3D%22bdba6154-5ff7-4ba0-b74a-6d5d486c7c26%22%2Csn%3D2%2Cst%3Dl%2Ctb%3D531%2Cv%3D2"},
	},
}

// Each player's requests are answered as without what it says, and tell the same story: it starts, plays, and, but
// for Shaka, stands still once. At the end it has 300 ms ahead.
func TestPlayersTellOfThemselves(t *testing.T) {
	for name, requests := range players {
		t.Run(name, func(t *testing.T) {
			shaka, bare := strings.HasPrefix(name, "Shaka"), 0
			g, _ := playing(t, 3)
			plain, _ := playing(t, 3)
			for _, r := range requests {
				url, _, _ := strings.Cut(strings.Replace(r[0], "&CMCD", "?CMCD", 1), "?CMCD")
				w, want := g.get(r[0], r[1:]...), plain.get(url)
				require.Equal(t, 200, w.Code, r[0])
				require.Equal(t, want.Body.String(), w.Body.String())
				require.Equal(t, want.Header(), w.Header())
				if strings.HasSuffix(url, ".m4s") {
					bare++
				}
			}
			require.Nil(t, plain.viewers())

			want := &viewersStatus{
				Sessions: 1, Starved: 1, Starting: 1, BufferMS: &quantiles{300, 300, 300},
				Throughput: &quantiles{3.1e6, 3.1e6, 3.1e6}, Bitrate: &quantiles{531e3, 531e3, 531e3},
				Formats: viewersFormats{DASH: 1}, Renditions: []viewersOfARung{{"source", 1}},
			}
			counts := [3]int{bare, 1, 2}
			if strings.HasPrefix(name, "hls.js") {
				want.Formats = viewersFormats{HLS: 1}
			}
			if shaka {
				want.Starved, want.Starting, want.Throughput = 0, 0, nil
				counts = [3]int{bare, 0, 1}
			}
			require.Equal(t, want, g.viewers())

			scrape := g.get("/metrics").Body.String()
			for _, line := range []string{
				fmt.Sprintf(`sluice_cmcd_reports_total{result="taken"} %d`, len(requests)-strings.Count(fmt.Sprint(requests), "init.mp4")),
				`sluice_cmcd_reports_total{result="refused"} 0`,
				fmt.Sprintf(`sluice_viewer_requests_total{rendition="source",stream="live"} %d`, counts[0]),
				fmt.Sprintf(`sluice_viewer_starved_requests_total{rendition="source",stream="live"} %d`, counts[1]),
				fmt.Sprintf(`sluice_viewer_startup_requests_total{rendition="source",stream="live"} %d`, counts[2]),
				fmt.Sprintf(`sluice_viewer_bitrate_bits_per_second_bucket{rendition="source",stream="live",le="1e+06"} %d`, counts[0]),
				`sluice_viewer_bitrate_bits_per_second_bucket{rendition="source",stream="live",le="500000"} 0`,
				fmt.Sprintf(`sluice_viewer_deadline_seconds_count{rendition="source",stream="live"} %d`, counts[0]),
				`sluice_viewers{rendition="source",stream="live"} 1`,
			} {
				require.Contains(t, scrape, line+"\n")
			}
			require.NotContains(t, scrape, "2309d32d", "a session is no label")
		})
	}
}

func TestViewersMetrics(t *testing.T) {
	registry, c := prometheus.NewRegistry(), &clock{now: start}
	g, _ := playing(t, 3, c.use, func(o *Options) { o.Registry = registry })
	g.get("/live/live/audio/1/3.m4s", "CMCD-Request: bl=600,dl=100,mtp=2000", `CMCD-Session: sid="a"`)
	g.get("/live/live/audio/1/3.m4s", "CMCD-Request: bl=100,dl=40000", `CMCD-Session: sid="a"`)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_viewer_buffer_seconds Media that players had loaded ahead when they asked for more.
# TYPE sluice_viewer_buffer_seconds histogram
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="0.1"} 1
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="0.25"} 1
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="0.5"} 1
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="1"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="2"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="4"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="8"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="16"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="32"} 2
sluice_viewer_buffer_seconds_bucket{rendition="audio",stream="live",le="+Inf"} 2
sluice_viewer_buffer_seconds_sum{rendition="audio",stream="live"} 0.7
sluice_viewer_buffer_seconds_count{rendition="audio",stream="live"} 2
# HELP sluice_viewers Viewers who told of themselves (CMCD) in the last half minute, by what they play; of those with no rendition, nothing yet.
# TYPE sluice_viewers gauge
sluice_viewers{rendition="",stream="live"} 0
sluice_viewers{rendition="audio",stream="live"} 1
`), "sluice_viewer_buffer_seconds", "sluice_viewers"))
	problems, err := testutil.GatherAndLint(registry, "sluice_viewers", "sluice_viewer_buffer_seconds", "sluice_cmcd_reports_total")
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Who says what doesn't exist adds nothing: no stream, no rendition, no series but those of what is there.
func TestStrangersMakeNoSeries(t *testing.T) {
	c := &clock{now: start}
	g, p := playing(t, 3, c.use)
	series := func() int { return strings.Count(g.get("/metrics").Body.String(), "\nsluice_viewer") }
	require.Zero(t, series())
	for n := range 50 {
		sid := fmt.Sprintf(`CMCD-Session: sid="%d"`, n)
		for _, url := range []string{
			"/live/live/none%d/1/3.m4s", "/live/none%d/source/1/3.m4s", "/live/live/none%d/index.m3u8", "/live/live/source/%d/x", "/assets/%d", "/api/v1/streams/live?x=%d",
		} {
			g.get(fmt.Sprintf(url, n), sid, "CMCD-Request: bl=100")
		}
	}
	c.now = c.now.Add(viewersTold)
	// Those who asked for a playlist of the stream count, as what plays nothing.
	require.Equal(t, 1, strings.Count(g.get("/metrics").Body.String(), "\nsluice_viewers{"))
	require.Equal(t, 1, series())
	g.get("/live/live/source/1/3.m4s", "CMCD-Request: bl=100")
	once := series()
	for n := range 50 {
		g.get("/live/live/source/1/3.m4s", "CMCD-Request: bl=100,mtp=1", fmt.Sprintf("CMCD-Object: br=%d,x-%d=1", n, n))
	}
	require.Equal(t, once, series())

	// What a rendition said goes with it.
	require.Contains(t, g.get("/metrics").Body.String(), `sluice_viewer_requests_total{rendition="source",stream="live"} 51`)
	p.leave().end()
	g.names.set(nil, "empty")
	require.Eventually(t, func() bool { return series() == 0 }, 10*time.Second, time.Millisecond, "the stream is gone")
}

func TestRefusedReportsCostNothing(t *testing.T) {
	g, _ := playing(t, 3)
	for _, query := range []string{"CMCD=bl%3D1%2C", "CMCD=%zz", "CMCD=" + strings.Repeat("a", 5000)} {
		w := g.get("/live/live/source/1/3.m4s?" + query)
		require.Equal(t, 200, w.Code)
		require.Equal(t, 200, g.get("/live/live/source/index.m3u8?"+query).Code)
		require.Equal(t, 200, g.get("/live/live/source/index.m3u8?_HLS_msn=3&"+query+"&_HLS_skip=YES").Code)
	}
	require.Nil(t, g.viewers())
	require.Contains(t, g.get("/metrics").Body.String(), `sluice_cmcd_reports_total{result="refused"} 9`)
	require.Zero(t, g.errors())
}

func TestViewersOverTime(t *testing.T) {
	c := &clock{now: start}
	g, _ := playing(t, 3, c.use)
	say := func(rendition, sid, request string) {
		g.get("/live/live/"+rendition+"/1/3.m4s", "CMCD-Request: "+request, fmt.Sprintf(`CMCD-Session: sid="%s",sf=h`, sid))
	}
	require.Nil(t, g.viewers())
	say("source", "a", "bl=1000,mtp=1000")
	say("audio", "a", "bl=9000,mtp=9000") // the picture is what counts
	say("source", "b", "bl=3000,mtp=3000,bs,su")
	say("audio", "c", "bl=2000")
	require.Nil(t, g.viewers(), "what was told holds for a second")
	c.now = c.now.Add(viewersTold)
	v := g.viewers()
	require.Equal(t, 3, v.Sessions)
	require.Equal(t, &quantiles{1000, 2000, 2000}, v.BufferMS)
	require.Equal(t, &quantiles{1e6, 1e6, 1e6}, v.Throughput)
	require.Equal(t, []viewersOfARung{{"audio", 1}, {"source", 2}}, v.Renditions)
	require.Zero(t, v.Starved, "a start is no standstill")
	require.InDelta(t, 1.0/3, v.Starting, 1e-9)

	c.now = c.now.Add(20 * time.Second)
	say("source", "b", "bl=3000")
	say("source", "b", "bl=500,bs,su")
	say("audio", "a", "bl=8000") // it has asked for no picture for long
	v = g.viewers()
	require.Equal(t, 3, v.Sessions)
	require.InDelta(t, 1.0/3, v.Starved, 1e-9)
	require.Equal(t, &quantiles{500, 2000, 2000}, v.BufferMS)
	require.Equal(t, []viewersOfARung{{"audio", 2}, {"source", 1}}, v.Renditions)

	c.now = c.now.Add(11 * time.Second)
	say("source", "b", "bl=700")
	v = g.viewers()
	require.Equal(t, 2, v.Sessions, "c is gone")
	c.now = c.now.Add(25 * time.Second)
	v = g.viewers()
	require.Equal(t, 1, v.Sessions)
	require.Zero(t, v.Starved, "that was long ago")
	require.Zero(t, v.Starting)
	c.now = c.now.Add(6 * time.Second)
	require.Nil(t, g.viewers())
}

// dash.js says of its start that it stood still, of sound and pictures each, and begins with either.
func TestStartIsNoStandstill(t *testing.T) {
	c := &clock{now: start}
	g, _ := playing(t, 3, c.use)
	for _, said := range [][2]string{
		{"audio", "bl=0,bs,su"}, {"audio", "bl=1900"}, {"source", "bl=0,bs,su"}, {"source", "bl=1900"},
	} {
		g.get("/live/live/"+said[0]+"/1/3.m4s", "CMCD-Request: "+said[1], `CMCD-Session: sid="a"`)
	}
	require.Zero(t, g.viewers().Starved)
	g.get("/live/live/source/1/3.m4s", "CMCD-Request: bl=200,bs,su", `CMCD-Session: sid="a"`)
	c.now = c.now.Add(viewersTold)
	require.Equal(t, 1.0, g.viewers().Starved)
	require.Contains(t, g.get("/metrics").Body.String(), `sluice_viewer_starved_requests_total{rendition="source",stream="live"} 1`)
	require.Contains(t, g.get("/metrics").Body.String(), `sluice_viewer_starved_requests_total{rendition="audio",stream="live"} 0`)
}

// However many there are, or pretend to be, what is kept of them is bounded, and a fair sample.
func TestManyViewers(t *testing.T) {
	const many = 40_000
	c := &clock{now: start}
	g, _ := playing(t, 3, c.use)
	require.Nil(t, g.viewers())
	kept := &g.streams.current.Load().byName["live"].viewers
	say := func(n int) {
		for i := range n {
			buffer := 1000
			if i%4 == 0 {
				buffer = 4000
			}
			r := httptest.NewRequest(http.MethodGet, "/live/live/source/1/3.0.m4s", nil)
			r.Header["Cmcd-Request"] = []string{fmt.Sprintf(`bl=%d,sid="%d"`, buffer, i)}
			g.ServeHTTP(httptest.NewRecorder(), r)
			require.LessOrEqual(t, len(kept.sessions), maxSessions)
		}
	}
	say(many)
	c.now = c.now.Add(viewersTold)
	v := g.viewers()
	require.InEpsilon(t, many, v.Sessions, 0.25)
	require.Equal(t, uint64(1000), v.BufferMS.P50)
	require.Equal(t, uint64(4000), v.BufferMS.P90)
	require.NotZero(t, kept.level)

	// They go, and fewer come: what is told stays true while more of them are kept again.
	for range 4 {
		c.now = c.now.Add(viewerAge + time.Second)
		say(3000)
		require.InEpsilon(t, 3000, g.viewers().Sessions, 0.6)
	}
	for kept.level > 0 {
		c.now = c.now.Add(viewerAge + time.Second)
		say(200)
		g.viewers()
	}
	c.now = c.now.Add(viewerAge + time.Second)
	say(200)
	require.Equal(t, 200, g.viewers().Sessions)
}

// What players say of themselves is no part of what they ask for.
func TestReportsAreNoIdentity(t *testing.T) {
	g, _ := playing(t, 3)
	const cmcd = "CMCD=bl%3D100%2Csid%3D%22secret-session%22"
	for _, url := range []string{
		"/live/live/index.m3u8", "/live/live/source/index.m3u8", "/live/live/manifest.mpd", "/live/live/source/1/3.m4s",
		"/live/live/source/1/3.1.m4s", "/live/live/source/1/init.mp4",
	} {
		plain := g.get(url)
		require.Equal(t, 200, plain.Code)
		for _, w := range []*httptest.ResponseRecorder{g.get(url + "?" + cmcd), g.get(url, `CMCD-Session: sid="secret-session"`)} {
			require.Equal(t, plain.Body.String(), w.Body.String(), url)
			require.Equal(t, plain.Header(), w.Header(), url)
			require.NotContains(t, w.Body.String()+fmt.Sprint(w.Header()), "secret-session")
			require.NotContains(t, w.Body.String(), "CMCD")
		}
		require.Equal(t, 304, g.get(url+"?"+cmcd, "If-None-Match: "+plain.Header().Get("Etag")).Code, url)
	}
	require.NotContains(t, g.logged.String(), "secret-session")

	ts, _ := broadcasting(t, 3)
	whole := ts.get("/live/live/source/1/2.ts").Body.String()
	for n := range 5 {
		require.Equal(t, whole, ts.get(fmt.Sprintf("/live/live/source/1/2.ts?CMCD=bl%%3D%d", n)).Body.String())
	}
	require.Contains(t, ts.get("/metrics").Body.String(), `sluice_ts_segments_total{source="made"} 1`)
}

// Delivery directives beside a report hold their request, wherever they stand.
func TestReportsBesideDirectives(t *testing.T) {
	const cmcd = "CMCD=bl%3D100%2Csid%3D%22a%22%2C_HLS_msn%3D99"
	for _, query := range []string{
		"_HLS_msn=4&_HLS_part=3&" + cmcd, cmcd + "&_HLS_msn=4&_HLS_part=3", "_HLS_msn=4&" + cmcd + "&_HLS_part=3&_HLS_skip=YES",
	} {
		synctest.Test(t, func(t *testing.T) {
			g, p := playing(t, 3)
			a := g.ask("/live/live/source/index.m3u8?" + query)
			require.False(t, a.done())
			p.write()
			synctest.Wait()
			require.True(t, a.done())
			require.Equal(t, 200, a.w.Code)
			require.Contains(t, a.w.Body.String(), "4.3.m4s")
			require.Equal(t, 1, g.viewers().Sessions, "it counts while it waits")

			a = g.ask("/live/live/manifest.mpd?" + cmcd + "&after=4")
			require.False(t, a.done())
			a.cancel(context.Canceled)
			synctest.Wait()
			require.True(t, a.done())
		})
	}
}

func TestPreflightAllowsReports(t *testing.T) {
	g, _ := playing(t, 3)
	w := g.do(http.MethodOptions, "/live/live/source/1/3.m4s", "Origin: https://player.example", "Access-Control-Request-Method: GET",
		"Access-Control-Request-Headers: cmcd-object,cmcd-request,cmcd-session,cmcd-status")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	for _, name := range []string{"cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status"} {
		require.Contains(t, strings.ToLower(w.Header().Get("Access-Control-Allow-Headers")), name)
	}
}

// A report costs its request no garbage, once its viewer is known.
func TestReportsAllocateNothing(t *testing.T) {
	g, p := playing(t, 3)
	st, err := g.streams.find(t.Context(), "live")
	require.NoError(t, err)
	const report = "CMCD=bl%3D1300%2Cbr%3D531%2Cbs%2Cd%3D200%2Cdl%3D1300%2Cmtp%3D3100%2Cot%3Dv%2Csf%3Dh%2Csid%3D%222309d32d-f8f5-424c%22%2Csu"
	headers := http.Header{
		"Cmcd-Request": {"bl=1300,mtp=3100,su"}, "Cmcd-Object": {"br=531,d=200,ot=v"}, "Cmcd-Session": {`sf=h,sid="2309d32d"`},
	}
	for url, h := range map[string]http.Header{"/?_HLS_msn=4&_HLS_part=1": {}, "/?_HLS_msn=4&" + report + "&_HLS_part=1": {}, "/?": headers} {
		x := &exchange{r: httptest.NewRequest(http.MethodGet, url, nil)}
		x.r.Header = h
		for _, id := range []timeline.RenditionID{"", timeline.Source} {
			require.Zero(t, testing.AllocsPerRun(100, func() { g.note(x, st, p.feed().Current(), id) }), url)
		}
		require.Zero(t, testing.AllocsPerRun(100, func() { _, err = parseDirectives(x.r.URL.RawQuery) }), url)
		require.NoError(t, err)
	}
	require.Equal(t, 2, g.viewers().Sessions)
}
