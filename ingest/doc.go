// Package ingest takes in what broadcasters publish over RTMP and RTMPS, and
// hands it on as samples; and it plays streams to those who ask for them there.
//
// It implements the server's side of "Adobe's Real Time Messaging Protocol" 1.0,
// section 7.2, on top of the layers below it (handshake, chunk, amf0, message,
// flv, id3), with the custom of the field where that document is silent:
// releaseStream, FCPublish, onFCPublish and their kin are Flash Media Server's.
// TLS is RFC 8446 and RFC 5246. Of "Enhanced RTMP" v2 it takes every codec but VP8
// and H.266, several tracks of each kind, and nanoseconds of timestamps, answers
// connect's capabilities, and asks clients that can to reconnect when it ends.
//
// In go listeners, an Admitter that decides who may publish what, Viewers that say who
// may play what, and Limits;
// out come calls of the media.Sink that the Admitter gave: Begin once the tracks
// are known, WriteSample for each access unit, End when the session is over. A
// sample refers to the bytes that were read from the connection: they are not
// copied in between, and never written again. Whether a decoder can start at it is
// what its bitstream says. Script tags other than onMetaData, and user data in the
// pictures' SEI, become media.Events with an ID3 tag, or those of SCTE 35 where they
// tell of a splice (events.go): WriteEvent's calls.
//
// Each connection has one goroutine, which reads, answers and calls the Sink.
// Serve starts it and waits for it. While a connection plays, it has a second one, which
// follows the stream's feed (package playback) and alone writes; the first waits for
// it. A stream has one session at a time, and one more where its Grant says that it's
// the backup; another of the same kind takes over when the owner has fallen silent, and
// is refused while it has not, unless Options.Newest lets it take over at once (see
// owners). A Grant may end while its session is live (see Grant.Bind). All methods
// of Server may be called at once. What a session sends is measured (package
// vitals): Status tells of it.
//
// Whatever a peer can make this package hold or wait for is bounded by Limits.
// A breach, or a panic, ends that session alone, with one log line. A stream key
// is a Key, which redacts itself.
package ingest
