package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

func atSeven(o *Options) {
	o.Now = func() time.Time { return start.Add(7 * time.Second) }
	o.Advice = func(stream string) []string {
		if stream == "live" {
			return []string{"set 2 s"}
		}
		return nil
	}
}

func TestDescribeStream(t *testing.T) {
	g, p := playing(t, 3, atSeven) // 6.6 s of media
	w := g.get("/api/v1/streams/live")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.JSONEq(t, `{
		"name": "live", "state": "live", "since": "2026-03-01T12:00:00.000Z", "latency_ms": 400, "advice": ["set 2 s"], "publisher": null, "backup": null, "on_air": null, "viewers": null,
		"renditions": [
			{"id": "source", "kind": "video", "codecs": "avc1.640028", "width": 1920, "height": 1080, "fps": 30, "bandwidth": 40000, "state": "listed"},
			{"id": "audio", "kind": "audio", "codecs": "mp4a.40.2", "width": 0, "height": 0, "fps": 0, "bandwidth": 440, "state": "listed"}
		]
	}`, w.Body.String())

	state := func(stream string) (s status) {
		require.NoError(t, json.Unmarshal(g.get("/api/v1/streams/"+stream).Body.Bytes(), &s))
		return s
	}
	require.Equal(t, status{Name: "empty", State: "offline", Renditions: []renditionStatus{}, Advice: []string{}}, state("empty"))
	p.write().write().write().write()
	require.Zero(t, *state("live").LatencyMS, "never negative")
	p.leave()
	require.Equal(t, "away", state("live").State)
	require.Nil(t, state("live").LatencyMS)
	p.end()
	require.Equal(t, "ended", state("live").State)
	p.begin()
	require.Equal(t, "starting", state("live").State)
	require.Len(t, state("live").Renditions, 2, "known from the publisher's own words")

	w = g.get("/api/v1/streams/none")
	require.Equal(t, 404, w.Code)
	require.JSONEq(t, `{"error": "stream \"none\": not found"}`, w.Body.String())
}

func TestDescribePublisher(t *testing.T) {
	g, _ := playing(t, 3, func(o *Options) {
		o.Publisher = func(stream string, backup bool) *Publisher {
			if stream != "live" {
				return nil
			}
			if backup {
				return &Publisher{Session: 8}
			}
			return &Publisher{Session: 7, Encoder: "OBS"}
		}
		o.OnAir = func(string) *OnAir { return &OnAir{Input: "backup", Why: "the one before it is gone"} }
	})
	var s status
	require.NoError(t, json.Unmarshal(g.get("/api/v1/streams/live").Body.Bytes(), &s))
	require.Equal(t, uint64(7), s.Publisher.Session)
	require.Equal(t, "OBS", s.Publisher.Encoder)
	require.Contains(t, g.get("/api/v1/streams/empty").Body.String(), `"publisher":null`)
	require.Equal(t, uint64(8), s.Backup.Session)
	require.Equal(t, &OnAir{Input: "backup", Why: "the one before it is gone"}, s.OnAir)
}

func TestListStreams(t *testing.T) {
	g, _ := playing(t, 3, atSeven)
	var list struct{ Streams []status }
	require.NoError(t, json.Unmarshal(g.get("/api/v1/streams").Body.Bytes(), &list))
	require.Len(t, list.Streams, 2)
	require.Equal(t, "live", list.Streams[0].Name)
	require.Equal(t, "offline", list.Streams[1].State)
	g.names.set(nil)
	g = newGateway(t)
	g.names.set(nil)
	require.JSONEq(t, `{"streams": []}`, g.get("/api/v1/streams").Body.String())
}

