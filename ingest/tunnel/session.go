package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

var (
	errOrder = errors.New("a request is missing, or was answered long ago")
	errEarly = errors.New("too many requests at once")
)

// session puts a client's requests in order.
type session struct {
	conn *conn

	mu sync.Mutex
	// Guarded by mu.
	begun   bool
	next    uint64        // the number of the request whose turn it is
	busy    bool          // one is being served
	early   int           // requests that wait for their turn
	changed chan struct{} // closed and replaced when next or busy change
	last    []byte        // the answer to the one before next
	idle    int           // answers in a row that said nothing
}

func newSession(c *conn) *session { return &session{conn: c, changed: make(chan struct{})} }

// exchange serves one request: its bytes go to the reader, what that has to say comes
// back, behind the interval.
func (s *session) exchange(ctx context.Context, command string, n uint64, body io.Reader) ([]byte, error) {
	again, err := s.enter(ctx, n)
	if err != nil {
		return nil, err
	}
	if again != nil {
		return again, nil
	}
	said, err := s.serve(command, body)
	s.leave(said)
	return said, err
}

func (s *session) serve(command string, body io.Reader) ([]byte, error) {
	switch command {
	case "send":
		if err := s.conn.feed(body); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return nil, fmt.Errorf("body: %w", err)
		}
	case "close":
		s.conn.hangUp()
		return []byte{0}, nil
	}
	s.conn.settle()
	heard := s.conn.fetch()
	if len(heard) > 0 || command == "send" {
		s.idle = 0
	} else {
		s.idle = min(s.idle+1, len(intervals)-1)
	}
	return append([]byte{intervals[s.idle]}, heard...), nil
}

// enter waits for a request's turn. again is the answer to one that was served
// already; else leave must follow.
func (s *session) enter(ctx context.Context, n uint64) (again []byte, err error) {
	deadline := time.NewTimer(earlyTime)
	defer deadline.Stop()
	waits := false
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if !s.begun {
			s.begun, s.next = true, n // clients begin at 0 or at 1
		}
		switch {
		case n == s.next && !s.busy:
			s.busy = true
			return nil, nil
		case n < s.next && n+1 == s.next && s.last != nil:
			return s.last, nil
		case n < s.next:
			return nil, errOrder
		case !waits && s.early >= maxEarly:
			return nil, errEarly
		}
		if !waits {
			waits = true
			s.early++
			defer func() { s.early-- }()
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-deadline.C:
			err = errOrder
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		s.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
}

// leave lets the next request have its turn.
func (s *session) leave(said []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.last = false, said
	s.next++
	close(s.changed)
	s.changed = make(chan struct{})
}
