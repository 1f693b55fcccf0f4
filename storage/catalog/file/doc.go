// Package file keeps the catalog in one JSON document, catalog.json in the data
// folder: the default for one machine with up to some thousands of streams.
//
// The document is written as a whole: temporary file, fsync, rename, fsync of
// the folder. It is read strictly: an unknown field is an error, since it may be
// one that a later version needs. Its form:
//
//	version   1
//	streams   list, sorted by name
//	  name, keys (SHA-256, hexadecimal), created (RFC 3339),
//	  segment, part, window (as in "200ms"; left out for the default)
//	numbers   by stream name: the next free epoch and msn; kept for removed streams
//
// A Catalog may be used by any number of goroutines at once; reading takes no
// lock. Only one process may have a data folder open (flock; on Windows a lock
// on the file): a second one gets an error that says so.
package file
