package packager

import (
	"math"
	"time"
)

// maxSlew is the part of media time by which the correction moves at most:
// 1/2000 is 500 ppm, five times what a bad crystal drifts.
const maxSlew = 2000

// The correction aims at the least delay seen in a minute, kept in spans.
const (
	delaySpans = 6
	delaySpan  = 10 * time.Second
)

// wallClock gives media times their time on the server's clock. It starts at the
// arrival of the first sample and follows an encoder whose clock runs faster or
// slower: the least delay of the last minute's arrivals shows the drift, because
// a network adds to a delay and never takes from it. It never jumps, and rises
// with media time.
type wallClock struct {
	anchor     time.Time     // the wall time of media time zero
	correction time.Duration // what media time is late by
	newest     time.Duration // the media time up to which it has moved
	settled    bool          // somebody may have read a time of it
	delays     [delaySpans]struct {
		span  int64 // number of the span of media time
		least time.Duration
	}
}

// newWallClock starts at a sample whose media time is zero. Only the wall clock
// counts: a step of the system's clock is followed slowly, as a drift is.
func newWallClock(arrived time.Time) wallClock {
	w := wallClock{anchor: arrived.Round(0)}
	for i := range w.delays {
		w.delays[i].span = -1
	}
	return w
}

// observe takes note of a sample's media time and its arrival.
func (w *wallClock) observe(at time.Duration, arrived time.Time) {
	delay := arrived.Round(0).Sub(w.anchor) - at
	span := int64(max(at, 0) / delaySpan)
	d := &w.delays[span%delaySpans]
	if d.span != span {
		d.span, d.least = span, delay
	}
	d.least = min(d.least, delay)
	if at <= w.newest {
		return
	}
	if w.settled {
		step := (at - w.newest) / maxSlew
		w.correction += min(max(min(delay, w.least(span))-w.correction, -step), step)
	}
	w.newest = at
}

// least returns the least delay in the spans up to the given one.
func (w *wallClock) least(span int64) time.Duration {
	least := time.Duration(math.MaxInt64)
	for i := range w.delays {
		if w.delays[i].span > span-delaySpans && w.delays[i].span >= 0 {
			least = min(least, w.delays[i].least)
		}
	}
	return least
}

// settle is called before anybody can read a time of the clock. What came first
// may have waited at the publisher, for the connection or in an encoder: where
// samples since then came sooner, the clock goes back by as much, though not to
// before the given time. It returns by how much, zero or less.
func (w *wallClock) settle(notBefore time.Time) time.Duration {
	w.settled = true
	by := min(w.least(int64(w.newest/delaySpan)), 0)
	by = min(max(by, notBefore.Sub(w.anchor)), 0)
	w.anchor = w.anchor.Add(by)
	for i := range w.delays {
		w.delays[i].least -= by
	}
	return by
}

// at returns the wall time of a media time.
func (w *wallClock) at(media time.Duration) time.Time {
	return w.anchor.Add(media + w.correction)
}
