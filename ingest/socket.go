package ingest

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxLowWater bounds SO_RCVLOWAT: half of Linux's default receive buffer, of
	// which half is window.
	maxLowWater = 64 << 10
	// rearm is the share of the idle time after which its deadline is set anew.
	rearm = 8
)

// socket is a connection's bottom. It sleeps until as many bytes are there as
// the session can use (see sleeper), keeps the deadlines, and knows when bytes
// last came. One goroutine reads; interrupt and silence may be called by any.
type socket struct {
	net.Conn
	sleeper sleeper
	limits  *Limits
	counts  *counters

	encrypted bool
	records   records
	most      int // what lowWater may be at most
	want      int // plaintext that must come before anything can be done; 0: unknown

	phaseEnd time.Time // when the present phase must be over; zero: never
	armed    time.Time // when the read deadline was last set

	arrived     time.Time    // when bytes last came; the reader's own
	epoch       time.Time    // what last counts from, on the monotonic clock
	last        atomic.Int64 // when bytes last came, in nanoseconds; 0: never
	interrupted atomic.Bool
}

func newSocket(c net.Conn, encrypted bool, l *Limits, counts *counters, now time.Time) *socket {
	s := &socket{Conn: c, encrypted: encrypted, limits: l, counts: counts, epoch: now, most: maxLowWater}
	s.sleeper.init(c)
	return s
}

// phase bounds what follows: within d it must be over, whatever comes. 0 is no
// bound but the idle time.
func (s *socket) phase(d time.Duration) {
	s.phaseEnd = time.Time{}
	if d > 0 {
		s.phaseEnd = time.Now().Add(d)
	}
	s.arm(time.Now())
}

// arm sets the read deadline.
func (s *socket) arm(now time.Time) {
	s.armed = now
	end := now.Add(s.limits.Idle)
	if !s.phaseEnd.IsZero() && s.phaseEnd.Before(end) {
		end = s.phaseEnd
	}
	s.SetReadDeadline(end)
	if s.interrupted.Load() {
		s.SetReadDeadline(past)
	}
}

var past = time.Unix(1, 0)

// interrupt ends the present and every later read with os.ErrDeadlineExceeded.
func (s *socket) interrupt() {
	s.interrupted.Store(true)
	s.SetReadDeadline(past)
}

// resume allows reads again, for the farewell.
func (s *socket) resume() { s.interrupted.Store(false) }

// setWant takes the chunk reader's lower bound of what is missing.
func (s *socket) setWant(n int) { s.want = n }

// lowWater returns how many bytes are worth waking up for.
func (s *socket) lowWater() int {
	n := s.want
	if s.encrypted {
		n = s.records.least(n)
	}
	return max(1, min(n, s.most))
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.sleeper.read(s, p)
	if n == 0 && err != nil && isTimeout(err) && s.phaseEnd.IsZero() && !s.interrupted.Load() {
		// Fewer bytes may have come than were worth waking up for: no idleness.
		if n = s.sleeper.poll(p); n > 0 {
			err = nil
		}
	}
	if n > 0 {
		now := time.Now()
		s.arrived = now
		s.last.Store(max(1, int64(now.Sub(s.epoch))))
		s.counts.in.Add(float64(n))
		if s.encrypted {
			s.records.feed(p[:n])
		}
		if now.Sub(s.armed) > s.limits.Idle/rearm && s.phaseEnd.IsZero() {
			s.arm(now)
		}
	}
	return n, err
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	s.SetWriteDeadline(time.Now().Add(s.limits.Write))
	n, err := s.Conn.Write(p)
	s.counts.out.Add(float64(n))
	return n, err
}

// silence returns for how long nothing has come from the peer. Bytes that wait
// in the kernel for more to come count where the kernel tells of them.
func (s *socket) silence() time.Duration {
	silence := time.Since(s.epoch) - time.Duration(s.last.Load())
	if k, ok := s.sleeper.silence(); ok {
		silence = min(silence, k)
	}
	return silence
}

// closeWrite tells the peer that nothing more comes from here.
func (s *socket) closeWrite() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

// rawConn returns the descriptor of a TCP connection, or nil.
func rawConn(c net.Conn) syscall.RawConn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
