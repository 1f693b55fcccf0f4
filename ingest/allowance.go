package ingest

import (
	"fmt"
	"time"
)

// allowanceTime is how much of its limit a publisher may send at once: what it had
// to hold back while its line was stuck.
const allowanceTime = 10 * time.Second

// allowance bounds the bitrate of all that a session's peer sends, whether it comes to
// messages or not: a token bucket. Its zero value bounds nothing.
type allowance struct {
	limit int64 // bits a second
	left  float64
	at    time.Time // of left
}

func newAllowance(limit int64, now time.Time) allowance {
	return allowance{limit: limit, left: float64(limit) * allowanceTime.Seconds(), at: now}
}

// spend takes bytes that were read. The error says by how much a publisher is above its
// limit.
func (a *allowance) spend(bytes int, now time.Time) error {
	if a.limit <= 0 {
		return nil
	}
	most := float64(a.limit) * allowanceTime.Seconds()
	a.left = min(most, a.left+float64(a.limit)*now.Sub(a.at).Seconds()) - float64(8*bytes)
	a.at = now
	if a.left < 0 {
		return fmt.Errorf("%w: %.1f Mb/s is allowed", ErrBitrate, float64(a.limit)/1e6)
	}
	return nil
}

// metered reads a session's connection within its allowance.
type metered struct{ s *session }

func (m metered) Read(b []byte) (int, error) {
	n, err := m.s.conn.Read(b)
	if over := m.s.rate.spend(n, m.s.socket.arrived); over != nil {
		return n, over
	}
	return n, err
}
