package timeline

import (
	"context"
	"sync"
	"sync/atomic"
)

// Feed hands the newest Timeline of one stream to its readers. Reading takes
// no lock; waiting costs a channel shared by all who wait for the same
// rendition. All methods may be called at once, Publish by one goroutine at a
// time.
type Feed struct {
	current atomic.Pointer[Timeline]
	any     signal
	mu      sync.Mutex // guards the map, not the signals in it
	signals map[RenditionID]*signal
}

// NewFeed returns a feed that stands at t.
func NewFeed(t *Timeline) *Feed {
	f := &Feed{signals: map[RenditionID]*signal{}}
	f.current.Store(t)
	return f
}

// Current returns the newest timeline.
func (f *Feed) Current() *Timeline { return f.current.Load() }

// Publish makes t the current timeline and wakes those who wait for something
// that changed. Only a journal calls it.
func (f *Feed) Publish(t *Timeline) {
	old := f.current.Swap(t)
	f.any.fire()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, s := range f.signals {
		r, was := t.Rendition(id), old.Rendition(id)
		if r != was && (r == nil || was == nil || r.Version != was.Version) || t.State != old.State || t.Targets != old.Targets {
			s.fire()
		}
	}
}

// Await returns the first timeline at or after the current one for which ready
// is true. It looks again after each change of the rendition, of the stream's
// state and of its targets; with an empty id, after every change. The error is
// the context's.
func (f *Feed) Await(ctx context.Context, id RenditionID, ready func(*Timeline) bool) (*Timeline, error) {
	if t := f.Current(); ready(t) {
		return t, nil
	}
	s := f.signal(id)
	for {
		changed := s.wait()
		if t := f.Current(); ready(t) {
			return t, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Changed returns a channel that the next change after this call closes: one of the
// rendition, of the stream's state or of its targets; with an empty id, any change.
// It is for who waits for something else as well; who gets it looks at Current after
// that.
func (f *Feed) Changed(id RenditionID) <-chan struct{} { return f.signal(id).wait() }

func (f *Feed) signal(id RenditionID) *signal {
	if id == "" {
		return &f.any
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.signals[id]
	if s == nil {
		s = &signal{}
		f.signals[id] = s
	}
	return s
}

// signal wakes all who wait, by closing a channel that the first of them made.
type signal struct{ ch atomic.Pointer[chan struct{}] }

// wait returns a channel that the next fire closes.
func (s *signal) wait() <-chan struct{} {
	for {
		if ch := s.ch.Load(); ch != nil {
			return *ch
		}
		ch := make(chan struct{})
		if s.ch.CompareAndSwap(nil, &ch) {
			return ch
		}
	}
}

func (s *signal) fire() {
	if ch := s.ch.Swap(nil); ch != nil {
		close(*ch)
	}
}
