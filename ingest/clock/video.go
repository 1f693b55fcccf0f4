package clock

import (
	"slices"

	"sluice/media"
)

const (
	window     = 128 // timestamps remembered: enough to tell 60 from 59.94
	shortest   = 8   // timestamps that a grid is laid through
	retry      = 32  // frames from one attempt to find a grid to the next
	stepsKept  = 5   // the median of these is the nominal duration
	maxEarly   = 16  // frames that come before the first presentation time: H.264's longest reordering
	defaultFPS = 30  // until anything is known
)

// Video stamps the samples of a video track.
type Video struct {
	axis
	hints []rate // declared, the most trusted first

	locked bool
	grid
	index  int64  // of the last sample's slot
	misses uint32 // one bit a frame, the newest lowest: it fell off the grid

	history []int64 // ms, rising: the last window timestamps
	frames  int     // stamped, in this era, without a repair
	early   int     // the first of them, from before zero (see rate.begin): they tell of no grid
	tried   int     // value of frames at the last attempt to find a grid
	lastDTS int64
	end     int64 // of the last frame, by its nominal duration
	owed    bool  // frames were counted up to there while the clock stood, and its times lie before

	shifted       int64 // ms that history and grid are ahead of the timestamps
	beside, sound int64 // when the clock last began to stand, or the sound after it: where frames ended, in ticks, and the sound, in ms
}

// Video returns the stamper of a video track. fps are the frame rates declared
// for it, the most trusted first: metadata, then the SPS. A rate of 0 is none.
// The first holds from the first sample on until the timestamps disprove it.
func (c *Clock) Video(fps ...float64) *Video {
	v := &Video{axis: newAxis(c), history: make([]int64, 0, window)}
	for _, f := range fps {
		if r, ok := declared(f); ok {
			v.hints = append(v.hints, r)
		}
	}
	return v
}

// Stamp places a sample: ts is its FLV timestamp, cts its CompositionTime, both
// in milliseconds.
func (v *Video) Stamp(ts uint32, cts int32) (Time, Verdict) { return v.StampExact(ts, 0, cts) }

// StampExact is Stamp of a timestamp with nanoseconds beyond its milliseconds. Where
// frames come at a constant rate they add nothing.
func (v *Video) StampExact(ts, nanos uint32, cts int32) (Time, Verdict) {
	if v.renew() {
		v.restart()
	}
	ms, verdict := v.unwrap(ts)
	if verdict != Kept {
		return Time{}, verdict
	}
	offset := int64(cts) * millisecond
	v.follow()
	if n := len(v.history); n > 0 && ms <= v.history[n-1] {
		return v.again(ms, offset), Repaired
	}
	if missing := v.end - ms*millisecond; v.frames > 0 && v.resume((missing+millisecond-1)/millisecond) {
		ms += v.shift() - v.shifted
		v.follow()
		v.owed = true
	}
	v.remember(ms, offset)
	dts := ms*millisecond + ticksOf(nanos, media.VideoClock)
	if v.locked {
		n, ok := v.snap(ms)
		if ok && n > v.index {
			v.index = n
			dts = v.slot(n)
			offset = v.composition(offset)
		}
	}
	if v.owed = v.owed && dts < v.end; v.owed {
		dts, length := v.behind(dts)
		return v.time(dts, offset, length), Repaired
	}
	if v.frames > 1 && dts <= v.lastDTS {
		dts = v.lastDTS + 1
		verdict = Repaired
	}
	return v.time(dts, offset, v.nominal()), verdict
}

// again places a sample whose timestamp isn't after those before it.
func (v *Video) again(ms, offset int64) Time {
	v.repeat()
	if v.stand.repeated == 1 || v.sound == unheard {
		v.beside, v.sound = v.end, v.clock.heard
	}
	if v.standing() {
		dts, length := v.count(ms)
		return v.time(dts, offset, length)
	}
	return v.time(v.repaired(ms), offset, v.nominal())
}

// repaired returns the decode time of a sample whose timestamp isn't after the one
// before it. It is most likely the next one, with a wrong time, as long as that is
// free: then nobody sees anything. Where frames come at no constant rate the next
// timestamp may well be nearer than that; it waits then.
func (v *Video) repaired(ms int64) int64 {
	next := v.end
	if v.locked {
		next = v.slot(v.index + 1)
	}
	free := !v.locked || v.slot(v.index) == v.lastDTS
	if frame := next - v.lastDTS; !free || next-ms*millisecond >= 2*frame+millisecond {
		return v.lastDTS + 1
	}
	if v.locked {
		v.index++
	} else {
		v.owed = true
	}
	return next
}

