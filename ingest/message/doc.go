// Package message gives RTMP's messages their types: what a chunk.Message's body
// means, and the body that a typed message makes.
//
// It implements "Adobe's Real Time Messaging Protocol" 1.0, sections 5.4 and 7.1:
// protocol control, user control, audio, video, data and command messages (the
// AMF 3 forms with their leading byte included), and aggregates. Shared objects
// and types that it does not know become Unknown, to be passed over.
//
// In goes a chunk.Message, out comes a Message, and back. Audio, Video and Unknown
// refer to the body that they were parsed from, without a copy. Values decoded
// from AMF share nothing with it; their limits are package amf0's.
//
// A Parser belongs to one goroutine; everything else is pure. Errors wrap
// ErrMalformed or package amf0's; the connection can go on after any of them,
// since the chunk layer knows where the next message begins.
package message
