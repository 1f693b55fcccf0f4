// Package onair decides which of a stream's publishers its viewers see: the primary, a
// backup that runs hot beside it, or, where neither sends, a slate.
//
//	primary's session ─▶ Input ─┐
//	backup's session  ─▶ Input ─┼─▶ output: the ladder, and behind it the packager
//	slate's player    ─▶ Input ─┘
//
// A Control has an air for each stream that is being published. In go the calls of
// media.Sink, of each session on an input of its own; out come the same calls to one
// Sink, as if they were one session's: a change is a Begin on it, so it costs one seam.
//
// The media of whoever is on air passes through by its own goroutine, without a queue
// or a copy. What isn't on air keeps its newest GOP, bounded in bytes and time, and
// goes on air with that. Only one goroutine at a time calls the output (air.turn), and
// nobody waits for it but who ends a broadcast, so no publisher holds up another.
//
// Two publishers' clocks have nothing to do with each other. The wall clock ties them:
// media is taken to have the time at which it arrived. Where a GOP that was held began
// before what viewers have seen ended, its pictures up to there are needed to decode the
// others, and get next to no time (seam.go). So no time steps back, nothing overlaps, no
// date lies in the future, and a gap is as long as it was.
//
// Slates are asked for at the rate at which a publisher's pictures come (pace.go), while it
// publishes.
//
// Inputs are used by one goroutine each, a Control by any number. Serve owns the
// goroutines that play slates, and ends broadcasts whose grace is over. Limits are in
// limits.go.
package onair
