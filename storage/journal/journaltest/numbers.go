package journaltest

import (
	"context"
	"errors"
	"sync"

	"sluice/packager/timeline"
	"sluice/storage/journal"
)

// ErrStore is what a Numbers that was told to fail returns.
var ErrStore = errors.New("number store is away")

// Numbers is a journal.NumberStore in memory, which can fail.
type Numbers struct {
	mu      sync.Mutex
	saved   map[string]timeline.Numbers
	failing bool
	saves   int
}

var _ journal.NumberStore = (*Numbers)(nil)

// LoadNumbers implements journal.NumberStore.
func (n *Numbers) LoadNumbers(_ context.Context, stream string) (timeline.Numbers, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failing {
		return timeline.Numbers{}, ErrStore
	}
	return n.saved[stream], nil
}

// SaveNumbers implements journal.NumberStore.
func (n *Numbers) SaveNumbers(_ context.Context, stream string, next timeline.Numbers) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.saves++
	if n.failing {
		return ErrStore
	}
	if n.saved == nil {
		n.saved = map[string]timeline.Numbers{}
	}
	n.saved[stream] = next
	return nil
}

// Fail makes every call fail, or none.
func (n *Numbers) Fail(failing bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = failing
}

// Saved returns what a restart would find.
func (n *Numbers) Saved(stream string) timeline.Numbers {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.saved[stream]
}

// Saves returns how often SaveNumbers was called.
func (n *Numbers) Saves() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.saves
}
