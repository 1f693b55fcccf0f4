package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// assetsPrefix is where the web room serves Assets. vite.config.ts builds the
// same prefix into the scripts.
const assetsPrefix = "/assets/"

// The sources that the page names by themselves, as vite's manifest keys them.
const (
	entrySource = "src/main.tsx"
	iconSource  = "src/brand/mark.svg"
)

// site is one build of the front end: its files, and the URLs a page loads.
type site struct {
	assets   fs.FS
	script   string   // the module that starts the player; empty: not built
	preloads []string // modules that script imports at once
	styles   []string
	icon     string
}

// chunk is an entry of vite's manifest, as far as pages need it.
type chunk struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
}

// load reads the build under dist/app. A build that is absent, or whose
// manifest names no entry, gives a site that is not built.
func load(dist fs.FS) site {
	app, err := fs.Sub(dist, "dist/app")
	if err != nil {
		return site{assets: dist}
	}
	s := site{assets: app}
	chunks, err := readManifest(app)
	if err != nil {
		return s
	}
	entry := chunks[entrySource]
	s.collect(chunks, entry, map[string]bool{})
	s.script = assetsPrefix + entry.File
	if icon, ok := chunks[iconSource]; ok {
		s.icon = assetsPrefix + icon.File
	}
	return s
}

func readManifest(app fs.FS) (map[string]chunk, error) {
	raw, err := fs.ReadFile(app, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("read front end manifest: %w", err)
	}
	var chunks map[string]chunk
	if err := json.Unmarshal(raw, &chunks); err != nil {
		return nil, fmt.Errorf("parse front end manifest: %w", err)
	}
	entry, ok := chunks[entrySource]
	if !ok || entry.File == "" {
		return nil, fmt.Errorf("front end manifest has no %s", entrySource)
	}
	if _, err := fs.Stat(app, entry.File); err != nil {
		return nil, fmt.Errorf("find front end entry: %w", err)
	}
	return chunks, nil
}

// collect adds what c loads at once, imports before importers: styles cascade
// in that order.
func (s *site) collect(chunks map[string]chunk, c chunk, seen map[string]bool) {
	for _, name := range c.Imports {
		if seen[name] {
			continue
		}
		seen[name] = true
		imported := chunks[name]
		s.collect(chunks, imported, seen)
		s.preloads = append(s.preloads, assetsPrefix+imported.File)
	}
	for _, file := range c.CSS {
		if url := assetsPrefix + file; !slices.Contains(s.styles, url) {
			s.styles = append(s.styles, url)
		}
	}
}

func (s site) built() bool { return s.script != "" }

// policy allows what the page does, and no more: blob: is how Media Source
// Extensions feed a video element.
func (s site) policy(p Page) string {
	script, style := "'self'", "'self'"
	if !s.built() {
		script, style = plainScriptHash, plainStyleHash
	}
	ancestors := "'self'"
	if p.Embed {
		ancestors = cmp.Or(p.Ancestors, "*")
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + script,
		"style-src " + style,
		"img-src 'self'",
		"media-src 'self' blob:",
		"connect-src 'self'",
		"worker-src 'self' blob:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + ancestors,
	}, "; ")
}