func TestTime(t *testing.T) {
	g := newGateway(t, func(o *Options) {
		o.Now = func() time.Time { return start.Add(1234567 * time.Microsecond).In(time.FixedZone("", 3600)) }
	})
	w := g.get("/api/v1/time")
	require.Equal(t, "2026-03-01T12:00:01.234Z", w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func TestReadiness(t *testing.T) {
	var err error
	g := newGateway(t, func(o *Options) { o.Ready = func() error { return err } })
	require.Equal(t, 200, g.get("/readyz").Code)
	err = errors.New("the RTMPS port is not open yet")
	w := g.get("/readyz")
	require.Equal(t, 503, w.Code)
	require.Contains(t, w.Body.String(), "RTMPS")
	require.Equal(t, 200, g.get("/healthz").Code)
}

func TestAuthority(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.CA = []byte("-----BEGIN CERTIFICATE-----") })
	w := g.get("/ca.crt")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/x-x509-ca-cert", w.Header().Get("Content-Type"))
	require.Contains(t, w.Header().Get("Content-Disposition"), "sluice-ca.crt")
	require.Equal(t, "-----BEGIN CERTIFICATE-----", w.Body.String())
	require.Contains(t, g.get("/").Body.String(), "/ca.crt")
}

func TestCrossOrigin(t *testing.T) {
	g, _ := playing(t, 3)
	for _, url := range []string{
		"/live/live/index.m3u8", "/live/live/source/1/3.m4s", "/live/live/source/1/99.m4s", "/live/none/index.m3u8",
		"/live/live/what/is/this", "/api/v1/streams", "/api/v1/nothing", "/live/live/source/index.m3u8?_HLS_msn=99",
	} {
		for _, headers := range [][]string{nil, {"Origin: https://tv.example"}} {
			h := g.get(url, headers...).Header()
			require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"), url)
			require.Contains(t, h.Get("Access-Control-Expose-Headers"), "Date", url)
			require.NotContains(t, h.Values("Vary"), "Origin", "caches need one copy for all origins")
		}
		w := g.do(http.MethodOptions, url, "Origin: https://tv.example",
			"Access-Control-Request-Method: GET", "Access-Control-Request-Headers: range, cmcd-request")
		require.Less(t, w.Code, 300, url)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), url)
		require.Equal(t, "GET", w.Header().Get("Access-Control-Allow-Methods"))
		require.Equal(t, "Range, Cmcd-Request", w.Header().Get("Access-Control-Allow-Headers"))
		require.Equal(t, "86400", w.Header().Get("Access-Control-Max-Age"))
		w = g.do(http.MethodOptions, url)
		require.Equal(t, 204, w.Code)
		require.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))
	}
	require.Empty(t, g.get("/").Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, g.get("/metrics").Header().Get("Access-Control-Allow-Origin"))
	for _, url := range []string{"/", "/watch/live", "/metrics", "/nothing"} {
		w := g.do(http.MethodOptions, url)
		require.Equal(t, 204, w.Code, url)
		require.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"), url)
	}
	require.Equal(t, 404, g.get("/nothing").Code)
	w := g.do(http.MethodPost, "/live/live/index.m3u8")
	require.Equal(t, 405, w.Code)
	require.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))
}

// What can be posted to says so.
func TestPostIsAllowed(t *testing.T) {
	g := newGateway(t, withMultitrack)
	for _, c := range []struct{ url, allow, no string }{
		{"/api/v1/streams/live/cues", "GET, HEAD, POST, OPTIONS", http.MethodPut},
		{"/api/v1/multitrack", "POST, OPTIONS", http.MethodGet},
	} {
		w := g.do(http.MethodOptions, c.url)
		require.Equal(t, 204, w.Code, c.url)
		require.Equal(t, c.allow, w.Header().Get("Allow"), c.url)
		w = g.do(c.no, c.url)
		require.Equal(t, 405, w.Code, c.url)
		require.Equal(t, c.allow, w.Header().Get("Allow"), c.url)
	}
}

