package clock

import (
	"time"

	"sluice/media"
)

// persistent is how many frames in a row must lie apart from the count before it
// steps: timestamps that merely jitter come back by themselves.
const persistent = 3

// Audio stamps the frames of an audio track by counting them.
type Audio struct {
	axis
	timescale media.Timescale
	frame     media.Ticks

	counting bool
	next     media.Ticks // the next frame's time, by the count

	// apart is the number of frames in a row, negative for those behind, that lay
	// apart from the count; least is the smallest such distance among them.
	apart int
	least media.Ticks
	drop  int // frames still to leave out
}

// Audio returns the stamper of an audio track of so many Hz, whose frames last
// so many ticks each.
func (c *Clock) Audio(rate media.Timescale, frame media.Ticks) *Audio {
	return &Audio{axis: newAxis(c), timescale: rate, frame: frame}
}

// Stamp places a frame of the usual length; ts is its FLV timestamp in milliseconds.
func (a *Audio) Stamp(ts uint32) (Time, Verdict) { return a.StampFrame(ts, 0, a.frame) }

// StampFrame is Stamp of a frame of that length, with nanoseconds beyond the
// timestamp's milliseconds. From then on that is the usual length.
func (a *Audio) StampFrame(ts, nanos uint32, frame media.Ticks) (Time, Verdict) {
	if frame > 0 {
		a.frame = frame
	}
	if a.renew() {
		a.counting, a.apart, a.drop = false, 0, 0
	}
	ms, verdict := a.unwrap(ts)
	if verdict != Kept {
		return Time{}, verdict
	}
	if a.fresh && a.counting && a.resume(a.counted()-ms) {
		ms = a.last + a.shift()
	}
	a.repeat()
	if a.standing() {
		verdict = Repaired
	}
	at := media.Ticks(ms).Rescale(media.Milliseconds, a.timescale) + media.Ticks(ticksOf(nanos, a.timescale))
	if !a.counting {
		a.counting, a.next = true, at
	}
	ahead := at - a.next
	if a.repeated && ahead < 0 {
		ahead = max(ahead, -a.frame) // says nothing yet
	}
	if a.drop == 0 && verdict == Kept {
		switch step := a.step(ahead); {
		case step > 0:
			a.next += step
			verdict = Repaired
		case step < 0:
			a.drop = int((-step + a.frame/2) / a.frame)
		}
	}
	if a.drop > 0 {
		a.drop--
		return Time{}, Drop
	}
	t := Time{DTS: a.next, Duration: a.frame}
	a.next += a.frame
	a.clock.heard = a.counted()
	if a.standing() {
		a.reach(a.clock.heard, ms)
	}
	return t, verdict
}

// step returns by how much the count must move, given how far the FLV clock is
// ahead of it. A frame and a half is the most that may stay; a quarter of a
// second is no jitter and moves it at once.
func (a *Audio) step(ahead media.Ticks) media.Ticks {
	sign := 1
	distance := ahead
	if ahead < 0 {
		sign, distance = -1, -ahead
	}
	if distance <= a.frame*3/2 {
		a.apart = 0
		return 0
	}
	if a.apart*sign <= 0 || distance < a.least {
		a.least = distance
	}
	if a.apart*sign < 0 {
		a.apart = 0
	}
	a.apart += sign
	if a.apart*sign < persistent && distance < media.Ticks(a.timescale)/4 {
		return 0
	}
	step := a.least * media.Ticks(sign)
	if distance >= media.Ticks(a.timescale)/4 {
		step = ahead
	}
	a.apart = 0
	return step
}

// ticksOf is less than a millisecond in ticks.
func ticksOf(nanos uint32, ts media.Timescale) int64 {
	return int64(media.TicksOf(time.Duration(nanos), ts))
}
