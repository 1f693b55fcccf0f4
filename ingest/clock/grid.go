package clock

import "sluice/media"

// millisecond is one, in ticks of the video clock.
const millisecond = int64(media.VideoClock) / 1000

// rate is a number of frames a second: num/den.
type rate struct{ num, den int64 }

// at returns how many ticks n frames last, rounded down.
func (r rate) at(n int64) int64 {
	ticks := n * int64(media.VideoClock) * r.den
	if ticks < 0 {
		ticks -= r.num - 1
	}
	return ticks / r.num
}

// nearest returns the number of frames that come nearest to so many ticks.
func (r rate) nearest(ticks int64) int64 {
	frame := int64(media.VideoClock) * r.den // num of them are one frame
	n := 2*ticks*r.num + frame
	if n < 0 {
		n -= 2*frame - 1
	}
	return n / (2 * frame)
}

// begin returns the slot of a grid's first frame, by its decode time and composition
// offset, and how many frames come before the first presentation time. OBS counts decode
// times from before zero where there are B-frames, and cuts them to milliseconds toward
// zero: the first ones up, all others down. So a grid through the first would lose the
// others; its presentation time is cut as they are.
func (r rate) begin(dts, offset int64) (slot int64, early int) {
	n := r.nearest(offset)
	d := offset - r.at(n)
	if n < 0 || n > maxEarly || d < -millisecond || d > millisecond {
		return dts, 0
	}
	return dts + d, int(n)
}

func (r rate) float() float64 { return float64(r.num) / float64(r.den) }

// double and half keep a fraction in its lowest terms.
func (r rate) double() rate {
	if r.den%2 == 0 {
		return rate{r.num, r.den / 2}
	}
	return rate{2 * r.num, r.den}
}

func (r rate) half() rate {
	if r.num%2 == 0 {
		return rate{r.num / 2, r.den}
	}
	return rate{r.num, 2 * r.den}
}

// alike says whether two rates are too near to be told apart within a second
// (30 and 29.97).
func (r rate) alike(o rate) bool {
	a, b := r.num*o.den, o.num*r.den
	return 500*max(a-b, b-a) < a
}

// rates are those that a grid can have: what cameras and encoders are set to.
// Where two are alike, the whole number comes first.
var rates = func() []rate {
	var rs []rate
	for fps := int64(1); fps <= 120; fps++ {
		rs = append(rs, rate{fps, 1})
	}
	rs = append(rs, rate{144, 1}, rate{240, 1}, rate{15, 2}, rate{25, 2})
	for _, fps := range [...]int64{15, 24, 30, 48, 60, 120} {
		rs = append(rs, rate{fps * 1000, 1001})
	}
	return rs
}()

// declared returns the rate that a declaration means: 29.97 or 23.98 are how
// many write 30000/1001 and 24000/1001.
func declared(fps float64) (rate, bool) {
	best, off := rate{}, 0.0003*fps
	for _, r := range rates {
		if d := max(r.float()-fps, fps-r.float()); d <= off {
			best, off = r, d
		}
	}
	return best, best.num != 0
}

// grid is a frame grid: slot n begins rate.at(n) ticks after the origin.
type grid struct {
	rate
	origin int64
}

func (g grid) slot(n int64) int64 { return g.origin + g.at(n) }

// snap returns the slot nearest to a time in milliseconds and whether it lies
// within one of it.
func (g grid) snap(ms int64) (int64, bool) {
	t := ms * millisecond
	n := g.nearest(t - g.origin)
	off := g.slot(n) - t
	return n, -millisecond <= off && off <= millisecond
}
