// Package catalogtest is the suite that every backend of the catalog passes.
//
// A backend's test calls Run with a function that opens it on a folder; opening
// the same folder again, after Close, must show what was stored before.
package catalogtest
