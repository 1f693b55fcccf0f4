package timeline

import (
	"iter"
	"time"

	"sluice/media"
)

// State is where a stream stands. Permitted: Offline → Live → Away → Live …,
// Away → Ended → Live, Ended → Offline.
type State uint8

// The states of a stream.
const (
	Offline State = iota // nothing to play
	Live                 // an epoch is open
	Away                 // the publisher is gone and may come back
	Ended                // the broadcast is over; its window is still played
)

func (s State) String() string {
	return [...]string{"offline", "live", "away", "ended"}[s]
}

// Numbers are the next ones free. They rise for the life of a stream, across
// broadcasts and restarts of the server.
type Numbers struct{ Epoch, MSN uint64 }

// Timeline is the immutable picture of a stream's live window. A nil pointer
// is not a Timeline: start with New.
type Timeline struct {
	Version uint64 // the number of entries applied
	// Whole is the Version after the newest entry that isn't a part: what is told of
	// whole segments is the same as long as that is.
	Whole   uint64
	State   State
	Next    Numbers
	Window  time.Duration
	Targets Targets // zero until a broadcast's are fixed: no manifest before
	// Since is when State was entered.
	Since time.Time
	// Epochs that still have a segment, and the open one; oldest first.
	Epochs []*Epoch
	// Renditions that still have a segment or belong to the open epoch, in the
	// order in which they first appeared, but rungs in that of the ladder.
	Renditions []*Rendition
	// First is the first MSN that playlists list. Segments from Kept on are
	// still there to be fetched (RFC 8216bis §6.2.2).
	First, Kept uint64
	// Gone is the highest epoch of which nothing is left: what is missing of
	// it was there once.
	Gone uint64

	// Captions are all that the broadcast's pictures have had so far.
	Captions media.Captions

	// Broadcast is the number of the broadcast's first epoch.
	Broadcast uint64

	// Splices are those of the broadcast that manifests tell of, by their time; at most
	// MaxSplices. They go when what they are about has left the playlists, and the oldest,
	// and breaks without an end, when there is no more room.
	Splices []*Splice

	// Longest is the longest that a segment of the broadcast lasted, or took until the
	// next one began.
	Longest time.Duration

	waited   bool          // for the broadcast's rungs, as long as manifests do
	listed   time.Duration // span of the leading rendition's whole segments from First on
	unlisted time.Duration // span of those from Kept to First

	spliceNumber uint32 // of the newest splice
}

// Epoch is a run of media with one set of tracks and one continuous clock.
type Epoch struct {
	Number uint64
	Start  time.Time     // the wall time at which the media clock stood at Origin
	Ended  time.Time     // zero while it is open
	Delay  time.Duration // see EpochStarted
	Shown  time.Duration // see EpochEnded
	// FirstMSN is that of its first segment, in every rendition.
	FirstMSN uint64
	// Tracks are those that it started with, Led of them, and then those that
	// joined, in the order of Expected.
	Tracks   []RenditionTrack
	Led      int
	Expected []ExpectedRendition
	// Anchors are those that still hold for a segment; oldest first, never none.
	Anchors []Anchor
}

// Has reports whether the epoch has a rendition of that name. It may be called
// on nil, which has none.
func (e *Epoch) Has(id RenditionID) bool {
	if e == nil {
		return false
	}
	for _, rt := range e.Tracks {
		if rt.Rendition == id {
			return true
		}
	}
	return false
}

// Rendition is a track's media over all epochs in the window.
type Rendition struct {
	ID       RenditionID
	Track    media.Track // that of the rendition's newest epoch
	Segments Segments    // whole ones, oldest first, from Timeline.Kept on
	Open     *Segment    // nil between segments
	Init     *Init       // that of the newest epoch
	Version  uint64      // the Timeline.Version at which it last changed
	Newest   Position    // of its newest part in this broadcast; MSN 0 before the first
	// PeakBandwidth is the highest bit rate of the broadcast's whole segments,
	// in bits a second, by the rule of RFC 8216bis §4.1; 0 until they last half
	// a target duration. Bytes and Span are those of all of them.
	PeakBandwidth uint64
	Bytes         uint64
	Span          time.Duration
	// PeakKeys and KeyBytes are the same of what Segment.Key tells: of the pictures alone
	// that segments begin with.
	PeakKeys, KeyBytes uint64
	// FrameRate is the highest measured over a whole segment, in frames a
	// second times 1000, 0 for audio and before the first segment.
	FrameRate uint32

	// Epoch is the newest that it belongs to.
	Epoch uint64
	// Follows says that it joins epochs (RenditionJoined) rather than start them.
	Follows bool
	// From is the first MSN of it that may be listed: where it joined after it
	// had been away. Left says that it is away.
	From uint64
	Left bool
	// Behind says that it follows too far behind for its players; see judge.
	Behind bool
	// Back is the newest segment that the others had when it came back in an epoch,
	// after it had been absent: what was told without it isn't told once more.
	Back uint64
}

// Init is an init segment.
type Init struct {
	Epoch uint64 // the one that its URL names
	Data  []byte
	Track media.Track
}

// Segment is immutable; an open one is replaced as its parts arrive.
type Segment struct {
	MSN      uint64
	Epoch    uint64
	Init     *Init
	Start    media.Ticks // the presentation time of its sync sample
	Duration media.Ticks // so far, while it is open
	Time     time.Time   // of Start, on the server's clock (EXT-X-PROGRAM-DATE-TIME)
	Parts    []Part
	Size     int // bytes of all parts
	Closed   bool
	// Stored is there, and Parts isn't, where the bytes are in storage alone. Lost
	// says that they were here once, and are nowhere now.
	Stored *Stored
	Lost   bool
}

