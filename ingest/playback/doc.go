// Package playback makes RTMP messages of what a stream's timeline holds: the tags
// of the FLV format, in the order of their decode times, with the metadata and the
// configurations that go before them.
//
// It implements the sending side of "Adobe's Real Time Messaging Protocol" 1.0,
// section 7.1, "Adobe Flash Video File Format Specification" 10.1, sections E.4.2,
// E.4.3 and E.5, and "Enhanced RTMP" v2 for codecs that FLV has no number for: those
// go only to clients that said in connect that they can receive them.
//
// In goes a timeline.Timeline, again and again; out come the messages that a Player
// has not given before. It starts at the newest keyframe, follows one rendition of
// video and one of sound over all epochs, and gives times in milliseconds that go on
// from one epoch to the next, with the wall time between them. Who falls behind is
// taken to the newest keyframe: the journal is the queue, so nothing is held for
// anybody beyond the part that is being sent.
//
// Decode times in fragments were moved so that a segment's first one is its earliest
// presentation time (package cmaf). They are moved back here: those of what leads by as
// much as they were moved, so that they come out as they were published, those of a
// rung by its least composition offset, so that no tag has a negative one.
//
// Events in front of fragments (cmaf.EventMessage) that are script tags' text are script tags
// again, in front of the first tag that isn't earlier than they are; user data is in the
// pictures anyway. Splices of the timeline are told once they are known, by Adobe Primetime's
// onAdCue with their section, whose own time means nothing on this clock.
//
// A Player belongs to one goroutine. It keeps no bytes but those of its last call, and
// waits for nothing.
package playback
