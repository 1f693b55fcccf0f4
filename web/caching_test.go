package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// resource is something that the gateway serves.
type resource struct {
	cache  string
	tagged bool // has an entity tag
	zipped bool // by gzip, for who accepts it
	ranged bool // in ranges
	open   bool // has no length yet, and takes as long as its media
}

const immutable = "public, max-age=31536000, immutable"

// resources are one of each kind.
var resources = map[string]resource{
	"/live/live/index.m3u8":                                           {cache: "public, max-age=1, stale-while-revalidate=5", tagged: true, zipped: true},
	"/live/live/ts.m3u8":                                              {cache: "public, max-age=1, stale-while-revalidate=5", tagged: true, zipped: true},
	"/live/live/source/index.m3u8":                                    {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/source/index.m3u8?_HLS_skip=YES":                      {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=1":             {cache: "public, max-age=12", tagged: true, zipped: true},
	"/live/live/source/index.m3u8?_HLS_msn=3&_HLS_skip=v2&CMCD=bl%3D": {cache: "public, max-age=12", tagged: true, zipped: true},
	"/live/live/source/ts.m3u8":                                       {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/manifest.mpd":                                         {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/manifest.mpd?after=2":                                 {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/index.m3u8?start=-10":                                 {cache: "public, max-age=1, stale-while-revalidate=5", tagged: true, zipped: true},
	"/live/live/manifest.mpd?start=-10":                               {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/manifest.mpp?publishTime=2026-03-01T12:00:06Z":        {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/source/iframes.m3u8":                                  {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/thumbnails.vtt":                                       {cache: "public, max-age=1", tagged: true, zipped: true},
	"/live/live/source/1/init.mp4":                                    {cache: immutable, tagged: true, ranged: true},
	"/live/live/source/1/2.m4s":                                       {cache: immutable, tagged: true, ranged: true},
	"/live/live/source/1/4.1.m4s":                                     {cache: immutable, tagged: true, ranged: true},
	"/live/live/audio/1/2.m4s":                                        {cache: immutable, tagged: true, ranged: true},
	"/live/live/source/1/2.ts":                                        {cache: immutable, tagged: true, ranged: true},
	"/live/live/source/1/4.m4s":                                       {cache: immutable, tagged: true, open: true},
	"/assets/page-1.js":                                               {cache: immutable, tagged: true, zipped: true},
	"/assets/dot-2.png":                                               {cache: immutable, tagged: true},
	"/":                                                               {cache: "no-cache"},
	"/watch/live":                                                     {cache: "no-cache"},
	"/embed/live":                                                     {cache: "no-cache"},
	"/ca.crt":                                                         {cache: "no-cache"},
	"/api/v1/streams":                                                 {cache: "no-store"},
	"/api/v1/streams/live":                                            {cache: "no-store"},
	"/api/v1/streams/live/cues":                                       {cache: "no-store"},
	"/api/v1/steering":                                                {cache: "no-store"},
	"/api/v1/certificates":                                            {cache: "no-store"},
	"/api/v1/time":                                                    {cache: "no-store"},
	"/api/v1/openapi.json":                                            {cache: "public, max-age=3600"},
	"/healthz":                                                        {cache: "no-store"},
	"/readyz":                                                         {cache: "no-store"},
}

// cached is a gateway with one of each kind of resource.
func cached(t *testing.T) *gateway {
	g, _ := broadcasting(t, 3, atSeven, func(o *Options) { o.CA = []byte("-----BEGIN CERTIFICATE-----") })
	g.assets = newAssets(fstest.MapFS{
		"page-1.js": {Data: bytes.Repeat([]byte("page();\n"), 200)}, "dot-2.png": {Data: []byte("\x89PNG")},
	})
	return g
}

// wanted is what an answer has to be, by RFC 9110 §13.2.2.
func (k resource) wanted(method, tag, field, value string) int {
	strong, weak := value == tag || value == "*", strings.TrimPrefix(value, "W/") == tag || value == "*"
	ranged := k.ranged && method == http.MethodGet
	switch {
	case k.tagged && field == "If-Match" && !strong:
		return 412
	case k.tagged && field == "If-None-Match" && weak:
		return 304
	case field == "Range" && ranged && value == "bytes=99999999-":
		return 416
	case field == "Range" && ranged && strings.HasPrefix(value, "bytes"):
		return 206
	}
	return 200
}

// Every kind of resource, by GET and HEAD, in each encoding, under each condition.
func TestConditions(t *testing.T) {
	g := cached(t)
	for url, k := range resources {
		plain := g.do(http.MethodHead, url)
		if !k.open {
			plain = g.get(url)
		}
		for _, accepted := range []string{"", "gzip", "br, gzip;q=0.5", "*", "gzip;q=0", "identity", "gzip;q=0, *"} {
			zipped := k.zipped && (accepted == "gzip" || accepted == "br, gzip;q=0.5" || accepted == "*")
			fields := []string{"Accept-Encoding: " + accepted}
			if accepted == "" {
				fields = nil
			}
			tag := g.do(http.MethodHead, url, fields...).Header().Get("Etag")
			require.Equal(t, k.tagged, tag != "", url)
			require.Equal(t, k.tagged && !zipped, k.tagged && tag == plain.Header().Get("Etag"), "%s, %q: each form has a tag of its own", url, accepted)
			for _, condition := range []string{
				"", "If-None-Match: " + tag, "If-None-Match: W/" + tag, `If-None-Match: "other"`, "If-Match: " + tag, "If-Match: W/" + tag,
				`If-Match: "other"`, "If-Modified-Since: Sun, 01 Mar 2099 12:00:00 GMT", "Range: bytes=0-0", "Range: bytes=-7",
				"Range: bytes=99999999-", "Range: lines=1-2",
			} {
				field, value, _ := strings.Cut(condition, ": ")
				with := fields
				if condition != "" {
					with = append(fields[:len(fields):len(fields)], condition)
				}
				want := map[string]int{
					"GET": k.wanted("GET", tag, field, value), "HEAD": k.wanted("HEAD", tag, field, value),
				}
				head := g.do(http.MethodHead, url, with...)
				at := url + ": " + strings.Join(with, ", ")
				require.Equal(t, want["HEAD"], head.Code, at)
				k.check(t, at, head, nil, false, zipped, tag)
				if k.open && want["GET"] == 200 {
					continue // it takes as long as its media
				}
				got := g.do(http.MethodGet, url, with...)
				require.Equal(t, want["GET"], got.Code, at)
				k.check(t, at, got, plain.Body.Bytes(), true, zipped, tag)
				if got.Code == 200 && head.Code == 200 {
					for name, values := range got.Header() {
						if name != "Date" {
							require.Equal(t, values, head.Header()[name], "%s: %s", at, name)
						}
					}
				}
			}
		}
	}
}

// check looks at an answer: plain is the resource without an encoding.
func (k resource) check(t *testing.T, at string, w *httptest.ResponseRecorder, plain []byte, get, zipped bool, tag string) {
	t.Helper()
	h := w.Header()
	require.Len(t, h["Cache-Control"], 1, at)
	if w.Code >= 400 {
		require.Equal(t, "no-store", h.Get("Cache-Control"), at)
		require.Empty(t, h.Get("Content-Encoding"), at)
		return
	}
	require.Equal(t, k.cache, h.Get("Cache-Control"), at)
	if k.tagged {
		require.Equal(t, tag, h.Get("Etag"), at)
	}
	if k.zipped {
		require.Equal(t, "Accept-Encoding", h.Get("Vary"), at)
	}
	if w.Code == 304 {
		require.Empty(t, w.Body.Bytes(), at)
		for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Range"} {
			require.Empty(t, h.Get(name), "%s: %s", at, name)
		}
		return
	}
	require.NotEmpty(t, h.Get("Content-Type"), at)
	require.Equal(t, zipped, h.Get("Content-Encoding") == "gzip", at)
	if k.ranged && w.Code == 200 {
		require.Equal(t, "bytes", h.Get("Accept-Ranges"), at)
	}
	if !get {
		require.Empty(t, w.Body.Bytes(), at)
		return
	}
	require.Equal(t, strconv.Itoa(w.Body.Len()), h.Get("Content-Length"), at)
	if w.Code != 200 || strings.Contains(at, "/api/v1/") || strings.HasPrefix(at, "/:") {
		return // of these the content may change from one request to the next
	}
	body := w.Body.Bytes()
	if zipped {
		z, err := gzip.NewReader(w.Body)
		require.NoError(t, err, at)
		body, err = io.ReadAll(z)
		require.NoError(t, err, at)
	}
	require.Equal(t, plain, body, at)
}

// What isn't there, isn't there yet, or may not be asked is kept for seconds at most, and
// whatever is answered says how long.
func TestNegativeAnswers(t *testing.T) {
	g := cached(t)
	p := g.publisher("empty").begin().fix().segments(40) // of which the first are gone
	gone := p.feed().Current().Kept - 1
	for _, tc := range []struct {
		method, url string
		status      int
		cache       string
	}{
		{"GET", "/live/none/index.m3u8", 404, "public, max-age=1"},
		{"GET", "/live/none/source/1/1.m4s", 404, "public, max-age=1"},
		{"GET", "/live/live/none/index.m3u8", 404, "public, max-age=1"},
		{"GET", "/live/live/source/1/99.m4s", 404, "public, max-age=1"},
		{"GET", "/live/live/source/1/2.99.m4s", 404, "public, max-age=1"},
		{"GET", "/live/live/source/9/2.m4s", 404, "public, max-age=1"},
		{"GET", "/live/live/source/9/init.mp4", 404, "public, max-age=1"},
		{"GET", "/live/live/source/1/02.m4s", 404, "public, max-age=1"},
		{"GET", "/live/live/poster.jpg", 404, "public, max-age=1"},
		{"GET", "/live/live/~x/index.m3u8", 404, "public, max-age=1"},
		{"GET", "/live/empty/source/1/" + strconv.FormatUint(gone, 10) + ".m4s", 410, "public, max-age=10"},
		{"GET", "/live/live/source/index.m3u8?_HLS_msn=99", 400, "no-store"},
		{"GET", "/live/live/source/index.m3u8?_HLS_part=1", 400, "no-store"},
		{"GET", "/live/live/manifest.mpd?after=x", 400, "no-store"},
		{"GET", "/watch/none", 404, "public, max-age=1"},
		{"GET", "/assets/none.js", 404, "public, max-age=1"},
		{"GET", "/api/v1/streams/none", 404, "public, max-age=1"},
		{"GET", "/none", 404, "public, max-age=1"},
		{"PUT", "/live/live/index.m3u8", 405, "no-store"},
		{"POST", "/live/live/source/1/2.m4s", 405, "no-store"},
		{"DELETE", "/", 405, "no-store"},
		{"POST", "/api/v1/streams/live/cues", 403, "no-store"},
	} {
		methods := []string{tc.method}
		if tc.method == "GET" {
			methods = append(methods, "HEAD")
		}
		for _, method := range methods {
			w := g.do(method, tc.url, "Accept-Encoding: gzip", "Range: bytes=0-1")
			at := method + " " + tc.url
			require.Equal(t, tc.status, w.Code, at)
			require.Equal(t, []string{tc.cache}, w.Header()["Cache-Control"], at)
			require.Empty(t, w.Header()["Etag"], at)
			require.Empty(t, w.Header()["Content-Encoding"], at)
			require.NotEmpty(t, w.Header()["Content-Length"], at)
			require.Equal(t, method == "HEAD", w.Body.Len() == 0, at)
		}
	}
	g.ready = func() error { return errStopping }
	w := g.get("/readyz")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	w = g.do(http.MethodOptions, "/live/live/index.m3u8")
	require.Equal(t, 204, w.Code)
}
