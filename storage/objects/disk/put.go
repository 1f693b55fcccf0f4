package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/storage/durable"
	"sluice/storage/objects"
)

// renames is how often a folder may vanish, with the last object in it, before what
// is to go into it is there.
const renames = 100

// Put implements objects.Store.
func (s *Store) Put(ctx context.Context, key objects.Key, data []byte) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	if err := s.put(key, data); err != nil {
		return fmt.Errorf("put object %s: %w", key, classify(err))
	}
	return nil
}

func (s *Store) put(key objects.Key, data []byte) error {
	size := int64(len(data))
	if err := s.reserve(size); err != nil {
		return err
	}
	name, err := s.write(data)
	if err != nil {
		s.count(-size)
		return err
	}
	old, err := s.place(name, s.path(key))
	if err != nil {
		s.count(-size)
		os.Remove(name)
		return err
	}
	s.count(-old)
	return durable.SyncDir(filepath.Dir(s.path(key)))
}

// reserve counts bytes that are about to be written, if they fit.
func (s *Store) reserve(n int64) error {
	free, err := s.free(s.options.Folder)
	if err != nil {
		return fmt.Errorf("ask how much is free: %w", err)
	}
	if free-s.options.MinFree < n {
		return fmt.Errorf("%w: %d bytes are free on the device, of which %d stay so", objects.ErrFull, free, s.options.MinFree)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.MaxBytes; limit > 0 && s.used+n > limit {
		return fmt.Errorf("%w: %d of %d bytes are used", objects.ErrFull, s.used, limit)
	}
	s.used += n
	return nil
}

// write returns the name of a temporary file that holds data for good.
func (s *Store) write(data []byte) (name string, err error) {
	f, err := os.CreateTemp(s.fresh(), "*")
	if err != nil {
		return "", err
	}
	_, werr := f.Write(data)
	if err := errors.Join(werr, f.Chmod(fileMode), f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// place renames a file to where its object lies, and returns the size of what was there.
func (s *Store) place(name, path string) (old int64, err error) {
	for range renames {
		if err := s.folder(filepath.Dir(path)); err != nil {
			return 0, err
		}
		old = 0
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			old = info.Size()
		}
		if err = os.Rename(name, path); !errors.Is(err, fs.ErrNotExist) {
			return old, err
		}
	}
	return 0, err
}

// folder makes a folder below the objects', and those above it; for good.
func (s *Store) folder(dir string) error {
	for range renames {
		err := os.Mkdir(dir, dirMode)
		switch {
		case err == nil:
			if err := durable.SyncDir(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case errors.Is(err, fs.ErrExist):
			return nil
		case !errors.Is(err, fs.ErrNotExist) || dir == s.options.Folder:
			return err
		}
		if err := s.folder(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	return fmt.Errorf("make %s: %w", dir, fs.ErrNotExist)
}

// classify says of an error that the device is full where it is.
func classify(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", objects.ErrFull, err)
	}
	return err
}
