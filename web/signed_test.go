package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/web/pass"
)

var (
	signingKey = []byte("a secret of two parties, 32 bytes")
	oldKey     = []byte("the secret that stood there before")
	// viewer is where httptest's requests come from.
	viewer = netip.MustParseAddr("192.0.2.1")
)

// signing has the stream "live" signed and leaves "empty" public, unless rules says
// otherwise. The clock stands at start.
func signing(rules map[string]pass.Rules) func(*Options) {
	return func(o *Options) {
		if rules == nil {
			rules = map[string]pass.Rules{"live": {Signed: true}}
		}
		o.Rules = func(stream string) pass.Rules { return rules[stream] }
		o.Now = func() time.Time { return start }
		o.Passes = pass.New(pass.Options{
			Secrets: [][]byte{signingKey, oldKey},
			JWT: func(_ context.Context, raw string) (pass.Claims, error) {
				if raw == "eyJ.no.keys" {
					return pass.Claims{}, errors.New("secret details")
				}
				return pass.Claims{Stream: "live", Until: start.Add(time.Hour)}, nil
			},
		})
	}
}

func token(d time.Duration) string {
	return pass.Sign(signingKey, "live", start.Add(d), netip.Addr{})
}

// references finds the URLs that a manifest holds.
var references = regexp.MustCompile(`URI="([^"]+)"|(?m)^([^#\s<][^\s<]*)$|<(?:Location|BaseURL)>([^<]+)<|(?:initialization|media)="([^"]+)"`)

// Whoever follows a manifest's URLs keeps the token, whatever it is: from the first
// playlist or MPD to the last part, in fMP4 and MPEG-TS.
func TestURLsKeepTheToken(t *testing.T) {
	g, _ := playing(t, 3, signing(nil))
	for _, tok := range []string{token(time.Hour), pass.Sign(oldKey, "live", start.Add(time.Hour), viewer), "eyJ.a-_.b"} {
		prefix := "/live/live/~" + tok + "/"
		queue := []string{prefix + "index.m3u8", prefix + "ts.m3u8", prefix + "manifest.mpd", prefix + "source/index.m3u8?_HLS_msn=3&_HLS_skip=YES"}
		seen := map[string]bool{}
		kinds := map[string]int{}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			if seen[at] {
				continue
			}
			seen[at] = true
			if strings.Contains(at, ".ts") && !strings.Contains(at, "m3u8") {
				kinds["ts"]++ // the test's fragments are none
				continue
			}
			w := g.get(at)
			require.Equal(t, 200, w.Code, "%s: %s", at, w.Body)
			kinds[w.Header().Get("Content-Type")]++
			if !strings.Contains(w.Header().Get("Content-Type"), "mpegurl") && !strings.Contains(w.Header().Get("Content-Type"), "dash") {
				continue
			}
			base, err := url.Parse(at)
			require.NoError(t, err)
			for _, m := range references.FindAllStringSubmatch(w.Body.String(), -1) {
				ref := strings.Join(m[1:], "")
				ref = strings.NewReplacer("$RepresentationID$", "source", "$Number$", "2", "&amp;", "&").Replace(ref)
				to, err := base.Parse(ref)
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(to.Path, prefix), "%s leads to %s", at, to)
				if m[1] != "" && strings.Contains(w.Body.String(), `PRELOAD-HINT:TYPE=PART,URI="`+m[1]) {
					kinds["hint"]++ // it would be waited for
					continue
				}
				if to.Query().Has("after") {
					kinds["location"]++
					to.RawQuery = "after=1" // else it would be waited for, too
				}
				queue = append(queue, to.String())
			}
		}
		require.GreaterOrEqual(t, kinds["application/vnd.apple.mpegurl"], 5, "%v", kinds)
		require.GreaterOrEqual(t, kinds["application/dash+xml"], 1, "%v", kinds)
		require.GreaterOrEqual(t, kinds["video/mp4"], 10, "%v", kinds)
		require.GreaterOrEqual(t, kinds["audio/mp4"], 10, "%v", kinds)
		require.Positive(t, kinds["ts"], "%v", kinds)
		require.Positive(t, kinds["hint"], "%v", kinds)
		require.Positive(t, kinds["location"], "%v", kinds)
	}
}

