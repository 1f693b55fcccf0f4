// Package journaltest is the suite that every journal backend passes. It
// tests what package journal promises: order, visibility, independence of
// streams, writers that wait for nobody, and numbers that rise over restarts.
//
// A backend calls Run with a function that opens it over a store of numbers.
// Everything runs against the real thing; the store is in memory, so that a
// crash can be played: what was saved stays, what wasn't is lost.
package journaltest
