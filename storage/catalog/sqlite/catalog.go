package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/durable"
	"sluice/storage/journal"

	_ "modernc.org/sqlite" // the driver
)

const (
	fileName   = "catalog.db"
	lockName   = "catalog.lock"
	legacyName = "catalog.json"
	keptName   = "catalog.json.migrated"

	// busyTimeout is how long one process waits for another's write.
	busyTimeout = 3 * time.Second
	maxReaders  = 8
	// maxNumbers bounds the names whose numbers are kept, streams of the
	// configuration and removed ones included.
	maxNumbers = 4 * catalog.MaxStreams
)

// errInUse says that another process has the folder open: both would give the same
// numbers to different media.
var errInUse = errors.New("another sluice is using it (choose a different folder with --data)")

// errNames says that a name's numbers can't be kept beside all the others.
var errNames = fmt.Errorf("%d names are enough", maxNumbers)

// Catalog implements catalog.Store and journal.NumberStore.
type Catalog struct {
	path string
	lock io.Closer // nil for one beside a gateway

	writer  *sql.DB // of one connection: who has it writes
	readers *sql.DB
	all, byName, byKey,
	numbers, names, revision *sql.Stmt

	kept atomic.Pointer[listing]
	uses atomic.Uint64 // counts calls of NoteUses

	// mu guards the numbers that wait to be written, those that were refused, and changed. Whoever writes takes
	// all of them along, so that a hundred streams that save at once cost two commits.
	mu      sync.Mutex
	pending map[string]timeline.Numbers
	refused map[string]bool // names that were too many, until they are saved again
	asked   uint64          // counts calls of SaveNumbers
	saved   uint64          // those up to here are on the disk
	changed chan struct{}   // closed when this process has changed a stream, and replaced
}

var (
	_ catalog.Store       = (*Catalog)(nil)
	_ journal.NumberStore = (*Catalog)(nil)
)

// Open opens the catalog in the folder, which is made where it's missing, and
// locks that until Close, so that there's one gateway for each.
func Open(ctx context.Context, dir string) (*Catalog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, folderError(dir, err)
	}
	lock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, folderError(dir, err)
	}
	if err := giveToOwner(filepath.Join(dir, lockName), dir); err != nil {
		lock.Close()
		return nil, folderError(dir, err)
	}
	c, err := open(ctx, dir)
	if err == nil {
		c.lock = lock
		if err = c.adopt(ctx, dir); err != nil {
			c.closeDatabase()
		}
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return c, nil
}

// OpenBeside opens the catalog of a folder that a gateway may have open, or be
// about to open.
func OpenBeside(ctx context.Context, dir string) (*Catalog, error) {
	// Whoever makes the catalog has the lock for a moment. A gateway of an earlier
	// release has it for good, and its file must not be taken over.
	until := time.Now().Add(busyTimeout)
	for {
		c, err := openBeside(ctx, dir)
		switch {
		case err == nil || !errors.Is(err, errInUse):
			return c, err
		case time.Now().After(until):
			return nil, fmt.Errorf("data folder %s: the gateway that uses it is of an earlier release: restart it first", dir)
		}
		select {
		case <-time.After(busyTimeout / 50):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func openBeside(ctx context.Context, dir string) (*Catalog, error) {
	if _, err := os.Stat(filepath.Join(dir, fileName)); err == nil {
		c, err := open(ctx, dir)
		if err != nil {
			return nil, err
		}
		adopted := false
		err = c.writer.QueryRowContext(ctx, `SELECT adopted FROM meta`).Scan(&adopted)
		if err == nil && adopted {
			return c, nil
		}
		if err := errors.Join(err, c.closeDatabase()); err != nil {
			return nil, fmt.Errorf("open catalog %s: %w", c.path, explained(err))
		}
	}
	c, err := Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	err = c.lock.Close() // a gateway may be started while we work
	c.lock = nil
	return c, err
}

// folderError says what to do about a folder that can't be had. What the system
// says names the very file.
func folderError(dir string, err error) error {
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("data folder %s: %w", dir, errInUse)
	}
	return fmt.Errorf("data folder %s: %w (choose a folder that can be written to with --data)", dir, err)
}

func open(ctx context.Context, dir string) (_ *Catalog, err error) {
	c := &Catalog{
		path: filepath.Join(dir, fileName), changed: make(chan struct{}),
		pending: map[string]timeline.Numbers{}, refused: map[string]bool{},
	}
	defer func() {
		if err != nil {
			c.closeDatabase()
			err = fmt.Errorf("open catalog %s: %w", c.path, explained(err))
		}
	}()
	// SQLite would make it readable for everybody; its other files take after it.
	f, err := os.OpenFile(c.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	if err := giveToOwner(c.path, dir); err != nil {
		return nil, err
	}
	if c.writer, err = c.pool(1, "synchronous(full)", "foreign_keys(1)"); err != nil {
		return nil, err
	}
	if err := c.migrate(ctx); err != nil {
		return nil, err
	}
	if c.readers, err = c.pool(maxReaders, "query_only(1)"); err != nil {
		return nil, err
	}
	return c, c.prepare(ctx)
}

// pool opens the file with some connections and pragmas.
func (c *Catalog) pool(connections int, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(c.path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive's letter
	}
	q := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// prepare prepares what is asked again and again.
func (c *Catalog) prepare(ctx context.Context) error {
	for _, s := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&c.all, selectStreams + orderStreams},
		{&c.byName, selectStreams + `WHERE s.name = ?` + orderStreams},
		{&c.byKey, selectStreams + `WHERE s.name = (SELECT stream FROM keys WHERE hash = ?)` + orderStreams},
		{&c.numbers, `SELECT epoch, msn FROM numbers WHERE stream = ?`},
		{&c.names, `SELECT name, revision FROM streams`},
		{&c.revision, `SELECT revision FROM meta`},
	} {
		stmt, err := c.readers.PrepareContext(ctx, s.query)
		if err != nil {
			return err
		}
		*s.to = stmt
	}
	return nil
}

// Close gives the folder back. No call may be under way or follow.
func (c *Catalog) Close() error {
	err := c.closeDatabase()
	if c.lock != nil {
		err = errors.Join(err, c.lock.Close())
	}
	return err
}

func (c *Catalog) closeDatabase() error {
	var errs []error
	for _, db := range []*sql.DB{c.readers, c.writer} { // the writer last: it tidies up
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
