// Package dashcheck is a strict checker of MPDs as they are served over time.
//
// What goes in is what a viewer fetches: an Observer is given each MPD with its
// URL and its times and, where the caller has them, what init segments and
// segments hold and what the clock answers. What comes out is a list of
// violations, each of one rule with an id, its source, and the line. The checker
// reads nothing by itself: it opens no connection and looks at no clock.
//
// The rules are those of ISO/IEC 23009-1 (fifth edition; "§" and a number) that
// can be seen from outside of a live stream of the isoff-live profile with
// SegmentTimeline and $Number$, those of the DASH-IF interoperability guidelines
// ("IOP"), and some of this project's own, marked as such, which keep to what
// dash.js and Shaka were measured to play. Rules lists all of them. What the
// schema allows and this project never writes (BaseURL aside, SegmentList and the
// like) counts as unknown.
//
// The schema (Annex B) is a table of our own: elements, their order and number,
// attributes, whether they are required, and types. MPEG's DASH-MPD.xsd may not be
// copied here, and no module or package that a build can fetch has it. Where it can be
// had, xmllint --schema agrees about the renderer's golden files.
//
// Parse reads a single MPD and can be used alone; Measure reads a segment.
//
// All methods of an Observer may be called at once. What it remembers is bounded
// (limits.go); a body longer than maxBody is refused.
package dashcheck
