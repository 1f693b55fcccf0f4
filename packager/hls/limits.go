package hls

import "time"

// What playlists promise, in units of the target duration.
const (
	skipTargets     = 6 // CAN-SKIP-UNTIL: the least that RFC 8216bis §4.4.3.8 allows
	partTargets     = 3 // EXT-X-PART tags are listed that far back (§6.2.2)
	holdBackTargets = 3 // the least HOLD-BACK (§4.4.3.8)
)

const (
	// partHoldBackParts is the least PART-HOLD-BACK in units of PART-TARGET
	// (Apple 14.3; RFC 8216bis §4.4.3.8 says 2, and 3 where possible).
	partHoldBackParts = 3
	// maxSegmentsAhead is how far past the last whole segment a reload may ask.
	maxSegmentsAhead = 2
	// advanceSpan over the part target is the Advance Part Limit (§6.2.5.2).
	advanceSpan = 3 * time.Second
)

// leastMissing is how much of a segment must be missing before its playlist says
// so: more than what sound is cut next to the picture's edge.
const leastMissing = 100 * time.Millisecond

// leastHinted is how much a segment of an ended epoch must lack for another part to
// come: half a picture at 120 frames a second. What is as long to the source differs
// by rounding only.
const leastHinted = 4 * time.Millisecond

// startRate is what the line of a viewer who comes is guessed to carry, in bits a
// second: enough for a picture that is good, and in 2 s on the screen of a line
// that carries half of it (Apple's authoring specification 9.20 to 9.22 starts
// with 2 Mb/s).
const startRate = 3_000_000

// Compatibility versions (RFC 8216bis §8).
const (
	mediaVersion        = "9" // EXT-X-SKIP
	multivariantVersion = "6" // EXT-X-MAP in the playlists that it names
	iframesVersion      = "5" // EXT-X-MAP where there are I-frames only
)
