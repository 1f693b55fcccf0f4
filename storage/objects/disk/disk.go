package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"sluice/storage/durable"
	"sluice/storage/objects"
)

// Options configure a Store.
type Options struct {
	Folder string // made where it is missing
	// MaxBytes bounds the bytes of all objects; 0: nothing does.
	MaxBytes int64
	// MinFree is what stays free on the device; 0: as much as it can spare.
	MinFree int64
}

// Store implements objects.Store.
type Store struct {
	options Options
	lock    io.Closer
	free    func(path string) (int64, error) // bytes that may be written on the device of path

	mu   sync.Mutex
	used int64 // bytes of the objects, and of those that are being put
}

var _ objects.Store = (*Store)(nil)

// Open opens the folder's store, and makes it where it is missing. The error wraps
// durable.ErrLocked where another process has it open.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	s := &Store{options: o, free: freeBytes}
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("open objects in %s: %w", o.Folder, err)
		}
	}()
	for _, dir := range []string{o.Folder, s.objects()} {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return nil, err
		}
	}
	if s.lock, err = durable.Lock(filepath.Join(o.Folder, "lock")); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.fresh()); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.fresh(), dirMode); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(o.Folder); err != nil {
		return nil, err
	}
	for info, err := range s.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		s.used += info.Size
	}
	return s, nil
}

// Files and folders are for the gateway's own user: streams may be private.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

func (s *Store) objects() string { return filepath.Join(s.options.Folder, "objects") }
func (s *Store) fresh() string   { return filepath.Join(s.options.Folder, "new") }

// path is where an object lies.
func (s *Store) path(key objects.Key) string {
	return filepath.Join(s.objects(), filepath.FromSlash(string(key)))
}

// Close lets others open the folder. Nothing may be called after it; it may be called
// more than once.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	l := s.lock
	s.lock = nil
	return l.Close()
}

// Usage is how much room there is.
type Usage struct {
	Used int64 // bytes of the objects
	Room int64 // bytes that can be put; negative where a bound is broken already
}

// Usage returns how much room there is. The error is the device's.
func (s *Store) Usage() (Usage, error) {
	s.mu.Lock()
	u := Usage{Used: s.used}
	s.mu.Unlock()
	free, err := s.free(s.options.Folder)
	if err != nil {
		return u, fmt.Errorf("ask how much is free: %w", err)
	}
	u.Room = free - s.options.MinFree
	if s.options.MaxBytes > 0 {
		u.Room = min(u.Room, s.options.MaxBytes-u.Used)
	}
	return u, nil
}

// Delete implements objects.Store.
func (s *Store) Delete(ctx context.Context, key objects.Key) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	path := s.path(key)
	info, err := os.Lstat(path)
	switch {
	case isAbsent(err), err == nil && !info.Mode().IsRegular():
		return nil
	case err != nil:
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	s.count(-info.Size())
	for dir := filepath.Dir(path); dir != s.objects(); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil { // it holds others, or has gone
			break
		}
	}
	return nil
}

func (s *Store) count(n int64) {
	s.mu.Lock()
	s.used += n
	s.mu.Unlock()
}

// begin is what every method on a key asks first.
func begin(ctx context.Context, key objects.Key) error {
	if err := key.Check(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("object %s: %w", key, err)
	}
	return nil
}

// isAbsent reports whether an error says that there is no such file, as it does
// where a file stands in place of one of its folders.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) || isNoFolder(err) }
