// Package vitals measures what one publisher sends, for the broadcaster who wants
// to know whether all is well.
//
// In go the tracks, samples and repairs of a session as they pass (Meter); out come
// a Vitals, which holds figures, and Advice, which says in plain words what to
// change. A sample costs some tens of nanoseconds and no allocation; a Meter is as
// large whatever its session does.
//
// Rates are taken over whole seconds of the server's clock. What depends on when
// bytes arrive goes by the earliest of many: a network delays, it never hurries.
// The lead of a track is by how much its media time is ahead of the time that has
// passed since the session began. The difference of two tracks' leads is their
// offset, and the slope of one's lead is what the encoder's clock drifts.
//
// One goroutine feeds a Meter; any may ask it.
package vitals
