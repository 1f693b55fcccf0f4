package clock

// spreadLimit is how far apart, in ticks, the errors of timestamps may lie that
// one grid gave, whatever way they were cut to milliseconds. (The one on top is
// for those that went through microseconds first.)
const spreadLimit = millisecond + 1

// line is what fitting a rate to a run of timestamps comes to.
type line struct {
	rate
	slots  int64 // from the first timestamp to the last
	spread int64 // of the errors, in thousandths of a tick
	origin int64 // in ticks: a slot near the last timestamp, in the errors' middle
}

// fitRate lays the grid of one rate through timestamps, in milliseconds and in
// rising order. It fails where two fall into one slot or one falls between two.
func fitRate(r rate, ms []int64) (line, bool) {
	var slots, low, high, last int64
	frame := 1000 * r.den // num of them are one frame, in ms
	for i := 1; i < len(ms); i++ {
		step := (2*(ms[i]-ms[i-1])*r.num + frame) / (2 * frame)
		if step < 1 {
			return line{}, false
		}
		slots += step
		last = ((ms[i]-ms[0])*r.num - slots*frame) * millisecond
		low, high = min(low, last), max(high, last)
		if high-low > spreadLimit*r.num {
			return line{}, false
		}
	}
	middle := (low + high) / 2
	return line{
		rate:   r,
		slots:  slots,
		spread: (high - low) * 1000 / r.num,
		origin: ms[len(ms)-1]*millisecond - (last-middle)/r.num,
	}, true
}

// fit finds the grid that timestamps came from: of all rates that they fit, the
// slowest, since a grid of twice the rate fits them as well. Of those that can't
// be told apart yet, it is the one preferred, or else the one that fits best.
func fit(ms []int64, preferred rate) (line, bool) {
	var best line
	for _, r := range rates {
		l, ok := fitRate(r, ms)
		switch {
		case !ok:
		case best.num == 0, l.slots < best.slots && !r.alike(best.rate):
			best = l
		case l.slots > best.slots && !r.alike(best.rate), best.rate == preferred:
		case r == preferred, l.spread < best.spread:
			best = l
		}
	}
	return best, best.num != 0
}
