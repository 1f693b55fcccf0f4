// Package packager cuts samples into parts and segments and appends them to a
// stream's journal.
//
// In go the calls of media.Base, one session at a time for each stream, and those
// of the rungs that are made from it; out come the entries of package timeline, and
// with them CMAF fragments (package cmaf). The rules are those of RFC 8216bis
// §4.4.4.9 and §6.2.2 for parts and segments, of ISO/IEC 23000-19 §7.3 for aligned
// tracks, and these:
//
//   - An epoch starts with the first picture that a decoder can start at, which
//     stands at timeline.Origin on the media clock; earlier samples are dropped.
//   - The leading rendition, video where there is one, decides where segments
//     start: at sync samples only (cutter). The others follow at the frame
//     boundary nearest to it, under the same MSNs, at most a segment behind.
//   - A rung joins an epoch at the start of a segment, follows the leading
//     rendition's bounds exactly, and ends after it (rungs, trail): what a jump
//     of the clock or a reconnect finds in a transcoder still comes. It is a few
//     segments behind at most (maxRungBehind): as long as players are sent
//     elsewhere, a process that hung or died is caught up with. What it misses
//     then is a gap.
//   - A part is written the moment its last sample arrives: it never waits for
//     the next one.
//   - Timed metadata stands in front of the part of its time, in every rendition of the
//     leading kind, with the epoch's clock; what comes late, in front of the next part,
//     and what comes early waits (events).
//   - A splice is an entry, dated once (splice, cue); segments start at it where there
//     is a keyframe.
//   - The leading pictures are looked through for closed captions (captions); what is
//     found is an entry.
//   - What the manifests promise is fixed once a broadcast (targets).
//   - Wall time is the server's, and follows the encoder's drift (wallClock).
//
// A Packager and its Streams may be used by any number of goroutines at once; a
// Stream's Sink methods are called by one session at a time, a rung's by one
// goroutine at a time. No constructor starts a goroutine; Serve must run for
// streams to end after their grace time.
// A sample that can't be right is repaired or dropped and counted, never a
// panic; limits.go names the limits.
package packager
