package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// owner is a session as its rivals see it.
type owner interface {
	// silence returns for how long nothing has come from its publisher.
	silence() time.Duration
	// evict tells it to end. It doesn't wait.
	evict(cause error)
}

// owners says which session publishes a stream: one at most.
//
//	free ──claim──▶ owned ──release──▶ free
//
// With Newest, a second claim evicts the owner at once. Otherwise it waits: until the
// owner releases, or has been silent for OwnerSilence (then it is evicted, and its
// release waited for), or for OwnerWait in all (then ErrBusy). So nobody stays locked
// out by a publisher that hangs, and nobody pushes out one that doesn't.
type owners struct {
	limits *Limits
	newest bool

	mu sync.Mutex
	of map[string]*claim
}

// claim is a stream's owner; released is closed once its Sink has ended.
type claim struct {
	owner    owner
	released chan struct{}
}

func newOwners(l *Limits, newest bool) *owners {
	return &owners{limits: l, newest: newest, of: map[string]*claim{}}
}

// claim makes o the owner of a stream and returns how to release it.
func (os *owners) claim(ctx context.Context, stream string, o owner) (release func(), err error) {
	deadline := time.NewTimer(os.limits.OwnerWait)
	defer deadline.Stop()
	evicted := false
	for {
		present, release := os.take(stream, o)
		if present == nil {
			return release, nil
		}
		var silent <-chan time.Time
		if left := os.limits.OwnerSilence - present.owner.silence(); left > 0 && !os.newest {
			timer := time.NewTimer(left)
			defer timer.Stop() // a handful, within OwnerWait
			silent = timer.C
		} else if !evicted {
			evicted = true
			present.owner.evict(ErrTakenOver)
			// It is as good as gone: its Sink has its own time to end.
			deadline.Reset(os.limits.OwnerWait + os.limits.SinkEnd)
		}
		select {
		case <-present.released:
			evicted = false
		case <-silent:
		case <-deadline.C:
			return nil, fmt.Errorf("%w, its publisher is alive", ErrBusy)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// owner returns a stream's, or nil.
func (os *owners) owner(stream string) owner {
	os.mu.Lock()
	defer os.mu.Unlock()
	if c := os.of[stream]; c != nil {
		return c.owner
	}
	return nil
}

// all returns the owners, by stream.
func (os *owners) all() map[string]owner {
	os.mu.Lock()
	defer os.mu.Unlock()
	all := make(map[string]owner, len(os.of))
	for stream, c := range os.of {
		all[stream] = c.owner
	}
	return all
}

// take makes o the owner if there is none, or returns the present one.
func (os *owners) take(stream string, o owner) (*claim, func()) {
	os.mu.Lock()
	defer os.mu.Unlock()
	if present := os.of[stream]; present != nil {
		return present, nil
	}
	c := &claim{owner: o, released: make(chan struct{})}
	os.of[stream] = c
	return nil, func() {
		os.mu.Lock()
		defer os.mu.Unlock()
		delete(os.of, stream)
		close(c.released)
	}
}