// Part is one fragment, addressable by itself.
type Part struct {
	Start       media.Ticks // tfdt, moved as in the whole segment: its first part has the segment's
	Duration    media.Ticks
	Samples     int
	Independent bool      // starts with a sync sample
	Key         int       // bytes of Data to the end of that sample, of a picture; 0 where there is none, or it isn't known
	Last        bool      // likely the last of its segment: keyframes come regularly
	Time        time.Time // of Start, on the server's clock, drift corrected
	Arrived     time.Time // when the last sample's last byte was read
	Data        []byte    // one moof and one mdat
}

// New returns the timeline of a stream of which nothing is known but the next
// free numbers. MSNs and epochs start at 1 where next is zero.
func New(next Numbers) *Timeline {
	next.Epoch, next.MSN = max(next.Epoch, 1), max(next.MSN, 1)
	return &Timeline{Next: next, First: next.MSN, Kept: next.MSN, Gone: next.Epoch - 1}
}

// Rendition returns the rendition of that name, or nil.
func (t *Timeline) Rendition(id RenditionID) *Rendition {
	for _, r := range t.Renditions {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Epoch returns the epoch of that number, or nil.
func (t *Timeline) Epoch(number uint64) *Epoch {
	for _, e := range t.Epochs {
		if e.Number == number {
			return e
		}
	}
	return nil
}

// Current returns the open epoch, or nil.
func (t *Timeline) Current() *Epoch {
	if n := len(t.Epochs); n > 0 && t.Epochs[n-1].Ended.IsZero() {
		return t.Epochs[n-1]
	}
	return nil
}

// Ready reports whether manifests can be rendered.
func (t *Timeline) Ready() bool { return t.Targets.Segment > 0 && len(t.Renditions) > 0 }

// Segment returns the segment of that MSN, open or whole, or nil.
func (r *Rendition) Segment(msn uint64) *Segment {
	if r.Open != nil && r.Open.MSN == msn {
		return r.Open
	}
	return r.Segments.ByMSN(msn)
}

// NextPosition is that of the part that the rendition gets next, if its open
// segment goes on. t is the timeline that r is of.
func (r *Rendition) NextPosition(t *Timeline) Position {
	if r.Open != nil {
		return Position{MSN: r.Open.MSN, Part: len(r.Open.Parts)}
	}
	last := r.Segments.Last()
	if last != nil && last.MSN >= t.First {
		return Position{MSN: max(last.MSN+1, r.From)}
	}
	// The rendition has nothing in this broadcast yet.
	if r.Follows {
		return Position{MSN: max(t.First, r.From)}
	}
	if current := t.Current(); current != nil {
		return Position{MSN: max(t.First, current.FirstMSN)}
	}
	return Position{MSN: t.Next.MSN}
}

// LikelyNext is NextPosition, but that of the next segment where the open one
// has likely got its last part.
func (r *Rendition) LikelyNext(t *Timeline) Position {
	if g := r.Open; g != nil && g.Parts[len(g.Parts)-1].Last {
		return Position{MSN: g.MSN + 1}
	}
	return r.NextPosition(t)
}

// Listed yields the rendition's whole segments that playlists list, oldest
// first; the open one is not among them.
func (r *Rendition) Listed(t *Timeline) iter.Seq[*Segment] {
	return r.Segments.From(max(t.First, r.From))
}

// IsListed reports whether manifests list the rendition: it has media in this
// broadcast, or is of the open epoch, and hasn't left.
func (r *Rendition) IsListed(t *Timeline) bool {
	return !r.Left && (r.Open != nil || r.hasWhole(t) || t.Current().Has(r.ID))
}

// Gap reports whether there is nothing of the segment: nothing came, or it was lost.
func (g *Segment) Gap() bool { return g.Closed && len(g.Parts) == 0 && g.Stored == nil }

// Key is how many bytes of the segment are to be read for the picture that it begins with;
// 0 where it isn't known to begin with one.
func (g *Segment) Key() int {
	if g.Stored != nil {
		return int(g.Stored.Key)
	}
	if len(g.Parts) == 0 {
		return 0
	}
	return g.Parts[0].Key
}

// Timescale returns the timescale of the segment's times; r is its rendition,
// whose timescale may have changed since.
func (g *Segment) Timescale(r *Rendition) media.Timescale {
	if g.Init != nil {
		return g.Init.Track.Timescale
	}
	return r.Track.Timescale
}

// Bytes is how much media the timeline holds in memory.
func (t *Timeline) Bytes() int64 {
	var n int64
	for _, r := range t.Renditions {
		for g := range r.Segments.All() {
			if g.Stored == nil {
				n += int64(g.Size)
			}
		}
		if r.Open != nil {
			n += int64(r.Open.Size)
		}
	}
	return n
}

// Position is a place in a rendition: part Part of segment MSN.
type Position struct {
	MSN  uint64
	Part int
}

// Reached reports whether the part at p exists, or the whole segment where
// p.Part is negative. Parts of past segments count as there, whatever their
// number (RFC 8216bis §6.2.5.2).
func (r *Rendition) Reached(p Position) bool {
	if last := r.Segments.Last(); last != nil && p.MSN <= last.MSN {
		return true
	}
	if r.Open == nil || p.MSN > r.Open.MSN {
		return false
	}
	return p.MSN < r.Open.MSN || p.Part >= 0 && p.Part < len(r.Open.Parts)
}
