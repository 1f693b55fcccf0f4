package disk

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"sluice/storage/objects"
)

// Open implements objects.Store.
func (s *Store) Open(ctx context.Context, key objects.Key, off, n int64) (io.ReadCloser, objects.Info, error) {
	if err := begin(ctx, key); err != nil {
		return nil, objects.Info{}, err
	}
	f, err := os.Open(s.path(key))
	if isAbsent(err) {
		return nil, objects.Info{}, fmt.Errorf("open object %s: %w", key, objects.ErrNotFound)
	}
	if err != nil {
		return nil, objects.Info{}, fmt.Errorf("open object %s: %w", key, err)
	}
	stat, err := f.Stat()
	switch {
	case err != nil:
	case !stat.Mode().IsRegular():
		err = objects.ErrNotFound
	case off < 0 || off > stat.Size():
		err = fmt.Errorf("%w: %d of %d bytes", objects.ErrRange, off, stat.Size())
	}
	if err != nil {
		f.Close()
		return nil, objects.Info{}, fmt.Errorf("open object %s: %w", key, err)
	}
	if left := stat.Size() - off; n < 0 || n > left {
		n = left
	}
	info := objects.Info{Key: key, Size: stat.Size(), Modified: stat.ModTime()}
	return &reader{io.NewSectionReader(f, off, n), f}, info, nil
}

type reader struct {
	*io.SectionReader
	io.Closer
}

// List implements objects.Store.
func (s *Store) List(ctx context.Context, prefix objects.Key) iter.Seq2[objects.Info, error] {
	return func(yield func(objects.Info, error) bool) {
		if prefix != "" {
			if err := prefix.Check(); err != nil {
				yield(objects.Info{}, err)
				return
			}
		}
		s.list(ctx, prefix, yield)
	}
}

// list yields what lies below prefix, and reports whether to go on.
func (s *Store) list(ctx context.Context, prefix objects.Key, yield func(objects.Info, error) bool) bool {
	entries, err := os.ReadDir(s.path(prefix))
	if isAbsent(err) {
		err = nil
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		yield(objects.Info{}, fmt.Errorf("list objects: %w", err))
		return false
	}
	for _, e := range entries {
		if err := context.Cause(ctx); err != nil {
			yield(objects.Info{}, fmt.Errorf("list objects: %w", err))
			return false
		}
		key := objects.Key(e.Name())
		if prefix != "" {
			key = prefix + "/" + key
		}
		if key.Check() != nil {
			continue // nothing of ours
		}
		if e.IsDir() {
			if !s.list(ctx, key, yield) {
				return false
			}
			continue
		}
		info, ok, err := s.info(key, e)
		if (ok || err != nil) && !yield(info, err) || err != nil {
			return false
		}
	}
	return true
}

// info describes a file, if it is an object and still there.
func (s *Store) info(key objects.Key, e fs.DirEntry) (objects.Info, bool, error) {
	stat, err := e.Info()
	switch {
	case isAbsent(err), err == nil && !stat.Mode().IsRegular():
		return objects.Info{}, false, nil
	case err != nil:
		return objects.Info{}, false, fmt.Errorf("list %s: %w", filepath.Join(s.objects(), string(key)), err)
	}
	return objects.Info{Key: key, Size: stat.Size(), Modified: stat.ModTime()}, true, nil
}
