package packager

import "time"

// Defaults of Options.
const (
	defaultSegment    = 2 * time.Second
	defaultPart       = 200 * time.Millisecond
	defaultWindow     = 30 * time.Second
	defaultGrace      = 30 * time.Second
	defaultMaxGOPWait = 10 * time.Second
)

// Bounds of what may be configured.
const (
	minSegment = 500 * time.Millisecond
	maxTarget  = 30 * time.Second // of a segment
	minPart    = 20 * time.Millisecond
)

// Limits on what a publisher can do.
const (
	// maxSegmentLength is how long a segment goes on without a keyframe before
	// its epoch is given up: it would fill the memory.
	maxSegmentLength = 60 * time.Second
	// maxPartSamples bounds a part whose samples take no time.
	maxPartSamples = 1000
	// maxForward is the longest step between two samples of a track in one epoch.
	maxForward = 10 * time.Second
	// maxRegression is the longest backward step that is repaired; a longer one
	// starts a new epoch.
	maxRegression = 100 * time.Millisecond
	// maxHole is the longest hole before a segment that counts into the duration
	// of the one before.
	maxHole = time.Second
	// maxOffset bounds composition offsets and durations.
	maxOffset = 10 * time.Second
	// maxTime bounds decode times, in ticks: sums of them can't overflow.
	maxTime = 1 << 52
	// maxTimescale keeps offsets of maxOffset within 32 bits.
	maxTimescale = 50_000_000
	// maxTracks bounds the tracks of a session.
	maxTracks = 8
)

// Limits on timed metadata.
const (
	// maxEvents and maxEventBytes bound what waits for its time.
	maxEvents     = 512
	maxEventBytes = 1 << 20
	maxEventSize  = 64 << 10 // of one
	// maxEventLate is how old an event may be and still be told: players are
	// further behind than that only by their own will.
	maxEventLate = 10 * time.Second
)

// expireRetry is the pause after a stream could not be ended.
const expireRetry = 5 * time.Second

// Limits on how far tracks may be apart.
const (
	// maxTrail is how long a stream that would end at once waits for the last
	// parts of its rungs.
	maxTrail = time.Second
	// maxRungBehind is how many segments a rung may be behind the leading rendition
	// before its open one is closed as it is: what a process that was started again
	// catches up with is whole. Playlists list more segments than that.
	maxRungBehind = 5
	// maxJoinGap is how many segments a rung may have missed and still be listed
	// as one with gaps when it joins; else it is listed from there on.
	maxJoinGap = 4
	// maxSilence is how long a track may give nothing while another goes on
	// before an epoch is made without it.
	maxSilence = 10 * time.Second
	// maxEarly bounds, with maxEarlySamples, the sound that is kept while the
	// first picture is waited for.
	maxEarly        = 5 * time.Second
	maxEarlySamples = 512
	// maxHold is how far sound may be ahead of the picture and still wait to
	// learn whether a segment starts there.
	maxHold = 2 * time.Second
)
