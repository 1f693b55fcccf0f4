package demo

import (
	"math"
	"time"
)

// A process that ends once in a while starts again at once; one that keeps ending
// pauses for longer and longer.
const (
	failureHalfLife = 30 * time.Second
	longestPause    = 15 * time.Second
)

// backoff counts failures, and forgets half of them every failureHalfLife.
type backoff struct {
	failures float64
	last     time.Time
}

// next notes a failure and returns the pause before the next try.
func (b *backoff) next(now time.Time) time.Duration {
	if !b.last.IsZero() {
		b.failures *= math.Exp2(-float64(now.Sub(b.last)) / float64(failureHalfLife))
	}
	b.failures++
	b.last = now
	if b.failures < 1.5 {
		return 0
	}
	pause := time.Duration(math.Exp2(b.failures-2) * float64(500*time.Millisecond))
	return min(pause, longestPause)
}
