package e2e

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"
)

// plainPage serves the page of a build without the front end, in front of the
// gateway under test, which may well have one. It calls offline whenever the
// gateway has no such playlist yet, and gives the page's address.
func (g *gateway) plainPage(offline func()) string {
	g.t.Helper()
	page, err := template.ParseFiles(filepath.Join(uiFolder, "plain.html"))
	require.NoError(g.t, err)
	script, err := os.ReadFile(filepath.Join(uiFolder, "plain.js"))
	require.NoError(g.t, err)
	view := map[string]any{"Title": "live", "Kind": "watch", "HLS": "/live/live/index.m3u8",
		"Style": "", "Inline": template.JS(script)}

	rest := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: g.http})
	rest.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusNotFound && r.Request.URL.Path == view["HLS"] {
			offline()
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/", rest)
	mux.HandleFunc("GET /watch/live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(w, view); err != nil {
			g.t.Errorf("render the plain page: %v", err)
		}
	})
	s := httptest.NewServer(mux)
	g.t.Cleanup(s.Close)
	return s.URL + "/watch/live"
}
