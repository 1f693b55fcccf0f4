package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"sluice/web/ui"
)

var (
	//go:embed index/index.html
	indexHTML string
	//go:embed index/index.css
	indexCSS string
	//go:embed index/index.js
	indexJS string

	indexTemplate = template.Must(template.New("index").Parse(indexHTML))

	// indexPolicy allows the page its own script and style, and nothing else.
	indexPolicy = []string{strings.Join([]string{
		"default-src 'none'",
		"script-src " + sourceHash(indexJS),
		"style-src " + sourceHash(indexCSS),
		"img-src data:",
		"connect-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")}
)

// sourceHash is how a Content-Security-Policy allows one inline script or style.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// indexView is what the template of / reads.
type indexView struct {
	Summary  string
	Warnings []string // of certificates
	Streams  []indexStream
	CA       bool
	Style    template.CSS
	Script   template.JS
}

type indexStream struct{ Name, State, Detail string }

// index answers /: the streams, their states and their addresses.
func (s *Server) index(x *exchange) error {
	all, err := s.statuses(x)
	if err != nil {
		return err
	}
	v := indexView{CA: len(s.ca) > 0, Warnings: s.certificateWarnings(), Style: template.CSS(indexCSS), Script: template.JS(indexJS)}
	live := 0
	for _, st := range all {
		if st.State == "live" {
			live++
		}
		v.Streams = append(v.Streams, indexStream{Name: st.Name, State: st.State, Detail: detail(st)})
	}
	noun := "streams"
	if len(all) == 1 {
		noun = "stream"
	}
	v.Summary = fmt.Sprintf("%d of %d %s live", live, len(all), noun)
	var b bytes.Buffer
	if err := indexTemplate.Execute(&b, v); err != nil {
		return fmt.Errorf("render index: %w", err)
	}
	return x.page(b.Bytes(), indexPolicy)
}

// detail says in a line what a stream is made of; index.js says the same.
func detail(st status) string {
	var words []string
	var video *renditionStatus
	peak := map[string]uint64{}
	for i, r := range st.Renditions {
		if r.Kind == "video" && video == nil {
			video = &st.Renditions[i]
		}
		peak[r.Kind] = max(peak[r.Kind], r.Bandwidth)
	}
	if video != nil {
		words = append(words, fmt.Sprintf("%d×%d", video.Width, video.Height))
		if video.FPS > 0 {
			rate := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", video.FPS), "0"), ".")
			words = append(words, rate+" fps")
		}
	}
	if rate := peak["video"] + peak["audio"]; rate > 0 {
		words = append(words, fmt.Sprintf("%.1f Mb/s", float64(rate)/1e6))
	}
	if video == nil && len(st.Renditions) > 0 {
		words = append(words, "sound only")
	}
	return strings.Join(words, " · ")
}

// watch answers /watch/{stream}.
func (s *Server) watch(x *exchange) error { return s.player(x, ui.Page{}) }

// embed answers /embed/{stream}.
func (s *Server) embed(x *exchange) error { return s.player(x, ui.Page{Embed: true}) }

func (s *Server) player(x *exchange, p ui.Page) error {
	st, err := s.streams.find(x.r.Context(), x.r.PathValue("stream"))
	if err != nil {
		return err
	}
	if err := s.admit(x, st); err != nil {
		return err
	}
	p.Stream = st.name
	if x.signed {
		p.Token = x.r.PathValue("token")
	}
	if st.rules != nil {
		p.Ancestors = st.rules.Ancestors()
	}
	var b bytes.Buffer
	if err := ui.RenderPage(&b, p); err != nil {
		return err
	}
	return x.page(b.Bytes(), []string{ui.ContentSecurityPolicy(p)})
}

// page answers with HTML.
func (x *exchange) page(body []byte, policy []string) error {
	h := x.w.Header()
	h["Content-Security-Policy"] = policy
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = []string{"same-origin"}
	h["Cache-Control"] = revalidate
	return x.send(http.StatusOK, typeHTML, body)
}
