package ui

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/url"
)

// Page says what a page shows.
type Page struct {
	Stream string // the stream's public name, as in /live/{stream}/
	Title  string // what people read; empty: the name
	Embed  bool   // the form for iframes: the player alone, filling the frame
	Token  string // in the URLs of a stream that is signed; empty: none
	// Ancestors are the pages that may have the form for iframes in one, as frame-ancestors
	// has them (CSP 3 §6.4.2); empty: all.
	Ancestors string
}

var (
	//go:embed page.html
	pageHTML string
	//go:embed plain.html
	plainHTML string
	//go:embed plain.css
	plainCSS string
	//go:embed plain.js
	plainJS string

	pageTemplate  = template.Must(template.New("page").Parse(pageHTML))
	plainTemplate = template.Must(template.New("plain").Parse(plainHTML))

	// These let the policy allow exactly the plain page's own style and script.
	plainStyleHash  = sourceHash(plainCSS)
	plainScriptHash = sourceHash(plainJS)
)

// sourceHash is how a Content-Security-Policy allows one inline script or style.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// view is what the templates read.
type view struct {
	Stream   string
	Title    string
	Token    string
	Kind     string // "watch" or "embed"
	HLS      string
	Script   string
	Preloads []string
	Styles   []string
	Icon     string
	Style    template.CSS // the plain page's
	Inline   template.JS  // the plain page's
}

// live is where the stream is.
func (p Page) live() string {
	at := "/live/" + url.PathEscape(p.Stream)
	if p.Token != "" {
		at += "/~" + url.PathEscape(p.Token)
	}
	return at
}

func (s site) render(w io.Writer, p Page) error {
	v := view{
		Stream:   p.Stream,
		Title:    p.Title,
		Kind:     "watch",
		Token:    p.Token,
		HLS:      p.live() + "/index.m3u8",
		Script:   s.script,
		Preloads: s.preloads,
		Styles:   s.styles,
		Icon:     s.icon,
		Style:    template.CSS(plainCSS),
		Inline:   template.JS(plainJS),
	}
	if v.Title == "" {
		v.Title = p.Stream
	}
	if p.Embed {
		v.Kind = "embed"
	}
	t := plainTemplate
	if s.built() {
		t = pageTemplate
	}
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("render %s page: %w", v.Kind, err)
	}
	return nil
}
