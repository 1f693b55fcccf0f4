// Package sqlite keeps the catalog in catalog.db in the data folder: the default for
// one machine with up to some thousands of streams.
//
// It is a SQLite database in WAL mode (schema.go), read and written without CGO.
// What is committed is on the disk (synchronous=FULL), so neither a killed process
// nor a power cut loses it. Reading doesn't wait for writing. Numbers that are saved
// at once share a commit. The schema has a version; older ones are brought up to
// date at Open, newer ones are refused. A catalog.json of earlier releases is taken
// over once, and kept as catalog.json.migrated.
//
// Open is for the gateway, of which there's one for each folder; OpenBeside is for
// commands that work on the folder meanwhile. A watcher (Changes) sees what this
// process does at once, and asks each second whether another one did something.
//
// A Catalog may be used by any number of goroutines at once. database/sql keeps a
// goroutine for each of its two pools until Close.
package sqlite
