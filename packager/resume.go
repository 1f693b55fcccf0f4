package packager

import (
	"context"
	"fmt"
)

// Resume takes up a stream that an earlier process has left and the journal has brought
// back: its publisher is waited for as if it had just gone, and what is over is cleared
// when its window has passed. It does nothing where a session was sooner.
func (s *Stream) Resume(ctx context.Context) error {
	feed, err := s.packager.journal.Follow(ctx, s.name)
	if err != nil {
		return fmt.Errorf("resume %s: %w", s.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.record != nil {
		return nil
	}
	s.record = &record{journal: s.packager.journal, stream: s.name, feed: feed}
	s.schedule()
	return nil
}
