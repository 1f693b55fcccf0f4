package clock

import "sluice/media"

// At returns where something of that FLV timestamp, in milliseconds, lies on the
// track's clock, in ticks of media.VideoClock: what is within a millisecond of a
// frame's place is there to the tick. What is further away than frames may be has a
// clock of its own, as that of senders which count from nothing, and lies at the
// newest frame. Nothing is changed. It is false before the era's first frame.
func (v *Video) At(ts uint32) (media.Ticks, bool) {
	ms, ok := v.peek(ts)
	if !ok {
		return 0, false
	}
	if v.locked {
		if n, near := v.snap(ms); near {
			return media.Ticks(v.slot(n)), true
		}
	}
	return media.Ticks(ms * millisecond), true
}

// At returns where something of that FLV timestamp lies on the track's clock; see
// Video's.
func (a *Audio) At(ts uint32) (media.Ticks, bool) {
	ms, ok := a.peek(ts)
	return media.Ticks(ms * millisecond), ok
}

// peek unwraps a timestamp that isn't the track's own.
func (a *axis) peek(ts uint32) (int64, bool) {
	if !a.seen || a.era != a.clock.era {
		return 0, false
	}
	step := int64(int32(ts - uint32(a.last)))
	if step > a.clock.maxForward || -step > a.clock.maxForward {
		step = 0
	}
	return a.last + step + a.shift() + a.stand.gained, true
}
