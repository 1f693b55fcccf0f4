package ui

import (
	"embed"
	"io"
	"io/fs"
	"sync"
)

// dist holds .gitkeep, and app once `npm run build` has run.
//
//go:embed all:dist
var dist embed.FS

// embedded is the front end this binary was built with.
var embedded = sync.OnceValue(func() site { return load(dist) })

// Built reports whether the binary holds the built front end.
func Built() bool { return embedded().built() }

// Assets is the built front end, rooted at the folder to serve as /assets/:
// scripts, styles and the icon, each with a hash of its content in its name.
// It has no file at all when the front end is not built.
func Assets() fs.FS { return embedded().assets }

// RenderPage writes the HTML of p.
func RenderPage(w io.Writer, p Page) error { return embedded().render(w, p) }

// ContentSecurityPolicy is the header value to send with p: everything from the
// page's own origin, no inline script but the plain page's own, and frames
// elsewhere for the embedded form alone.
func ContentSecurityPolicy(p Page) string { return embedded().policy(p) }
