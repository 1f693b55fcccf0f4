package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sluice/storage/durable"
	"sluice/storage/objects"
)

var _ objects.Mover = (*Store)(nil)

// Move implements objects.Mover.
func (s *Store) Move(ctx context.Context, from, to objects.Key) error {
	if err := begin(ctx, from); err != nil {
		return err
	}
	if err := begin(ctx, to); err != nil {
		return err
	}
	if err := s.move(s.path(from), s.path(to)); err != nil {
		return fmt.Errorf("move objects from %s to %s: %w", from, to, classify(err))
	}
	return nil
}

func (s *Store) move(from, to string) error {
	if _, err := os.Lstat(from); isAbsent(err) {
		return nil
	}
	if err := s.folder(filepath.Dir(to)); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if err := durable.SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(from))
}
