package clock

import (
	"time"

	"sluice/media"
)

// Verdict says what became of a timestamp.
type Verdict uint8

const (
	// Kept is a timestamp taken for what it says, to the millisecond.
	Kept Verdict = iota
	// Repaired is one that had to move further: the sample stands.
	Repaired
	// Drop means that the sample has no place: leave it out.
	Drop
	// Jump means that the clock itself jumped. Nothing has been changed: call
	// Clock.Restart, begin an epoch, and stamp the sample again.
	Jump
)

// Time is a sample's timing, in ticks of its track.
type Time struct {
	DTS, CTSOffset, Duration media.Ticks
}

// DefaultMaxForwardJump is how far ahead a timestamp may be before it is a Jump.
const DefaultMaxForwardJump = 10 * time.Second

const (
	// maxBackward is the furthest step back that is repaired, in milliseconds.
	maxBackward = 1000
	// maxStale is how many samples that still count from before a jump are left
	// out after it, while the other track has jumped already.
	maxStale = 64
)

// Clock is what the tracks of a session have in common: the era, which all of
// them leave together, and how far it has come.
type Clock struct {
	maxForward int64 // ms
	era        int
	started    bool
	latest     int64 // ms, unwrapped: the furthest that any track has come
}

// New returns a Clock in its first era. maxForwardJump of 0 is the default.
func New(maxForwardJump time.Duration) *Clock {
	if maxForwardJump <= 0 {
		maxForwardJump = DefaultMaxForwardJump
	}
	return &Clock{maxForward: maxForwardJump.Milliseconds()}
}

// Restart begins a new era: what comes next may start anywhere.
func (c *Clock) Restart() {
	c.era++
	c.started = false
}

// axis unwraps the timestamps of one track.
type axis struct {
	clock *Clock
	era   int
	seen  bool  // within the era
	last  int64 // ms, unwrapped: the furthest this track has come
	// offset is added to reach the other track's time base: zero, but for a
	// publisher whose audio and video count from different origins.
	offset int64

	left  uint32 // where the track stood when it left the last era
	stale int    // samples that may still count from there
}

func newAxis(c *Clock) axis { return axis{clock: c, era: c.era} }

// renew follows the clock into its era; it reports whether that's a new one.
func (a *axis) renew() bool {
	if a.era == a.clock.era {
		return false
	}
	*a = axis{clock: a.clock, era: a.clock.era, left: uint32(a.last), stale: a.stale}
	return true
}

// unwrap returns ts in milliseconds since the era's origin, in 64 bits.
func (a *axis) unwrap(ts uint32) (int64, Verdict) {
	c := a.clock
	if !a.seen {
		return a.first(ts)
	}
	step := int64(int32(ts - uint32(a.last)))
	at := a.last + step
	if step < -maxBackward || at+a.offset > c.latest+c.maxForward {
		return 0, Jump
	}
	a.last = max(a.last, at)
	c.latest = max(c.latest, at+a.offset)
	return at + a.offset, Kept
}

// first places the track's first timestamp of the era.
func (a *axis) first(ts uint32) (int64, Verdict) {
	c := a.clock
	at := int64(ts)
	if c.started {
		step := int64(int32(ts - uint32(c.latest)))
		at = c.latest + step
		if step > c.maxForward || -step > c.maxForward {
			if a.continues(ts) {
				return 0, Drop
			}
			a.offset = c.latest - at
		}
	}
	a.seen, a.last, a.stale = true, at, maxStale
	if !c.started || at+a.offset > c.latest {
		c.latest = at + a.offset
	}
	c.started = true
	return at + a.offset, Kept
}

// continues says whether ts goes on from where the track stood in the last era,
// which another track has left already.
func (a *axis) continues(ts uint32) bool {
	step := int64(int32(ts - a.left))
	if a.stale == 0 || step < -maxBackward || step > a.clock.maxForward {
		return false
	}
	a.stale--
	a.left = ts
	return true
}
