package ui

import (
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const manifest = `{
  "_shared-1.js": {"file": "shared-1.js", "css": ["shared-1.css"]},
  "_deep-1.js": {"file": "deep-1.js", "imports": ["_shared-1.js"]},
  "src/engine/hls.ts": {"file": "hls-1.js", "isDynamicEntry": true, "imports": ["src/main.tsx"]},
  "src/brand/mark.svg": {"file": "mark-1.svg"},
  "src/main.tsx": {"file": "main-1.js", "isEntry": true, "css": ["main-1.css"],
    "imports": ["_shared-1.js", "_deep-1.js"], "dynamicImports": ["src/engine/hls.ts"]}
}`

func builtSite(t *testing.T) site {
	t.Helper()
	s := load(fstest.MapFS{
		"dist/.gitkeep":          {},
		"dist/app/manifest.json": {Data: []byte(manifest)},
		"dist/app/main-1.js":     {Data: []byte("export {}")},
	})
	require.True(t, s.built())
	return s
}

func plainSite(t *testing.T) site {
	t.Helper()
	s := load(fstest.MapFS{"dist/.gitkeep": {}})
	require.False(t, s.built())
	return s
}

func rendered(t *testing.T, s site, p Page) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, s.render(&b, p))
	return b.String()
}

func TestPageLoadsWhatTheManifestNames(t *testing.T) {
	html := rendered(t, builtSite(t), Page{Stream: "live", Title: "Harbour"})

	require.Contains(t, html, `<script type="module" src="/assets/main-1.js"></script>`)
	require.Contains(t, html, `<link rel="icon" type="image/svg+xml" href="/assets/mark-1.svg">`)
	require.Contains(t, html, `data-kind="watch" data-stream="live" data-title="Harbour"`)
	require.Contains(t, html, `<title>Harbour · Sluice</title>`)
	// Imports come before importers, each once; engines are left for later.
	require.Equal(t, []string{"/assets/shared-1.css", "/assets/main-1.css"}, hrefs(html, "stylesheet"))
	require.Equal(t, []string{"/assets/shared-1.js", "/assets/deep-1.js"}, hrefs(html, "modulepreload"))
	require.NotContains(t, html, "hls-1.js")
}

func hrefs(html, rel string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<link rel="`+rel+`" href="([^"]+)">`).FindAllStringSubmatch(html, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestPageOfASignedStream(t *testing.T) {
	for _, p := range []Page{{Stream: "live", Token: "1.a-_"}, {Stream: "live", Token: "1.a-_", Embed: true, Ancestors: "'self' tv.example:*"}} {
		require.Contains(t, rendered(t, builtSite(t), p), `data-stream="live" data-token="1.a-_" data-title="live"`)
		for _, s := range []site{builtSite(t), plainSite(t)} {
			require.Contains(t, rendered(t, s, p), `src="/live/live/~1.a-_/index.m3u8"`)
			require.Equal(t, p.Embed, strings.HasSuffix(s.policy(p), "; frame-ancestors 'self' tv.example:*"))
		}
	}
	require.Contains(t, rendered(t, builtSite(t), Page{Stream: "live", Token: `"><x`}), `data-token="&#34;&gt;&lt;x"`)
	require.NotContains(t, rendered(t, builtSite(t), Page{Stream: "live"}), "data-token")
}

func TestEmbedPage(t *testing.T) {
	for name, s := range map[string]site{"built": builtSite(t), "plain": plainSite(t)} {
		html := rendered(t, s, Page{Stream: "live", Embed: true})
		require.Contains(t, html, `<body class="embed">`, name)
		require.Contains(t, html, `<title>live · Sluice</title>`, name)
		require.NotContains(t, html, "make build", name)
	}
}

func TestPlainPagePlaysAndSaysHowToGetMore(t *testing.T) {
	html := rendered(t, plainSite(t), Page{Stream: "live"})
	require.Contains(t, html, `src="/live/live/index.m3u8"`)
	require.Contains(t, html, "<code>make build</code>")
	require.Equal(t, plainJS, inline(t, html, "script"))
}

// inline gives what stands between the page's only pair of such tags.
func inline(t *testing.T, html, tag string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(html, -1)
	require.Len(t, found, 1)
	return found[0][1]
}

func TestPagesHoldNoInlineScriptButThePlainOnesOwn(t *testing.T) {
	script := regexp.MustCompile(`(?i)<script(?:[^>]*)>\s*[^<\s]`)
	handler := regexp.MustCompile(`(?i)\son[a-z]+=`)
	hostile := Page{Stream: `"><script>alert(1)</script>`, Title: `</title><img src=x onerror="alert(2)">`}
	for name, s := range map[string]site{"built": builtSite(t), "plain": plainSite(t)} {
		for _, embed := range []bool{false, true} {
			hostile.Embed = embed
			html := strings.Replace(rendered(t, s, hostile), plainJS, "", 1)
			require.NotRegexp(t, script, html, name)
			require.NotContains(t, html, "<img", name)
			require.NotContains(t, html, "<script>alert", name)
			require.NotRegexp(t, handler, strings.ReplaceAll(html, "onerror=&#34;", ""), name)
		}
	}
}

func TestStreamNamesAreEscapedInAddresses(t *testing.T) {
	html := rendered(t, plainSite(t), Page{Stream: "a b/c?d"})
	require.Contains(t, html, `src="/live/a%20b%2Fc%3Fd/index.m3u8"`)
}

func TestPolicy(t *testing.T) {
	built, plain := builtSite(t), plainSite(t)

	require.Contains(t, built.policy(Page{}), "frame-ancestors 'self'")
	require.Contains(t, built.policy(Page{Embed: true}), "frame-ancestors *")
	for _, s := range []site{built, plain} {
		policy := s.policy(Page{})
		require.Contains(t, policy, "default-src 'none'")
		require.NotContains(t, policy, "unsafe")
		require.NotContains(t, policy, "http")
	}

	// The plain page's style and script are allowed by their hashes, which must
	// be those of the bytes between the tags.
	html := rendered(t, plain, Page{Stream: "live"})
	for _, tag := range []string{"style", "script"} {
		sum := sha256.Sum256([]byte(inline(t, html, tag)))
		require.Contains(t, plain.policy(Page{}), tag+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	}
}

func TestBrokenBuildsAreNotBuilt(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no manifest":     {"dist/app/main-1.js": {}},
		"not JSON":        {"dist/app/manifest.json": {Data: []byte("{")}},
		"no entry":        {"dist/app/manifest.json": {Data: []byte("{}")}},
		"entry not there": {"dist/app/manifest.json": {Data: []byte(manifest)}},
	} {
		s := load(files)
		require.False(t, s.built(), name)
		require.Contains(t, rendered(t, s, Page{Stream: "live"}), "<video", name)
	}
}

// What this very binary was built with must be whole, whichever it is.
func TestEmbeddedSite(t *testing.T) {
	var b strings.Builder
	require.NoError(t, RenderPage(&b, Page{Stream: "live"}))
	html := b.String()
	require.Equal(t, Built(), strings.Contains(html, `id="sluice"`))

	for _, m := range regexp.MustCompile(`(?:src|href)="/assets/([^"]+)"`).FindAllStringSubmatch(html, -1) {
		_, err := fs.Stat(Assets(), m[1])
		require.NoError(t, err, m[1])
	}
	require.Contains(t, ContentSecurityPolicy(Page{}), "default-src 'none'")
}
