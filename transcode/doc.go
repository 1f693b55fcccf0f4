// Package transcode makes the rungs of a ladder.
//
// A Transcoder is shared by all streams: it finds ffmpeg, proves its encoders,
// measures what the machine can encode, and keeps the books of what the streams
// take of that. A Ladder is one session's: it stands between ingest and the
// packager as a media.Sink, hands every sample on first, and then puts it into
// a backlog of bounded size, from which an engine feeds a supervised ffmpeg.
// What comes back is known by its PTS, and goes to the packager as samples of a
// media.Rung, on the same clock as the source's.
//
// In go the calls of media.Sink, one session at a time for each stream; out come
// the same calls to a media.Base, and rungs through it. A crash, a hang or a slow
// machine costs rungs: no call of the Sink ever waits for ffmpeg, and no error
// of a rung ever comes out of one.
//
// A Transcoder may be used by any number of goroutines at once, a Ladder by one
// session at a time. No constructor starts a goroutine. Those of a Ladder start
// with its first picture and may outlive the session by limits.go's drainLimit;
// Serve waits for them.
package transcode
