package dashcheck

import "time"

const (
	maxBody       = 16 << 20 // bytes of an MPD
	maxDepth      = 32       // nested elements
	maxSegments   = 200_000  // of an MPD that are looked at
	maxViolations = 1000     // that an observer keeps
	maxRepeat     = 20       // violations of one rule that are kept
	maxPeriods    = 4096     // that an observer remembers
	maxMedia      = 200_000  // segments that it knows the media of
	// maxAhead is how many segments a Period that is over may list of a rung that is
	// behind: the packager lets none be more behind than that.
	maxAhead = 6
)

// How far numbers may lie apart.
const (
	// frameSlack is about a frame: where a frame rate varies, the last frame of a
	// segment has its nominal duration, and audio is cut at the frame next to the
	// video's edge.
	frameSlack = 50 * time.Millisecond
	// rounding is what a time written in milliseconds may be off by, twice.
	rounding = 2 * time.Millisecond
	// ratioSlack is for a picture whose shape isn't a ratio of small numbers.
	ratioSlack = 0.02
	// pollSlack is what a held request may last beyond the time that it is held.
	pollSlack = 2 * time.Second
)
