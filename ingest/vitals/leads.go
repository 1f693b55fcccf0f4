package vitals

import "time"

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

// slope is by how much the lead grows, in parts per million: a least-squares line
// through the whole buckets. It's false as long as there are too few.
func (l *leads) slope() (float64, bool) {
	whole := l.n - 1
	n := min(whole, buckets-1)
	if n < leastDrift {
		return 0, false
	}
	var sx, sy, sxx, sxy float64
	first := l.at[(whole-n)%buckets]
	base := l.best[(whole-n)%buckets]
	for i := whole - n; i < whole; i++ {
		x, y := (l.at[i%buckets] - first).Seconds(), (l.best[i%buckets] - base).Seconds()
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	count := float64(n)
	d := count*sxx - sx*sx
	if d == 0 {
		return 0, false
	}
	return (count*sxy - sx*sy) / d * 1e6, true
}
