package onair

import "time"

// Defaults of Settings.
const (
	defaultAfter      = time.Second
	defaultSlateAfter = 3 * time.Second
)

// Bounds of what an input that isn't on air keeps: its newest GOP, unless that is more.
const (
	heldBytes = 16 << 20
	heldTime  = 10 * time.Second
	heldSound = 2 * time.Second // where there is no picture
	// heldEvents is how much timed metadata: an ingest lets none of more than 16 KiB through.
	heldEvents = 64
)

// The return to the primary.
const (
	// steadyFor is for how long it must have sent without a standstill.
	steadyFor = 5 * time.Second
	// flapping is the time in which each further failure of it doubles that, up to
	// maxDoubling times.
	flapping    = 2 * time.Minute
	maxDoubling = 4
	// nearKey is how long ago the keyframe may have come at which it returns.
	nearKey = 100 * time.Millisecond
)

const (
	// blindFor is how long sound alone may come of a publisher that has said it would send a
	// picture, before it goes on air without.
	blindFor = 10 * time.Second
	// clipRetry is how often a slate that isn't ready is asked for.
	clipRetry = 500 * time.Millisecond
	// endLimit is what an output may take to end where no session ends it.
	endLimit = 5 * time.Second
)

// What pictures' rates are measured over: the first media of a session, and, after what may be
// stamped wrongly yet, some more.
const (
	paceSoon   = time.Second
	paceUnsure = 5 * time.Second
	paceSure   = 2 * time.Second
)

// squeeze is by how much pictures are sped up that are decoded only: two seconds of them
// last 8 ms, less than a frame.
const squeeze = 256
