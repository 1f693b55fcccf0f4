// Package catalog knows which streams exist and which keys may publish to them.
//
// Store is the contract that every backend keeps; package catalogtest holds the
// suite that every backend passes; package sqlite is the default. Overlay lays
// the streams of the configuration over a Store. A Key is secret: it redacts
// itself wherever it is printed, and a Store only ever sees its hash.
//
// Stores may be used by any number of goroutines at once. Limits are in
// stream.go and streamkey.go.
package catalog
