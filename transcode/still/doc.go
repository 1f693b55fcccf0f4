// Package still makes the JPEGs that package packager/stills lays out.
//
// Make takes a Job and waits for its picture, any number of goroutines at once. Each picture is
// made once for all who ask, in a process of ffmpeg that decodes its keyframes and ends (package
// ffmpeg). There is at most one such process for single pictures and one for sheets, whatever is
// asked for; what waits is bounded, and forgotten when nobody waits for it any more. So nobody
// who asks can take more from a stream than a small share of a processor that has nothing else to do
// (nice 19) and the memory of two decoders.
//
// What was made is kept within a bound of bytes, and what was asked for longest ago goes first.
// What can't be decoded isn't tried again for a while. Limits are in limits.go.
//
// Serve owns all processes. No constructor starts a goroutine.
package still
