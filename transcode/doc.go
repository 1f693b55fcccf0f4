// Package transcode makes the rungs of a ladder.
//
// A Transcoder is shared by all streams: it finds ffmpeg, proves its encoders,
// measures what the machine can encode, and keeps the books of what the streams
// take of that. A Ladder is one broadcast's: it stands between ingest and the
// packager as a media.Sink, hands every sample on first, and then puts it into
// a backlog of bounded size, from which an engine feeds a supervised ffmpeg,
// one ISO BMFF fragment for each access unit (ISO/IEC 14496-12 §8.8). What comes
// back is known by its PTS, and goes to the packager as samples of a media.Rung,
// on the same clock as the source's.
//
//	on air  ─▶ Ladder ─┬─────────────────────────────▶ media.Base
//	                   └─▶ backlog ─▶ ffmpeg ─▶ outlets ─▶ media.Rung, one each
//
// ffmpeg sees times of the feed's own clock (feedClock), so that a publisher's
// that jumps, or begins anew, never reaches it: the same process goes on over
// epochs and changes of the picture's size, as long as the plan is the same. A
// process that crashed or hangs is started again from the backlog, and each
// rung goes on with the very frame after its last one.
//
// A publisher that sends its picture in several sizes has a ladder already: the
// sizes beside the first go to the packager as rungs, in time with it, and nothing
// is encoded (own.go).
//
// Where the source can't be shown as it is, it goes to the engine only, and the
// highest rung leads in its place (hidden.go). Sound that browsers don't know, MP3,
// AC-3 and E-AC-3, becomes AAC in a process of its own (sound.go, hearing.go). A rung
// that the machine can't keep up with is dropped, one that it has no room for is left
// out, and both are tried again later (watch.go).
//
// Timed metadata goes to the packager as it is, with the run that it belongs to
// (events.go). Closed captions don't go through ffmpeg: they are put into what comes
// back (captions.go).
//
// In go the calls of media.Sink, as one session would make them. They are those of
// whoever is on air, the primary, the backup or a slate: a change is another Begin, and
// from each Begin to the next it's a run. Out come the same calls to a media.Base, and rungs through it. A crash, a hang or a slow
// machine costs rungs: no call of the Sink waits for ffmpeg, but for an end
// without a source to show (turnLimit, endLimit), and no error of a rung comes out
// of one.
//
// A Transcoder may be used by any number of goroutines at once, a Ladder's Sink by one
// after the other. No constructor starts a goroutine. Those of a Ladder start
// with its first picture and may outlive the broadcast by drainLimit; Serve waits
// for them. Limits are in limits.go.
package transcode