// The token says who may have it, not what it is: bytes, tags and lives are the same.
func TestAnswersDontDependOnTheToken(t *testing.T) {
	g, _ := playing(t, 3, signing(nil))
	for path, cache := range map[string]string{
		"index.m3u8": "public, max-age=1, stale-while-revalidate=5", "source/index.m3u8": "public, max-age=1", "manifest.mpd": "public, max-age=1",
		"source/1/init.mp4": "public, max-age=31536000, immutable", "source/1/2.m4s": "public, max-age=31536000, immutable",
		"source/1/4.1.m4s": "public, max-age=31536000, immutable",
	} {
		one, two := g.get("/live/live/~"+token(time.Hour)+"/"+path), g.get("/live/live/~"+token(2*time.Hour)+"/"+path)
		require.Equal(t, 200, one.Code, path)
		require.Equal(t, cache, one.Header().Get("Cache-Control"), path)
		require.Equal(t, one.Body.String(), two.Body.String(), path)
		require.Equal(t, one.Header(), two.Header(), path)
		require.Equal(t, "*", one.Header().Get("Access-Control-Allow-Origin"), path)
		again := g.get("/live/live/~"+token(3*time.Hour)+"/"+path, "If-None-Match: "+one.Header().Get("Etag"))
		require.Equal(t, 304, again.Code, path)
		require.Equal(t, 200, g.do(http.MethodHead, "/live/live/~"+token(time.Hour)+"/"+path).Code, path)
	}
}

func TestRefusals(t *testing.T) {
	g, _ := playing(t, 3, signing(nil), showing(&darkroom{}))
	paths := []string{"/index.m3u8", "/ts.m3u8", "/manifest.mpd", "/source/index.m3u8", "/source/ts.m3u8", "/source/iframes.m3u8", "/poster.jpg", "/thumbnails.vtt", "/thumbnails/1/2.jpg", "/source/1/init.mp4",
		"/source/1/2.m4s", "/source/1/4.1.m4s", "/source/1/2.ts"}
	for name, tc := range map[string]struct {
		token, text, cache string
		status             int
	}{
		"no token":         {"", "forbidden: this stream needs a URL with a token: /live/{stream}/~{token}/…\n", "public, max-age=1", 403},
		"expired":          {"/~" + token(0), "forbidden: the token has expired\n", "public, max-age=10", 403},
		"of another":       {"/~" + pass.Sign(signingKey, "empty", start.Add(time.Hour), netip.Addr{}), "forbidden: the token isn't valid for this stream\n", "public, max-age=1", 403},
		"nonsense":         {"/~x", "forbidden: the token isn't valid for this stream\n", "public, max-age=1", 403},
		"nothing":          {"/~", "forbidden: the token isn't valid for this stream\n", "public, max-age=1", 403},
		"escaped":          {"/~" + strings.Replace(token(time.Hour), ".", "%2E", 1), "forbidden: the token isn't valid for this stream\n", "public, max-age=1", 403},
		"another's":        {"/~" + pass.Sign(signingKey, "live", start.Add(time.Hour), netip.MustParseAddr("192.0.2.2")), "forbidden: the token isn't valid for this stream at this address\n", "no-store", 403},
		"no keys for it":   {"/~eyJ.no.keys", "can't be said now, try again\n", "no-store", 503},
		"valid":            {"/~" + token(time.Hour), "", "", 200},
		"for this address": {"/~" + pass.Sign(signingKey, "live", start.Add(time.Hour), viewer), "", "", 200},
	} {
		for _, path := range paths {
			if tc.status == 200 && strings.HasSuffix(path, ".ts") {
				continue // the test's fragments are none
			}
			w := g.get("/live/live" + tc.token + path)
			require.Equal(t, tc.status, w.Code, "%s: %s", name, path)
			if tc.status == 200 {
				continue
			}
			require.Equal(t, tc.text, w.Body.String(), "%s: %s", name, path)
			require.Equal(t, tc.cache, w.Header().Get("Cache-Control"), "%s: %s", name, path)
			require.Empty(t, w.Header().Get("Etag"))
		}
	}
	// A refused request isn't held, nor is the application asked about it.
	require.Equal(t, 403, g.get("/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=9").Code)
	// The token is part of a path, not a rendition, and not of other paths.
	for _, path := range []string{"/live/~x/index.m3u8", "/live/live/~" + token(time.Hour) + "/source/~x/index.m3u8", "/live/nobody/~x/index.m3u8"} {
		require.Equal(t, 404, g.get(path).Code, path)
	}
	// Some encode the tilde, which means the same (RFC 3986 §2.3).
	require.Equal(t, 200, g.get("/live/live/%7E"+token(time.Hour)+"/source/1/2.m4s").Code)
	require.Equal(t, 200, g.get("/watch/live/%7e"+token(time.Hour)).Code)
}

