// Package id3 writes and reads ID3 tags as timed metadata carries them: ID3v2.4.0
// ("ID3 tag version 2.4.0 - Main Structure" §3, "Native Frames" §4.2.6, §4.27), with
// the frames that players' libraries hand on as they are, TXXX (text with a
// description) and PRIV (bytes with an owner).
//
// In go names and values; out come tags. All functions are pure. A tag is bounded by
// what its size can say, and Parse by its input. Errors wrap ErrMalformed.
package id3
