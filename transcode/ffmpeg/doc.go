// Package ffmpeg is the tool that encodes: which one there is, what it can do
// on this machine and what that costs, and one running process of it.
//
// Find looks the binary up and reads its version. Tool.Encoders proves each
// encoder by a trial, Tool.Measure prices the work, and a Store keeps the
// prices. Tool.Start runs a Job: fragments of one track (packager/cmaf, one
// for each access unit) go in through Process.Write; each output comes back as
// NUT (transcode/nut), times kept exactly, from Process.Output.
//
// # Video
//
// The input is fragmented MP4 with a timescale of 90 kHz, parameter sets in
// each IDR picture too; one more init segment is never written. Times are 0 or
// more and may jump forwards; after a jump backwards a new process is needed.
// Each frame comes out with the PTS that it went in with, in every output whose
// Every takes it.
// Without VideoJob.Grid there is an IDR picture at each of the source's sync
// samples; with it, at the first frame of each Grid of feed time; and always
// at an output's first frame. H.264 comes out as Annex B with the parameter
// sets before each IDR picture, without B-frames, in 8 bits 4:2:0.
//
// # Sound
//
// An AudioJob makes AAC of what goes in; see there for who drops what.
//
// # Loops
//
// Tool.StartLoop runs a Loop, which isn't live: pictures that are written to it raw, or a
// file, or silence, encoded once for somebody who plays them over and over. Tool.Inspect
// tells what a file holds. No other file is opened, whatever it refers to by protocol.
//
// # Stills
//
// Tool.Still makes one JPEG of keyframes, in a process at nice 19 that ends with it.
//
// # Processes
//
// A process runs at nice 10 in a group of its own, and ends with the gateway
// (package child). Start's caller reads every output to its end, and calls
// Close at last. Tool, Encoders and Capacity are immutable and may be used by
// any number of goroutines at once; of a Process, Write and CloseInput are for
// one goroutine, each output for one, all else for any. On Windows, which hands
// on no further descriptors, a process has one output and tells no progress.
// Limits are in limits.go.
package ffmpeg