// A stream that isn't signed may be had with a token too, if it is valid: so that one which
// was signed can be opened while it is watched. Nothing else is a second name of its URLs.
func TestTokensOfPublicStreams(t *testing.T) {
	g, _ := playing(t, 3, signing(map[string]pass.Rules{}))
	for _, path := range []string{"/index.m3u8", "/source/1/2.m4s"} {
		require.Equal(t, 200, g.get("/live/live"+path).Code)
		require.Equal(t, 200, g.get("/live/live/~"+token(time.Hour)+path).Code)
		require.Equal(t, 403, g.get("/live/live/~x"+path).Code)
	}
	g, _ = playing(t, 3)
	for _, path := range []string{"/index.m3u8", "/source/1/2.m4s"} {
		require.Equal(t, 404, g.get("/live/live/~"+token(time.Hour)+path).Code)
	}
	require.Equal(t, 404, g.get("/watch/live/~"+token(time.Hour)).Code)
}

func TestSignedPages(t *testing.T) {
	g, _ := playing(t, 3, signing(nil))
	for _, page := range []string{"/watch/live", "/embed/live"} {
		w := g.get(page)
		require.Equal(t, 403, w.Code)
		require.Contains(t, w.Body.String(), "needs a URL with a token")
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
		w = g.get(page + "/~" + token(time.Hour))
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Body.String(), "/live/live/~"+token(time.Hour)+"/index.m3u8")
		require.Equal(t, "same-origin", w.Header().Get("Referrer-Policy"), "links on the page don't tell the token to others")
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		require.Equal(t, 403, g.get(page+"/~"+token(0)).Code)
	}
}

func TestOriginsAndReferers(t *testing.T) {
	g, _ := playing(t, 3, signing(map[string]pass.Rules{
		"live":  {Origins: []string{"https://tv.example", "https://*.tv.example"}, Referers: []string{"tv.example", "none"}},
		"empty": {Origins: []string{"https://one.example"}, Referers: []string{"tv.example"}},
	}))
	for _, path := range []string{"/live/live/source/index.m3u8", "/live/live/source/1/2.m4s"} {
		for origin, allowed := range map[string]string{"https://tv.example": "https://tv.example", "https://a.tv.example": "https://a.tv.example", "https://else.example": "", "": ""} {
			w := g.get(path, "Origin: "+origin)
			require.Equal(t, 200, w.Code)
			require.Equal(t, allowed, w.Header().Get("Access-Control-Allow-Origin"), "%s %s", path, origin)
			require.Contains(t, w.Header().Get("Vary"), "Origin")
			require.Len(t, w.Header().Values("Vary"), 1)
		}
		for referer, status := range map[string]int{"": 200, "https://tv.example/x": 200, "http://example.com/watch/live": 200, "https://else.example/": 403} {
			w := g.get(path, "Referer: "+referer)
			require.Equal(t, status, w.Code, "%s from %s", path, referer)
			if status == 403 {
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"), "others may come from another page")
				require.Contains(t, w.Body.String(), "isn't shown on that page")
			}
		}
	}
	require.Equal(t, "Accept-Encoding, Origin", g.get("/live/live/source/index.m3u8").Header().Get("Vary"))
	one := g.get("/live/empty/index.m3u8", "Origin: https://else.example", "Referer: https://tv.example/")
	require.Equal(t, 404, one.Code)
	require.Equal(t, "https://one.example", one.Header().Get("Access-Control-Allow-Origin"), "the same for all: caches need one copy")
	require.Empty(t, one.Header().Get("Vary"))
	require.Equal(t, 403, g.get("/live/empty/index.m3u8").Code, "no page named")

	for url, csp := range map[string]string{
		"/embed/live": "frame-ancestors 'self' tv.example:*", "/watch/live": "frame-ancestors 'self'", "/embed/empty": "",
	} {
		w := g.get(url)
		require.Equal(t, map[bool]int{true: 200, false: 403}[csp != ""], w.Code, url)
		if csp != "" {
			require.True(t, strings.HasSuffix(w.Header().Get("Content-Security-Policy"), csp), w.Header())
		}
	}
	require.Equal(t, 200, g.get("/watch/empty", "Referer: http://example.com/").Code, "from our own index")
}

