package child

import "sync"

// Tail keeps the end of what was written to it, Max bytes of it. Any number of
// goroutines may use it at once.
type Tail struct {
	Max int

	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer; it never errs.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) >= t.Max {
		t.b = append(t.b[:0], p[len(p)-t.Max:]...)
		return len(p), nil
	}
	if over := len(t.b) + len(p) - t.Max; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	t.b = append(t.b, p...)
	return len(p), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
