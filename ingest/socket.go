package ingest

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
// last came. One goroutine reads, one writes; interrupt, interruptWrites and silence
// may be called by any, watch by the reader while nobody writes.
type socket struct {
	net.Conn
	sleeper sleeper
	limits  *Limits
	counts  *counters

	encrypted bool
	records   records
	most      int // what lowWater may be at most
	want      int // plaintext that must come before anything can be done; 0: unknown

	out     prometheus.Counter // what written bytes count into
	playing bool               // it's enough for the peer to take what it is sent
	sent    atomic.Int64       // bytes written in all
	wrote   atomic.Int64       // when bytes were last written, as last

	phaseEnd time.Time // when the present phase must be over; zero: never
	armed    time.Time // when the read deadline was last set
	progress time.Time // when a message was last finished; zero: nobody minds

	arrived     time.Time    // when bytes last came; the reader's own
	epoch       time.Time    // what last counts from, on the monotonic clock
	last        atomic.Int64 // when bytes last came, in nanoseconds; 0: never
	interrupted atomic.Bool
	cut         atomic.Bool // nothing more is to be written
}

func newSocket(c net.Conn, encrypted bool, l *Limits, counts *counters, now time.Time) *socket {
	s := &socket{Conn: c, encrypted: encrypted, limits: l, counts: counts, out: counts.out, epoch: now, most: maxLowWater}
	s.sleeper.init(c)
	return s
}

// phase bounds what follows: within d it must be over, whatever comes. 0 is no
// bound but the idle time.
func (s *socket) phase(d time.Duration) {
	s.phaseEnd, s.progress = time.Time{}, time.Time{}
	if d > 0 {
		s.phaseEnd = time.Now().Add(d)
	}
	s.arm(time.Now())
}

// expect bounds each message that follows by Limits.Stall, until the next phase.
func (s *socket) expect() { s.progress = time.Now() }

// finished notes that a message is there.
func (s *socket) finished() {
	if s.progress.IsZero() {
		return
	}
	now := s.arrived
	late := now.Sub(s.progress) > s.limits.Stall-s.limits.Idle-s.limits.Idle/rearm
	if s.progress = now; late {
		s.arm(now) // the deadline was this message's
	}
}

// stalled says whether a message is overdue.
func (s *socket) stalled(now time.Time) bool {
	return !s.progress.IsZero() && !now.Before(s.progress.Add(s.limits.Stall))
}

// arm sets the read deadline.
func (s *socket) arm(now time.Time) {
	s.armed = now
	end := now.Add(s.limits.Idle)
	if !s.phaseEnd.IsZero() && s.phaseEnd.Before(end) {
		end = s.phaseEnd
	}
	if overdue := s.progress.Add(s.limits.Stall); !s.progress.IsZero() && overdue.Before(end) {
		end = overdue
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

// interruptWrites ends the present and every later write.
func (s *socket) interruptWrites() {
	s.cut.Store(true)
	s.SetWriteDeadline(past)
}

// watch says that the connection plays, and where its bytes are counted; nil, that it
// doesn't any more.
func (s *socket) watch(played prometheus.Counter) {
	if s.playing = played != nil; s.playing {
		s.out = played
		limitUnsent(s.Conn, maxUnsent)
		s.phase(0)
	} else {
		s.out = s.counts.out
	}
}

// taken says whether the peer plays, and took something just now: then it needs to
// send nothing.
func (s *socket) taken() bool {
	return s.playing && time.Since(s.epoch)-time.Duration(s.wrote.Load()) < s.limits.Idle
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
	for n == 0 && err != nil && isTimeout(err) && s.phaseEnd.IsZero() && !s.interrupted.Load() && s.taken() {
		s.arm(time.Now())
		n, err = s.sleeper.read(s, p)
	}
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
func (s *socket) Write(p []byte) (written int, err error) {
	for {
		piece := p[written:min(len(p), written+writePiece)]
		s.SetWriteDeadline(time.Now().Add(s.limits.Write))
		if s.cut.Load() {
			s.SetWriteDeadline(past)
		}
		n, err := s.Conn.Write(piece)
		written += n
		s.out.Add(float64(n))
		s.sent.Add(int64(n))
		if n > 0 {
			s.wrote.Store(int64(time.Since(s.epoch)))
		}
		if err != nil || written == len(p) {
			return written, err
		}
	}
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
