package timeline

import (
	"time"

	"sluice/media"
)

// Origin is where every epoch's media clock starts: room for the decode times
// and audio priming that lie before the first picture.
const Origin = 10 * time.Second

// RenditionID names a rendition in URLs: a single path element.
type RenditionID string

// The renditions that a publisher's own samples give.
const (
	Source RenditionID = "source" // the video as it was published
	Audio  RenditionID = "audio"
)

// Entry is one record of a live stream. The order that Apply demands: an
// EpochStarted, then an InitWritten for each of its renditions, then their
// parts, and at last EpochEnded. CaptionsFound comes in an open epoch. Every segment that has a part is closed before
// its epoch ends. TargetsFixed comes once a broadcast, at any time in an
// epoch; EpochDated, if at all, before manifests can have told of the epoch;
// StreamEnded and then Cleared come after the last epoch's end.
//
// A rendition that follows, a rung, joins an open epoch by RenditionJoined and
// an InitWritten. It may still have parts of that epoch when the epoch has ended
// and another has begun, until it joins that one, leaves, or the stream ends.
type Entry interface{ entry() }

// EpochStarted begins an epoch, and a new broadcast where the stream had ended.
type EpochStarted struct {
	Epoch  uint64    // at least Timeline.Next.Epoch
	At     time.Time // the server's clock at the epoch's first sample
	Window time.Duration
	Tracks []RenditionTrack // video first
	// Delay is how much later the leading rendition's decode times are than the
	// publisher's were, beside its presentation times: the first picture's composition
	// offset, taken out so that tfdt is the earliest presentation time.
	Delay time.Duration
	// Expected are the renditions that will join. Manifests of a broadcast that
	// begins wait a little for those that are sure to.
	Expected []ExpectedRendition
}

// ExpectedRendition is one that will join an epoch, or may.
type ExpectedRendition struct {
	Rendition RenditionID
	Kind      media.Kind
	Maybe     bool
}

// RenditionJoined adds a rendition to the open epoch: one that is made from the
// leading one, has its segments with the same MSNs and start times, and comes
// behind it. MSN is its first segment. Segments of it between its last one and
// MSN are gone for good: it is listed from MSN on, unless they are none.
type RenditionJoined struct {
	Epoch uint64
	RenditionTrack
	MSN uint64
}

// RenditionLeft takes a rendition that joined out: manifests don't name it any
// more, and its playlist is gone. Its segments can be fetched as long as others.
type RenditionLeft struct {
	Rendition RenditionID
	At        time.Time
}

// RenditionTrack is a track under the name that URLs give it.
type RenditionTrack struct {
	Rendition RenditionID
	Track     media.Track
}

// InitWritten gives a rendition's init segment. Where the parameters haven't
// changed since the rendition's last epoch, Data is the very same slice, Epoch
// is the present one, and InitEpoch the one under whose URL it was published
// first; else InitEpoch equals Epoch.
type InitWritten struct {
	Epoch     uint64
	InitEpoch uint64
	Rendition RenditionID
	Data      []byte
}

// EpochDated corrects EpochStarted.At, and moves all times that the epoch's
// entries have given since as far: what came first had waited at the publisher,
// as the samples after it show.
type EpochDated struct {
	Epoch uint64
	At    time.Time
}

// CaptionsFound adds closed captions to what the broadcast is known to have: they came
// in the leading rendition's pictures.
type CaptionsFound struct {
	Epoch    uint64
	Captions media.Captions
}

// TargetsFixed fixes what manifests promise for the rest of the broadcast.
type TargetsFixed struct{ Targets Targets }

// Targets are promises that never change while a broadcast lasts
// (RFC 8216bis §4.4.3.1, §4.4.3.7, §4.4.3.8).
type Targets struct {
	Segment      time.Duration // EXT-X-TARGETDURATION, whole seconds
	Part         time.Duration // PART-TARGET: no part is longer
	HoldBack     time.Duration // HOLD-BACK
	PartHoldBack time.Duration // PART-HOLD-BACK
	// Lag is how far renditions that join are behind the leading one; PartHoldBack
	// has it in it. Zero where none is expected.
	Lag time.Duration
}

// PartWritten publishes a part. Index 0 opens the segment MSN, which must be
// the rendition's next; the others follow in order.
type PartWritten struct {
	Epoch     uint64
	Rendition RenditionID
	MSN       uint64
	Index     int
	Part      Part
}

// SegmentClosed says that the rendition's open segment has all its parts. For
// a segment that no part has opened it records a gap: nothing came for this
// rendition while the others went on, so that MSNs stay aligned and
// consecutive. Start and Time are used for gaps only; a rendition that is not
// in the epoch may have gaps in it too.
type SegmentClosed struct {
	Epoch     uint64
	Rendition RenditionID
	MSN       uint64
	Duration  media.Ticks // to the next segment's start where that is known
	Start     media.Ticks
	Time      time.Time
}

// SpliceMarked marks a splice in an epoch that the timeline still has, be it ahead of
// the media, once manifests may tell of the epoch's times: EpochDated can't follow.
type SpliceMarked struct{ Splice Splice }

// SpliceEnded says where a break ended, in this epoch or a later one.
type SpliceEnded struct {
	ID  string
	End SpliceEnd
}

// SpliceCancelled takes a splice back.
type SpliceCancelled struct{ ID string }

// SegmentStored says that the bytes of a whole segment are in storage, and need not be in
// memory any more: the timeline lets go of them. It may come in any state, and not from
// the stream's writer: as SegmentLost and WindowCut do, from who keeps its media. One of a
// segment that isn't there any more is out of order, and has nothing to say then.
type SegmentStored struct {
	Rendition RenditionID
	MSN       uint64
}

// SegmentLost says that the bytes of a whole segment had to go and are nowhere else.
// Manifests that have listed it say from now on that it's missing.
type SegmentLost struct {
	Rendition RenditionID
	MSN       uint64
}

// WindowCut takes the oldest segments out before the window's length does: manifests list
// none before First, which leaves them some, and none before Kept can be fetched. Either
// may have gone further already.
type WindowCut struct{ First, Kept uint64 }

// EpochEnded ends an epoch: the publisher is gone, or its media changed.
type EpochEnded struct {
	Epoch uint64
	At    time.Time
	// Shown is the media time at which the newest of the leading rendition's pictures
	// ends. It is after the last segment's end where the publisher has left out pictures
	// that are shown before it; what trails goes on until there. Zero if unknown.
	Shown time.Duration
}

// StreamEnded ends the broadcast: no epoch of it follows.
type StreamEnded struct{ At time.Time }

// Cleared drops everything that an ended broadcast left.
type Cleared struct{}

func (EpochStarted) entry()    {}
func (InitWritten) entry()     {}
func (EpochDated) entry()      {}
func (RenditionJoined) entry() {}
func (RenditionLeft) entry()   {}
func (CaptionsFound) entry()   {}
func (TargetsFixed) entry()    {}
func (PartWritten) entry()     {}
func (SegmentClosed) entry()   {}
func (SpliceMarked) entry()    {}
func (SpliceEnded) entry()     {}
func (SpliceCancelled) entry() {}
func (SegmentStored) entry()   {}
func (SegmentLost) entry()     {}
func (WindowCut) entry()       {}
func (EpochEnded) entry()      {}
func (StreamEnded) entry()     {}
func (Cleared) entry()         {}
