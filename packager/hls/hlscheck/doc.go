// Package hlscheck is a strict checker of HLS playlists as they are served over
// time.
//
// What goes in is what a viewer fetches: an Observer is given each playlist
// with its URL and its time, and, where the caller has them, the sizes of media
// and whether a part has a sync sample. What comes out is a list of violations,
// each of one rule with an id, its source, and the line. The checker reads
// nothing by itself: it opens no connection and looks at no clock.
//
// The rules are those of RFC 8216bis (draft 22) that can be seen from outside,
// those of the HLS authoring specification for Apple devices about live streams
// ("Apple" and a number), and a few of this project's own, marked as such: the
// renditions of a stream number their segments alike, and no date lies in the
// future. Rules lists all of them. The checker assumes live streams without
// encryption; it knows every tag, and checks the grammar of each.
//
// Segments in MPEG-TS are checked by Transport: their packets, tables, counters and
// clocks (ISO/IEC 13818-1).
//
// Parse reads a single playlist, and can be used alone. An Observer watches one
// stream: its multivariant playlist says which media playlists belong together.
// What it can't tell from a fault it leaves alone: that a publisher is away (no
// new segment in time), or that a delta update came to a viewer that was.
//
// All methods of an Observer may be called at once. It keeps the newest state of
// each playlist, a bounded history of segments (maxHistory), and a bounded
// number of violations (maxViolations); a body longer than maxBody is refused.
package hlscheck
