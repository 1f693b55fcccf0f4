// Package objects is where media goes that outlives memory: blobs under keys, on a
// disk or in a bucket.
//
// A blob is written once as a whole and read in ranges. What uses a Store knows
// nothing of where it is: it copes with a Put that takes long or fails, and keeps
// its own record of what it has put, since listing is for starts and for repairs.
// Package objectstest holds the suite that every backend passes.
//
// All methods of a Store may be called at once. Of one key, though, one Put or
// Delete is called at a time: who owns a key orders what it does to it.
package objects
