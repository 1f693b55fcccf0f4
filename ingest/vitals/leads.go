package vitals

import (
	"math"
	"time"
)

// leads keeps by how much a track's media time was ahead of the time passed, at
// best, in each of the last buckets.
type leads struct {
	at   [buckets]time.Duration // the middle of each
	best [buckets]time.Duration
	n    int64 // buckets begun; the newest is n-1
	mark time.Duration
}

// add takes a sample that arrived so long after the session's begin, at a media time.
func (l *leads) add(passed, at time.Duration) {
	lead := at - passed
	if l.n == 0 || passed >= l.mark+bucket {
		l.mark = passed
		l.at[l.n%buckets], l.best[l.n%buckets] = passed+bucket/2, lead
		l.n++
		return
	}
	i := (l.n - 1) % buckets
	l.best[i] = max(l.best[i], lead)
}

// now is the best lead of the newest whole bucket, or of the first.
func (l *leads) now() (time.Duration, bool) {
	switch {
	case l.n == 0:
		return 0, false
	case l.n == 1:
		return l.best[0], true
	}
	return l.best[(l.n-2)%buckets], true
}

// slope is by how much the lead grows, in parts per million: a line through the whole
// buckets. It's false as long as there are too few, or lie on no line: a clock that is
// wrong is so all the time, a buffer that has grown was another before and is the same
// after, and then the halves of the time say something else than the whole of it.
func (l *leads) slope() (float64, bool) {
	whole := l.n - 1
	n := min(whole, buckets-1)
	if n < leastDrift {
		return 0, false
	}
	slope := l.line(whole-n, whole)
	may := max(muchDrift, math.Abs(slope)/2)
	for _, half := range [...]float64{l.line(whole-n, whole-n/2), l.line(whole-n/2, whole)} {
		if math.Abs(half-slope) > may {
			return 0, false
		}
	}
	return slope, true
}

// line is the slope of the least-squares line through buckets, of which there are at least
// two, in parts per million.
func (l *leads) line(from, to int64) float64 {
	var sx, sy, sxx, sxy float64
	first, base := l.at[from%buckets], l.best[from%buckets]
	for i := from; i < to; i++ {
		x, y := (l.at[i%buckets] - first).Seconds(), (l.best[i%buckets] - base).Seconds()
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	count := float64(to - from)
	return (count*sxy - sx*sy) / (count*sxx - sx*sx) * 1e6
}
