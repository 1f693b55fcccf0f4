package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"sluice/storage/catalog"
)

// pollEvery is how often a watcher asks whether another process changed something.
const pollEvery = time.Second

// Changes implements catalog.Watcher.
func (c *Catalog) Changes(ctx context.Context) iter.Seq2[catalog.Change, error] {
	return func(yield func(catalog.Change, error) bool) {
		w := watcher{catalog: c}
		defer w.close()
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		failing := false
		for ctx.Err() == nil {
			ours := c.signal() // before looking, so that nothing falls in between
			changes, err := w.look(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil && !failing && !yield(catalog.Change{}, explained(err)) {
				return
			}
			failing = err != nil
			for _, change := range changes {
				if !yield(change, nil) {
					return
				}
			}
			select {
			case <-ours:
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
}

// signal returns a channel that is closed with this process's next change.
func (c *Catalog) signal() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// watcher compares the streams with those that it saw last.
type watcher struct {
	catalog *Catalog
	conn    *sql.Conn // its own: data_version is counted for each connection
	version int64     // PRAGMA data_version: changes with every commit of another connection
	rev     uint64
	known   map[string]uint64 // revisions by name
}

func (w *watcher) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// look returns what has changed; at first, and after an error, that everything may
// have.
func (w *watcher) look(ctx context.Context) (changes []catalog.Change, err error) {
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	fresh := w.conn == nil
	if fresh {
		if w.conn, err = w.catalog.readers.Conn(ctx); err != nil {
			return nil, err
		}
	}
	var version int64
	if err := w.conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return nil, err
	}
	if !fresh && version == w.version {
		return nil, nil
	}
	w.version = version
	var rev uint64
	if err := w.catalog.revision.QueryRowContext(ctx).Scan(&rev); err != nil {
		return nil, err
	}
	if !fresh && rev == w.rev {
		return nil, nil // numbers, or when a key was used
	}
	names, err := w.names(ctx)
	if err != nil {
		return nil, err
	}
	before := w.known
	w.rev, w.known = rev, names
	if fresh {
		return []catalog.Change{{Missed: true}}, nil
	}
	return w.compare(ctx, before)
}

func (w *watcher) names(ctx context.Context) (map[string]uint64, error) {
	rows, err := w.catalog.names.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[string]uint64{}
	for rows.Next() {
		var name string
		var rev uint64
		if err := rows.Scan(&name, &rev); err != nil {
			return nil, err
		}
		names[name] = rev
	}
	return names, rows.Err()
}

func (w *watcher) compare(ctx context.Context, before map[string]uint64) (changes []catalog.Change, err error) {
	for name, rev := range w.known {
		if before[name] == rev {
			continue
		}
		change := catalog.Change{Name: name}
		s, err := w.catalog.Stream(ctx, name)
		switch {
		case err == nil:
			change.Stream = &s
		case !errors.Is(err, catalog.ErrNotFound): // else it went just now
			return nil, err
		}
		changes = append(changes, change)
	}
	for name := range before {
		if _, still := w.known[name]; !still {
			changes = append(changes, catalog.Change{Name: name})
		}
	}
	return changes, nil
}
