package clock

import "sluice/media"

const (
	// repeats is how many timestamps in a row that don't go on make a clock that stands
	// still. Fewer are odd ones among others.
	repeats = 3
	// leastStand is by how much a clock that stood must be behind its samples, in
	// milliseconds, to stay behind: less is made up for like any odd timestamp.
	leastStand = 250
	// slack is by how much pictures without times may be ahead of the sound or behind it, in ticks, before
	// they are moved.
	slack = 150 * millisecond
	// silent is by how much they must be ahead for the sound to be taken for absent, in ticks.
	silent = 1000 * millisecond
)

// stand is a track's clock that stands still while its samples go on coming.
type stand struct {
	repeated int   // timestamps in a row that didn't go on
	gone     int64 // ms that the other tracks had gone when it began
	gained   int64 // ms by which the track's samples are past its clock
}

// standing says whether the track's clock stands still.
func (a *axis) standing() bool { return a.stand.repeated >= repeats }

// others is how far the clocks of the other tracks have gone.
func (a *axis) others() int64 { return a.clock.walked - a.walked }

// repeat takes note of a timestamp that doesn't go beyond those before it.
func (a *axis) repeat() {
	if !a.repeated {
		return
	}
	if a.stand.repeated++; a.stand.repeated == 1 {
		a.stand.gone = a.others()
	}
}

// reach takes note that the track's samples have come as far as ms while its clock,
// which stands, says at.
func (a *axis) reach(ms, at int64) {
	a.stand.gained = max(ms-at, 0)
	a.clock.latest = max(a.clock.latest, ms)
}

// resume ends the stand, where there was one, with the first timestamp beyond it.
// missing says by how many milliseconds that lies before the end of the samples that
// came meanwhile: none where the clock has made up for them. If it went on from where
// it stood it is behind for good, and is put ahead by as much; so are the other tracks'
// unless they went on, since what stood then is the publisher's clock.
func (a *axis) resume(missing int64) (stood bool) {
	s := a.stand
	stood = a.standing()
	a.stand = stand{}
	switch {
	case !stood || missing < leastStand:
	case 2*(a.others()-s.gone) < missing:
		a.clock.slip += missing
	default:
		a.offset += missing
	}
	return stood
}

// shift is what is added to the track's timestamps.
func (a *axis) shift() int64 { return a.offset + a.clock.slip }

// follow moves what is remembered of the timestamps along with what is added to them.
func (v *Video) follow() {
	by := v.shift() - v.shifted
	if by == 0 {
		return
	}
	v.shifted += by
	for i := range v.history {
		v.history[i] += by
	}
	if !v.locked {
		return
	}
	v.origin += by * millisecond
	v.index = v.nearest(v.lastDTS - v.origin)
	if v.slot(v.index) > v.lastDTS {
		v.index--
	}
}

// count places a picture while the clock stands: behind the one before it, and not far from the
// sound that comes at the same time.
func (v *Video) count(ms int64) (dts, length int64) {
	dts, length = v.end, v.nominal()
	least := max(slack, 2*length)
	switch off := v.beside + (v.clock.heard-v.sound)*millisecond - dts; {
	case v.clock.heard == v.sound, off < -silent:
	case off > least:
		dts += off
	case off < -least:
		length = max(length/2, 1)
	}
	v.reach((dts+length)/millisecond, ms)
	if v.locked && v.slot(v.index+1) == dts {
		v.index++
	}
	return dts, length
}

// behind places a picture whose own time lies within those that were counted: behind
// them, and shorter, until the clock has caught up.
func (v *Video) behind(dts int64) (at, length int64) {
	length = v.nominal()
	return v.end, max(length/2, length-(v.end-dts), 1)
}

// counted is how far the count has come, in milliseconds.
func (a *Audio) counted() int64 {
	return int64(a.next.Rescale(a.timescale, media.Milliseconds))
}
