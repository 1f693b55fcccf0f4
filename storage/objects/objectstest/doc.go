// Package objectstest is the suite that every backend of objects passes. It tests
// what package objects promises: whole objects or none, ranges, absent ones, lists
// during writes, contexts, and that what was put is there after a restart.
//
// A backend calls Run with a function that opens it on a place; opening the same
// place again, after stop, must show what was put before.
package objectstest
