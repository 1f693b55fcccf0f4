// Package stills lays out the still pictures of a stream: which there are, how large they
// are, and where players find them.
//
// A still is the keyframe that a segment of an epoch's leading rendition begins with, so it
// has that segment's number. PerSheet of them lie side by side on a sheet; an epoch's sheets are
// numbered from 0, in the order of its segments. A sheet is listed once all of its segments
// are there; it, too, then means the same bytes for ever.
//
// All is pure: a timeline goes in, and out come a WebVTT file (AppendVTT; W3C WebVTT §4, with
// Media Fragments URI 1.0 §4.2.2 for the place on a sheet), and what a picture is to be made of
// (Job). Nothing here decodes one, reads a clock or keeps a state; any number of goroutines may
// call at once.
//
// # URLs
//
// Relative to the stream's folder, as players resolve them,
// where {a} is the anchor's first segment:
//
//	poster.jpg
//	thumbnails.vtt
//	thumbnails/{epoch}/{n}.jpg
//	thumbnails/{epoch}/sheet-{a}-{s}.jpg
package stills