func TestPreflightOfListedOrigins(t *testing.T) {
	g := newGateway(t, signing(map[string]pass.Rules{"live": {Signed: true, Origins: []string{"https://tv.example"}}}))
	ask := func(path, origin string) *httptest.ResponseRecorder {
		return g.do(http.MethodOptions, path, "Origin: "+origin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: range")
	}
	for _, path := range []string{"/live/live/index.m3u8", "/live/live/~any/source/1/2.m4s"} {
		require.Equal(t, "https://tv.example", ask(path, "https://tv.example").Header().Get("Access-Control-Allow-Origin"))
		require.Empty(t, ask(path, "https://else.example").Header().Get("Access-Control-Allow-Origin"))
	}
	for _, path := range []string{"/live/empty/index.m3u8", "/live/nobody/index.m3u8", "/live/", "/api/v1/streams"} {
		require.Equal(t, "*", ask(path, "https://else.example").Header().Get("Access-Control-Allow-Origin"), path)
	}
}

// Nothing that is logged tells a token: neither of what went well, nor of what was refused,
// failed or panicked.
func TestTokensAreNotLogged(t *testing.T) {
	var log strings.Builder
	broken := func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&locked{w: &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Permit = func(r *http.Request, _ string) error {
			switch r.URL.Query().Get("do") {
			case "panic":
				panic("at the disco")
			case "fail":
				return io.ErrUnexpectedEOF
			}
			return nil
		}
	}
	g, _ := playing(t, 3, signing(nil), broken)
	tok := token(time.Hour)
	for i, path := range []string{
		"/live/live/~" + tok + "/index.m3u8", "/live/live/~" + tok + "/source/1/2.m4s", "/live/live/%7E" + tok + "/index.m3u8",
		"/live/live/~" + tok + "/index.m3u8?do=panic", "/live/live/~" + tok + "/index.m3u8?do=fail", "/live/live/~" + tok + "/nothing",
		"/live/empty/~" + tok + "/index.m3u8", "/watch/live/~" + tok, "/elsewhere/~" + tok, "/live/live/index.m3u8?token=" + tok + "&x=1",
		"/live/live/~" + tok + "/source/index.m3u8?CMCD=nor%3D%22..%2F~" + tok + "%22", "//live/~" + tok + "/index.m3u8",
	} {
		g.get(path)
		require.Equal(t, i+1, strings.Count(log.String(), "msg=request "), path)
		require.NotContains(t, log.String(), tok, path)
		require.NotContains(t, log.String(), tok[len(tok)-20:], path)
	}
	require.Contains(t, log.String(), "/live/live/~redacted/source/1/2.m4s")
	require.Contains(t, log.String(), `a request panicked" err="at the disco" path="/live/live/~redacted/index.m3u8?do=panic"`)
	require.Contains(t, log.String(), `"a request failed" path="/live/live/~redacted/index.m3u8?do=fail"`)
	require.Contains(t, log.String(), "?token=redacted&x=1")
}

func FuzzTarget(f *testing.F) {
	f.Add("/live/live/", "/index.m3u8", "a=b")
	f.Add("//", "/~", "to%6ben=x&%zz=x")
	f.Fuzz(func(t *testing.T, before, after, query string) {
		const secret = "1800000000.SECRETSECRETSECRET"
		if strings.Contains(before+after+query, "SECRET") {
			return
		}
		u := &url.URL{Path: before + "/~" + secret + "/" + after, RawQuery: query + "&nor=" + secret + "&token=" + secret}
		if got := target(u); strings.Contains(got, "SECRET") {
			t.Fatal(got)
		}
	})
}

// Streams that everybody may watch pay nothing for those that are signed.
func TestPublicStreamsPayNothing(t *testing.T) {
	g, _ := playing(t, 3, signing(map[string]pass.Rules{"empty": {Signed: true}}))
	st, err := g.streams.find(t.Context(), "live")
	require.NoError(t, err)
	x := &exchange{w: &sink{h: http.Header{}}, r: httptest.NewRequest(http.MethodGet, "/live/live/index.m3u8", nil), group: g.groups.playlist}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := g.admit(x, st); err != nil {
			panic(fmt.Sprint(err))
		}
	}))
}