// restart forgets all but the rate.
func (v *Video) restart() {
	if v.locked {
		v.hints = slices.Insert(v.hints[:0:0], 0, v.rate)
	}
	v.locked, v.history, v.frames, v.early, v.tried, v.misses = false, v.history[:0], 0, 0, 0, 0
	v.owed, v.shifted = false, 0
}

// remember takes note of a timestamp, and of what it says about the grid. The
// composition offset, in ticks, counts with the first one.
func (v *Video) remember(ms, offset int64) {
	if len(v.history) == window {
		v.history = append(v.history[:0], v.history[1:]...)
	}
	v.history = append(v.history, ms)
	v.frames++
	switch v.frames {
	case 1:
		if len(v.hints) > 0 {
			r := v.hints[0]
			origin, early := r.begin(ms*millisecond, offset)
			v.lock(r, origin)
			v.early = early
		}
		return
	case 2:
		v.choose(ms - v.history[0])
	}
	switch v.frames - v.early {
	case shortest, retry, window:
		v.refit(v.telling())
		return
	}
	if !v.locked {
		if v.frames-v.tried >= retry {
			v.refit(v.history[max(0, len(v.history)-retry):])
		}
		return
	}
	v.misses <<= 1
	if n, ok := v.snap(ms); ok && n > v.index {
		return
	}
	v.misses |= 1
	if v.frames-max(v.tried, v.early) >= shortest && !v.refit(v.telling()) {
		v.refit(v.history[max(0, len(v.history)-shortest):])
	}
}

// telling returns the timestamps that tell of the grid. There must have been more
// than the early ones.
func (v *Video) telling() []int64 {
	return v.history[max(0, v.early-(v.frames-len(v.history))):]
}

// lock takes up a grid with a slot at the given time.
func (v *Video) lock(r rate, origin int64) {
	v.locked, v.grid, v.index, v.misses = true, grid{r, origin}, -1, 0
}

// choose settles by the first step between two frames whether a declared rate
// counts frames or fields, or is off by two the other way.
func (v *Video) choose(step int64) {
	for _, h := range v.hints {
		for _, r := range [...]rate{h, h.double(), h.half()} {
			if _, ok := (grid{rate: r}).snap(step); ok && r.nearest(step*millisecond) == 1 {
				v.rate = r
				return
			}
		}
	}
}

// refit looks for the grid that the timestamps lie on; it reports whether there
// is one. Where there's none, the present one is given up only when a quarter of
// the last 32 frames fell off it.
func (v *Video) refit(ms []int64) bool {
	v.tried = v.frames
	preferred := v.rate
	if !v.locked && len(v.hints) > 0 {
		preferred = v.hints[0]
	}
	l, ok := fit(ms, preferred)
	if !ok || len(ms) < shortest {
		lost := 0
		for m := v.misses; m != 0; m &= m - 1 {
			lost++
		}
		if lost >= retry/4 {
			v.locked = false
		}
		return false
	}
	if v.locked && l.rate == v.rate {
		if n, fits := v.snap(ms[len(ms)-1]); fits && n > v.index {
			return true
		}
	}
	v.lock(l.rate, l.origin)
	return true
}

// composition puts a composition offset onto the grid where it lies within a
// millisecond of it: the encoder cut it from whole frames.
func (v *Video) composition(offset int64) int64 {
	onGrid := v.at(v.index+v.nearest(offset)) - v.at(v.index)
	if d := onGrid - offset; -millisecond <= d && d <= millisecond {
		return onGrid
	}
	return offset
}

// time is that of a sample, which is the last one from now on.
func (v *Video) time(dts, offset, length int64) Time {
	v.lastDTS, v.end = dts, dts+length
	return Time{DTS: media.Ticks(dts), CTSOffset: media.Ticks(offset), Duration: media.Ticks(length)}
}

// nominal returns how long a frame lasts: the median of the last few steps, on
// the grid where there is one.
func (v *Video) nominal() int64 {
	var steps [stepsKept]int64
	n := 0
	for i := len(v.history) - 1; i > 0 && n < stepsKept; i-- {
		steps[n] = (v.history[i] - v.history[i-1]) * millisecond
		n++
	}
	slices.Sort(steps[:n])
	switch {
	case v.locked && n < 3:
		return v.at(v.index+1) - v.at(v.index)
	case v.locked:
		return v.at(v.index+max(1, v.nearest(steps[n/2]))) - v.at(v.index)
	case n == 0:
		return int64(media.VideoClock) / defaultFPS
	default:
		return steps[n/2]
	}
}
