// Package web is the gateway's HTTP side: manifests and media for players and
// CDNs, the player pages, a small JSON API, health and metrics.
//
// What goes in is a journal, whose feeds hold the timelines, and a directory
// of the streams' public names; what comes out is an http.Handler. All routes
// stand in routes.go, all limits in limits.go, and the mapping of errors to
// status codes in errors.go. Manifests are rendered by packages hls and dash,
// at most once for each version of a timeline, and shared by all who ask, the
// compressed form included.
//
// Implemented here: RFC 9110 (conditional requests §13, ranges §14, negotiation
// of encodings §12.5.3), RFC 9111 (Cache-Control of each kind), the server's
// side of RFC 8216bis §6.2.5 (delivery directives) and B.1, and of DASH low
// latency (open segments in chunks, the MPD's long poll).
//
// What players say of themselves (CMCD, CTA-5004) is read by package cmcd, and counted for
// each stream and rendition; it changes no answer.
//
// Segments of MPEG-TS are made here when they are asked for: each once for all who ask at
// the same time, by the goroutine of one of them, and kept within a bound.
//
// Posters and thumbnails are laid out by package stills and made by whoever Options.Stills is,
// which bounds what that takes; here they are waited for.
//
// Streams may be signed (package pass): the same URLs then have a token in their path,
// which no answer depends on but a refusal, and no log shows.
//
// OBS's request for the configuration of multitrack video is answered in the form of
// its GetClientConfiguration, schemas 2024-06-04 and 2025-01-25.
//
// A request that waits for media to come costs its own goroutine and a timer,
// and ends with its client, with its time, or with the server's shutdown.
// Waiting takes no lock: see timeline.Feed.
//
// Everything exported may be used by any number of goroutines at once. No
// goroutine is started here.
package web
