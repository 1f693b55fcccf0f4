// Package chunk takes an RTMP byte stream apart into messages, and puts messages
// together into one.
//
// It implements "Adobe's Real Time Messaging Protocol" 1.0, sections 5.3 and 5.4.1
// and 5.4.2: chunk headers of all four types, chunk stream ids of one to three
// bytes, extended timestamps, Set Chunk Size and Abort. What encoders in the
// field do differently is tolerated where it can be told apart: see header.go.
//
// In go the bytes after the handshake; out come Messages, whose bodies belong to
// the caller and are not touched again: media goes from the source into its final
// place with one copy and one allocation a message. Set Chunk Size and Abort act
// here and are not returned; every other type is, unknown ones too.
//
// A Reader and a Writer each belong to one goroutine at a time; the two of a
// connection are independent. Neither starts a goroutine, and neither knows of
// deadlines: they wait as long as their source and sink do.
//
// Every length that a peer declares is held against Limits before memory is
// taken for it. Errors are sticky: after the first, a Reader parses no more. An
// error is the source's own (io.EOF only between messages, io.ErrUnexpectedEOF
// within one), or wraps ErrMalformed or ErrLimit.
package chunk
