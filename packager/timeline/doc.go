// Package timeline is the immutable picture of a stream's live window, and the
// record of entries that it is folded from.
//
// A journal holds the entries of a stream in order; Apply folds one entry into
// a Timeline and returns the next Timeline. Apply is pure: it changes nothing
// it was given, and its cost doesn't depend on the length of the window. A
// Feed hands the newest Timeline to any number of readers without a lock, and
// lets them wait for the next.
//
// Manifest renderers are pure functions of a Timeline. Times inside an epoch
// are Ticks on the epoch's media clock, which starts at Origin; wall time is
// the server's. A URL's {n} is the segment's MSN, {part} its part's index from
// 0, {epoch} the number of the epoch (RFC 8216bis §3, §4.4.3; ISO/IEC 23009-1
// §5.3.2).
package timeline
