package media

import (
	"context"
	"time"
)

// Sink takes the samples of one session. One goroutine calls it, in this
// order: Begin, any number of WriteSample and WriteEvent, and again Begin where the
// set of tracks, a codec's parameters or the continuity of the clock changes; at last
// End, exactly once and after any error too.
//
// Samples of one track come in decode order; tracks are interleaved as the
// publisher interleaves them. No call waits for a reader.
type Sink interface {
	// Begin starts an epoch with these tracks; the samples' clock may start anywhere.
	// Several video tracks are one picture in several sizes, with keyframes at the same
	// times: the first leads. Several audio tracks are alternatives.
	Begin(ctx context.Context, tracks []Track) error
	// WriteSample hands on one sample; arrived is when its last byte was read.
	WriteSample(ctx context.Context, id TrackID, s Sample, arrived time.Time) error
	// WriteEvent hands on timed metadata, whose time is on the clock of the samples
	// since the newest Begin. It may come before the samples of its time, which it then
	// waits for, and somewhat after them; one that is too old is dropped and counted.
	WriteEvent(ctx context.Context, e Event) error
	// End says that the session is over: cause is nil where the publisher said so itself.
	End(ctx context.Context, cause error) error
}
