package clock

import (
	"math"
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
	slip       int64 // ms that it has missed while it stood: added to every timestamp
	walked     int64 // ms that all tracks have gone, together
	heard      int64 // ms: where the newest frame of sound ends; unheard where the era has none yet
}

// unheard is where sound ends that there is none of.
const unheard = math.MinInt64

// New returns a Clock in its first era. maxForwardJump of 0 is the default.
func New(maxForwardJump time.Duration) *Clock {
	if maxForwardJump <= 0 {
		maxForwardJump = DefaultMaxForwardJump
	}
	return &Clock{maxForward: maxForwardJump.Milliseconds(), heard: unheard}
}

// Restart begins a new era: what comes next may start anywhere.
func (c *Clock) Restart() {
	c.era++
	c.started = false
	c.slip, c.heard = 0, unheard
}

// axis unwraps the timestamps of one track.
type axis struct {
	clock *Clock
	era   int
	seen  bool  // within the era
	last  int64 // ms, unwrapped: the furthest this track has come
	// offset is added to reach the other track's time base: zero, but for a
	// publisher whose audio and video count from different origins, and for a track
	// whose clock alone stood still.
	offset int64

	newest   int64 // ms, unwrapped: the last timestamp
	repeated bool  // it isn't after the one before it
	fresh    bool  // it's after all before it
	walked   int64 // ms that this track has gone
	stand    stand

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
	if step < -maxBackward || at+a.shift() > c.latest+c.maxForward {
		return 0, Jump
	}
	a.repeated, a.fresh, a.newest = at <= a.newest, step > 0, at
	if a.fresh {
		a.last = at
		a.walked += step
		c.walked += step
	}
	c.latest = max(c.latest, at+a.shift())
	return at + a.shift(), Kept
}

// first places the track's first timestamp of the era.
func (a *axis) first(ts uint32) (int64, Verdict) {
	c := a.clock
	at := int64(ts)
	if c.started {
		latest := c.latest - c.slip
		step := int64(int32(ts - uint32(latest)))
		at = latest + step
		if step > c.maxForward || -step > c.maxForward {
			if a.continues(ts) {
				return 0, Drop
			}
			a.offset = latest - at
		}
	}
	a.seen, a.last, a.newest, a.fresh, a.stale = true, at, at, true, maxStale
	if !c.started || at+a.shift() > c.latest {
		c.latest = at + a.shift()
	}
	c.started = true
	return at + a.shift(), Kept
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
