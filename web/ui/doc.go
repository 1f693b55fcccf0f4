// Package ui is the player's front end: its source (TypeScript, beside this
// file), the files that vite builds from it into dist/app, embedded here, and
// the HTML pages that load them.
//
// It is a pure room: a Page goes in, HTML comes out; no handler, no goroutine,
// no clock. The web room decides the URLs, with three things to keep to: the
// files of Assets are served under /assets/ (their names hold a hash of their
// content, so they are immutable), the pages go out with the header that
// ContentSecurityPolicy gives, and the player reads /api/v1/streams/{stream}
// and /live/{stream}/ of the page's own origin.
//
// `go build` works before the front end is built, or without it: the page is
// then a plain video element that plays HLS as Safari and Chromium do by
// themselves, starts over when they give up, and says how to get the whole one.
//
// All functions may be called by many goroutines at once.
package ui
