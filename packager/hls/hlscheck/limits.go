package hlscheck

import "time"

const (
	maxBody       = 16 << 20 // bytes of a playlist
	maxViolations = 1000     // that an observer keeps
	maxPlaylists  = 256      // that an observer follows
	maxHistory    = 20_000   // segments that it remembers of each
	maxMasters    = 64       // fetches of the multivariant playlist whose bandwidth it checks
	maxResources  = 200_000  // pieces of media that it knows something of
	maxRepeat     = 20       // violations of one rule in one playlist that are kept
)

// How far numbers may lie apart.
const (
	// rounding is what a duration written with five decimals may be off by, and
	// a sum of a few of them.
	rounding = 50 * time.Microsecond
	// frameSlack is about a frame: dates are milliseconds of a clock that is
	// corrected slowly, and audio is cut at the frame next to the video's edge.
	frameSlack = 50 * time.Millisecond
	// soundSlack is half a frame of sound, of the longest that are in use.
	soundSlack = 25 * time.Millisecond
	// overlap is how far a date may step back at a discontinuity (§6.2.1).
	overlap = time.Second
	// bandwidthSlack is for EXTINF's last digit.
	bandwidthSlack = 0.001
)
