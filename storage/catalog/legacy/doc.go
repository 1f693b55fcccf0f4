// Package legacy reads catalog.json, in which earlier releases kept streams and the
// journal's numbers, so that a database can take them over.
//
// In goes a file; out come streams, whose keys have ids made anew. Nothing is written.
package legacy
