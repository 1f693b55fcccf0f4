package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/durable"
	"sluice/storage/journal"
)

const (
	fileName = "catalog.json"
	lockName = "catalog.lock"
)

// Catalog implements catalog.Store and journal.NumberStore.
type Catalog struct {
	path string
	lock io.Closer

	current atomic.Pointer[state]

	// writing holds a token while somebody replaces the file. A channel, since
	// waiting for a disk must end with the caller's context.
	writing chan struct{}

	// mu guards the numbers that wait to be written. Whoever writes takes all of
	// them along, so that a hundred streams that save at once cost two writes.
	mu      sync.Mutex
	pending map[string]timeline.Numbers
	asked   uint64 // counts calls of SaveNumbers
	saved   uint64 // those up to here are on the disk
}

var (
	_ catalog.Store       = (*Catalog)(nil)
	_ journal.NumberStore = (*Catalog)(nil)
)

// Open opens the catalog in the folder, which is made where it's missing, and
// locks it until Close.
func Open(dir string) (*Catalog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, folderError(dir, err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, folderError(dir, err)
	}
	c := &Catalog{
		path: filepath.Join(dir, fileName), lock: lock,
		writing: make(chan struct{}, 1), pending: map[string]timeline.Numbers{},
	}
	s, err := read(c.path)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("open catalog %s: %w", c.path, err)
	}
	c.current.Store(s)
	return c, nil
}

// folderError says what to do about a folder that can't be had. What the system
// says names the very file.
func folderError(dir string, err error) error {
	if errors.Is(err, errInUse) {
		return fmt.Errorf("data folder %s: %w", dir, err)
	}
	return fmt.Errorf("data folder %s: %w (choose a folder that can be written to with --data)", dir, err)
}

func read(path string) (*state, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return decode([]byte(`{"version":1}`))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("larger than %d bytes", maxDocument)
	}
	return decode(text)
}

// Close gives the folder back. No call may be under way or follow.
func (c *Catalog) Close() error { return c.lock.Close() }

// Streams implements catalog.Store.
func (c *Catalog) Streams(ctx context.Context) ([]catalog.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.current.Load().sorted(), nil
}

// ByKey implements catalog.Store.
func (c *Catalog) ByKey(ctx context.Context, k catalog.KeyHash) (catalog.Stream, error) {
	if err := ctx.Err(); err != nil {
		return catalog.Stream{}, err
	}
	s := c.current.Load()
	name, ok := s.keys[k]
	if !ok {
		return catalog.Stream{}, fmt.Errorf("key: %w", catalog.ErrNotFound)
	}
	return s.streams[name].Clone(), nil
}

// Put implements catalog.Store.
func (c *Catalog) Put(ctx context.Context, s catalog.Stream) error {
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("put stream %s: %w", s.Name, err)
	}
	defer c.end()
	next := c.current.Load().clone()
	if err := next.put(s); err != nil {
		return fmt.Errorf("put stream %s: %w", s.Name, err)
	}
	return c.write(next)
}

// Remove implements catalog.Store.
func (c *Catalog) Remove(ctx context.Context, name string) error {
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("remove stream %s: %w", name, err)
	}
	defer c.end()
	next := c.current.Load().clone()
	if !next.remove(name) {
		return fmt.Errorf("remove stream %s: %w", name, catalog.ErrNotFound)
	}
	return c.write(next)
}

// LoadNumbers implements journal.NumberStore.
func (c *Catalog) LoadNumbers(ctx context.Context, name string) (timeline.Numbers, error) {
	return c.current.Load().numbers[name], ctx.Err()
}

// SaveNumbers implements journal.NumberStore.
func (c *Catalog) SaveNumbers(ctx context.Context, name string, n timeline.Numbers) error {
	if err := catalog.ValidateName(name); err != nil {
		return fmt.Errorf("save numbers: %w", err)
	}
	c.mu.Lock()
	_, known := c.current.Load().numbers[name]
	if !known && len(c.current.Load().numbers)+len(c.pending) >= maxNumbers {
		c.mu.Unlock()
		return fmt.Errorf("save numbers of %s: %d names are enough", name, maxNumbers)
	}
	c.asked++
	ticket := c.asked
	c.pending[name] = n
	c.mu.Unlock()

	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("save numbers of %s: %w", name, err)
	}
	defer c.end()
	c.mu.Lock()
	done := c.saved >= ticket
	c.mu.Unlock()
	if done {
		return nil // whoever wrote meanwhile took these along
	}
	return c.write(c.current.Load().clone())
}

// begin waits for the right to write.
func (c *Catalog) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Catalog) end() { <-c.writing }

// write adds the pending numbers to next, makes it durable, and publishes it.
func (c *Catalog) write(next *state) error {
	c.mu.Lock()
	upTo := c.asked
	maps.Copy(next.numbers, c.pending)
	c.mu.Unlock()

	text, err := next.encode()
	if err != nil {
		return fmt.Errorf("encode catalog: %w", err)
	}
	if err := durable.WriteFile(c.path, text, 0o600); err != nil {
		return err
	}
	c.current.Store(next)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = upTo
	maps.DeleteFunc(c.pending, func(name string, n timeline.Numbers) bool { return next.numbers[name] == n })
	return nil
}