func TestPages(t *testing.T) {
	g, p := playing(t, 3, atSeven)
	for _, url := range []string{"/", "/watch/live", "/embed/live"} {
		w := g.get(url)
		require.Equal(t, 200, w.Code)
		h := w.Header()
		require.Equal(t, "text/html; charset=utf-8", h.Get("Content-Type"))
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "no-cache", h.Get("Cache-Control"))
		if url == "/embed/live" {
			require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors *")
		} else {
			require.NotContains(t, h.Get("Content-Security-Policy"), "frame-ancestors *")
		}
	}
	body := g.get("/").Body.String()
	for _, want := range []string{
		`1 of 2 streams live`, `href="/watch/live"`, `href="/live/live/manifest.mpd"`, `data-state="live"`,
		`data-state="offline"`, `1920×1080 · 30 fps · 0.0 Mb/s`,
	} {
		require.Contains(t, body, want)
	}
	p.leave().end()
	require.Contains(t, g.get("/").Body.String(), `data-state="ended"`)
	g.names.set(nil)
	empty := newGateway(t)
	empty.names.set(nil)
	require.Contains(t, empty.get("/").Body.String(), "No streams yet")
}

// The policy's hashes are those of the script and the style as they are sent.
func TestIndexPolicy(t *testing.T) {
	w := newGateway(t).get("/")
	policy := w.Header().Get("Content-Security-Policy")
	for _, tag := range []string{"script", "style"} {
		m := regexp.MustCompile(`(?s)<` + tag + `>(.*)</` + tag + `>`).FindStringSubmatch(w.Body.String())
		require.NotNil(t, m, tag)
		sum := sha256.Sum256([]byte(m[1]))
		require.Contains(t, policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", tag)
	}
}

func TestAssets(t *testing.T) {
	g := newGateway(t)
	script := "export const answer = 42 // " + string(make([]byte, 2000))
	g.assets = newAssets(fstest.MapFS{
		"main-3f2a.js": {Data: []byte(script)}, "style-77.css": {Data: []byte("a{}")},
		"manifest.json": {Data: []byte("{}")}, ".gitkeep": {}, "sub/x.js": {Data: []byte("1")},
	})
	w := g.get("/assets/main-3f2a.js")
	require.Equal(t, 200, w.Code)
	require.Equal(t, script, w.Body.String())
	require.Equal(t, "text/javascript; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
	require.Equal(t, "gzip", g.get("/assets/main-3f2a.js", "Accept-Encoding: gzip").Header().Get("Content-Encoding"))
	require.Equal(t, 304, g.get("/assets/main-3f2a.js", "If-None-Match: "+w.Header().Get("Etag")).Code)
	require.Equal(t, "text/css; charset=utf-8", g.get("/assets/style-77.css").Header().Get("Content-Type"))
	require.Equal(t, 200, g.get("/assets/sub/x.js").Code)
	for _, name := range []string{"manifest.json", ".gitkeep", "", "sub", "sub/", "../page.html", "%2e%2e/page.html"} {
		require.Equal(t, 404, g.get("/assets/"+name).Code, name)
	}
}

// A panic costs its request, and says so in the log.
func TestPanic(t *testing.T) {
	g := newGateway(t)
	w := httptest.NewRecorder()
	g.endpoint(g.groups.api, func(*exchange) error { panic("boom") })(w, httptest.NewRequest("GET", "/api", nil))
	require.Equal(t, 500, w.Code)
	require.JSONEq(t, `{"error": "internal error"}`, w.Body.String())
	require.Contains(t, g.logged.String(), "boom")
	require.Contains(t, g.logged.String(), "api_test.go", "a stack")
	require.Equal(t, 1, g.errors())

	late := g.endpoint(g.groups.api, func(x *exchange) error {
		_ = x.send(200, typeText, []byte("half"))
		panic("boom")
	})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		late(httptest.NewRecorder(), httptest.NewRequest("GET", "/api", nil))
	}, "what has begun must not look finished")
}

// Never 200 by default.
func TestUnknownErrors(t *testing.T) {
	g := newGateway(t)
	for name, h := range map[string]handler{
		"an error of no kind": func(*exchange) error { return errors.New("secret") },
		"no answer at all":    func(*exchange) error { return nil },
	} {
		w := httptest.NewRecorder()
		g.endpoint(g.groups.other, h)(w, httptest.NewRequest("GET", "/", nil))
		require.Equal(t, 500, w.Code, name)
		require.Equal(t, "internal error\n", w.Body.String(), name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}
