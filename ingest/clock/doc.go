// Package clock turns FLV timestamps into media time.
//
// FLV counts milliseconds in 32 bits (Adobe Flash Video File Format 10.1, annex
// E.4.1): they wrap after 49.7 days, and a frame of 29.97 Hz has no exact one.
// A Clock unwraps the timestamps of one session's tracks, which share an era
// (media.Sink's epoch); a Video puts a source of constant frame rate back onto
// its frame grid, at 90 kHz, never moving a timestamp by more than a
// millisecond; an Audio counts its frames and keeps the count beside the FLV
// clock. What can't be true is repaired where that costs little (a timestamp
// repeated, or a step back of at most a second) and reported as a Jump where it
// doesn't. Where timestamps stand still while samples go on coming, these are counted:
// pictures by their usual duration, beside the sound where there is some. If the clock
// goes on from where it stood, it is put ahead by what it missed, for all tracks, or
// for the one that stood alone.
//
// In go timestamps in the order of arrival; out come decode times that never
// decrease within an era, composition offsets and nominal durations, each known
// at once: nothing waits for the next sample. The package is pure: there's no
// wall clock, no goroutine, no floating point in what it returns. Values belong
// to one goroutine. Its memory is fixed: a window of timestamps for each video.
package clock
