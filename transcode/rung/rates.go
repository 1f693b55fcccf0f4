package rung

import "math"

// fluent is the frame rate from which on small rungs are halved and caps
// raised, with a margin for rates that are measured.
const (
	fluent = 30
	margin = 1.01
)

// smallSide is the short side up to which a rung's frame rate is halved.
const smallSide = 480

// known returns a frame rate that can be calculated with: 0 for none.
func known(rate float64) float64 {
	if rate > 0 && rate <= maxRate { // false for NaN
		return rate
	}
	return 0
}

// every is the smallest step through a source's frames that keeps the rate at
// most at limit.
func every(rate float64, limit int) int {
	return max(1, int(math.Ceil(rate/(float64(limit)*margin))))
}

// step is every for a rung: at its cap, or where it has none and is small, at 30.
func (r Rung) step(rate float64) int {
	switch {
	case r.FPS != 0:
		return every(rate, r.FPS)
	case r.Height <= smallSide:
		return every(rate, fluent)
	}
	return 1
}

// caps are the bitrates, in kb/s, at which constant quality (crf 24 at x264's
// superfast) is capped, by a 16:9 picture's pixels. Those up to 720p are measured;
// the first is where the line to an empty picture ends.
var caps = []struct{ pixels, rate float64 }{
	{0, 100}, {426 * 240, 400}, {640 * 360, 700}, {854 * 480, 1200}, {1280 * 720, 2500},
	{1920 * 1080, 4500}, {2560 * 1440, 9000}, {3840 * 2160, 16_000},
}

// defaultBitrate is the cap that suits a picture, in bits a second: between the
// table's on a straight line, above it in proportion to the pixels, and half as
// much again above 30 frames a second. It's rounded to 10 kb/s.
func defaultBitrate(width, height int, rate float64) int {
	pixels := float64(width) * float64(height)
	top := caps[len(caps)-1]
	limit := top.rate * pixels / top.pixels
	for i, b := range caps[1:] {
		if a := caps[i]; pixels <= b.pixels {
			limit = a.rate + (b.rate-a.rate)*(pixels-a.pixels)/(b.pixels-a.pixels)
			break
		}
	}
	if rate > fluent*margin {
		limit *= 1.5
	}
	return int(min(math.Round(limit/10)*10_000, MaxBitrate))
}
