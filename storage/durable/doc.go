// Package durable writes small files so that a crash leaves the old content or
// the new one, never a mixture and never nothing.
//
// In go a path and its bytes; out comes a file that is on the disk once the
// call returns: temporary file in the same folder, fsync, rename, fsync of the
// folder. Any number of goroutines may call at once; for one path the last
// rename wins. It is meant for documents of at most a few megabytes, written as
// a whole. Lock keeps other processes away from what a file stands for.
package durable
