package transcode

import (
	"math"
	"time"
)

// backoff says how long to wait before a process that failed is started again.
// Failures are forgotten slowly: a rare crash restarts at once, a crash loop pauses.
type backoff struct {
	failures float64 // as of last
	last     time.Time
}

// fail counts a failure, and returns the pause after it.
func (b *backoff) fail(now time.Time) time.Duration {
	if !b.last.IsZero() {
		b.failures *= math.Exp2(-now.Sub(b.last).Seconds() / backoffHalf.Seconds())
	}
	b.failures, b.last = b.failures+1, now
	if b.failures <= backoffFree {
		return 0
	}
	doublings := math.Min(b.failures-backoffFree-1, 16)
	return min(time.Duration(float64(backoffFirst)*math.Exp2(max(doublings, 0))), backoffMax)
}
