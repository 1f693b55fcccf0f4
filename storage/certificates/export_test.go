package certificates

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// Renew makes a Set look for certificates to renew so often, and renew with this
// share of their life left.
func (s *Set) Renew(every time.Duration, window float64) {
	s.acme.renewEvery, s.acme.window = every, window
}

// Until asks until it's so, for a minute at most.
func Until(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("in vain")
		}
	}
}

// Lines is a log that a test reads while others write it.
type Lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Count tells how often s was written.
func (l *Lines) Count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

// Take returns what was written since it was called last.
func (l *Lines) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
