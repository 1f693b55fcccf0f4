package media

import (
	"context"
	"time"
)

// Base is a Sink whose stream can be offered in further renditions, made from
// the samples that it was given: the rungs of a ladder, or sound in another
// codec. What comes through the Sink leads: it decides where epochs and
// segments start, and no rung ever delays it.
type Base interface {
	Sink
	// Expect announces the rungs of the epochs that start from now on. It is
	// called before Begin, by the same goroutine. What isn't expected can't
	// be opened.
	Expect(Expectation)
	// Placed tells where the newest sample of the leading track went. It is
	// false where that sample was dropped, as those before the first keyframe
	// are. Called by the goroutine that calls WriteSample.
	Placed() (Place, bool)
	// Open returns the way in for a rung of an epoch that has begun. The track's
	// Name is the rung's.
	Open(t Track) Rung
}

// Rung takes one rung's samples. One goroutine calls it at a time. Every
// method may find that the stream is closed, and then returns an error after
// which nothing works any more.
type Rung interface {
	// WriteSample hands on a sample of that epoch, with its times on the epoch's
	// clock (Place), in the track's timescale. Samples come in rising order; CTSOffset
	// is 0 where a decoder may start, and elsewhere too unless there are B-frames. arrived is when the source's sample that it was made
	// from was read. Of an epoch's beginning, or after samples are missing, what
	// comes before the next start of a segment is dropped; what comes for a
	// segment that is closed already, too. A later epoch's sample ends the epoch
	// before for this rung.
	WriteSample(ctx context.Context, epoch uint64, s Sample, arrived time.Time) error
	// End says that all the rung has of that epoch has been written. Until
	// then the rung may go on although the epoch has ended for the leading
	// track. A later epoch's samples may follow.
	End(ctx context.Context, epoch uint64) error
	// Leave takes the rung out of the stream: manifests stop naming it, and its
	// players are told to move on. Samples that come later bring it back.
	Leave(ctx context.Context) error
}

// Place says how a sample's time becomes its epoch's: PTS plus Shift, both in
// VideoClock ticks where the leading track is video, else in its timescale.
type Place struct {
	Epoch uint64
	Shift Ticks
}

// Expectation is what a ladder is going to add to a stream.
type Expectation struct {
	// Rungs in the order in which manifests are to name them.
	Rungs []ExpectedRung
	// Lag is how far a rung's part is going to be behind the leading track's.
	Lag time.Duration
}

// ExpectedRung is one of them.
type ExpectedRung struct {
	Name string
	Kind Kind
	// Frame is how long a frame lasts where that isn't as in the leading
	// track; zero where it is. It goes into the choice of the part's length.
	Frame time.Duration
	// Maybe says that nobody knows whether it comes, and nobody is to wait for it.
	Maybe bool
}
