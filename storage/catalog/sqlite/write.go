package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
)

// write makes one transaction of f. Who waits for the writer's connection stops
// waiting when its context ends.
func (c *Catalog) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := c.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// change is a write that watchers are told of.
func (c *Catalog) change(ctx context.Context, f func(*sql.Tx) error) error {
	err := c.write(ctx, f)
	if err != nil {
		return explained(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// Put implements catalog.Store.
func (c *Catalog) Put(ctx context.Context, s catalog.Stream) (revision uint64, err error) {
	if err := s.Validate(); err != nil {
		return 0, fmt.Errorf("put %w", err)
	}
	err = c.change(ctx, func(tx *sql.Tx) error {
		revision, err = put(ctx, tx, s)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("put stream %s: %w", s.Name, err)
	}
	return revision, nil
}

func put(ctx context.Context, tx *sql.Tx, s catalog.Stream) (revision uint64, err error) {
	var present uint64
	err = tx.QueryRowContext(ctx, `SELECT revision FROM streams WHERE name = ?`, s.Name).Scan(&present)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, err
	case present != s.Revision:
		return 0, catalog.ErrConflict
	}
	if present == 0 {
		var count int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM streams`).Scan(&count); err != nil {
			return 0, err
		}
		if count >= catalog.MaxStreams {
			return 0, fmt.Errorf("%d streams are enough", catalog.MaxStreams)
		}
	}
	if revision, err = nextRevision(ctx, tx); err != nil {
		return 0, err
	}
	var ladder any
	if s.Ladder != nil {
		text, err := json.Marshal(s.Ladder)
		if err != nil {
			return 0, err
		}
		ladder = string(text)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO streams (name, revision, created, segment, part, span, ladder) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, created = excluded.created,
			segment = excluded.segment, part = excluded.part, span = excluded.span, ladder = excluded.ladder`,
		s.Name, revision, stamp(s.Created), s.Timing.Segment, s.Timing.Part, s.Timing.Window, ladder)
	if err != nil {
		return 0, err
	}
	return revision, putKeys(ctx, tx, s)
}

func nextRevision(ctx context.Context, tx *sql.Tx) (n uint64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE meta SET revision = revision + 1 RETURNING revision`).Scan(&n)
	return n, err
}

// putKeys replaces a stream's keys; those that stay keep when they were used.
func putKeys(ctx context.Context, tx *sql.Tx, s catalog.Stream) error {
	used := map[catalog.KeyHash]int64{}
	rows, err := tx.QueryContext(ctx, `DELETE FROM keys WHERE stream = ? RETURNING hash, used`, s.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var at int64
		if err := rows.Scan(&hash, &at); err != nil {
			return err
		}
		used[catalog.KeyHash(hash)] = at
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i, k := range s.Keys {
		var owner string
		err := tx.QueryRowContext(ctx, `SELECT stream FROM keys WHERE hash = ?`, k.Hash[:]).Scan(&owner)
		if err == nil {
			return fmt.Errorf("%w: %s", catalog.ErrKeyTaken, owner)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var allow []string
		for _, p := range k.Allow {
			allow = append(allow, p.String())
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO keys
			(hash, stream, position, id, label, purpose, created, expires, revoked, allow, used)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			k.Hash[:], s.Name, i, k.ID, k.Label, string(k.Purpose), stamp(k.Created), stamp(k.Expires), stamp(k.Revoked),
			strings.Join(allow, " "), used[k.Hash])
		if err != nil {
			return err
		}
	}
	return nil
}

// Remove implements catalog.Store.
func (c *Catalog) Remove(ctx context.Context, name string) error {
	err := c.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM streams WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, catalog.ErrNotFound)
		}
		_, err = nextRevision(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove stream %s: %w", name, err)
	}
	return nil
}

// NoteUses implements catalog.Uses.
func (c *Catalog) NoteUses(ctx context.Context, at map[catalog.KeyHash]time.Time) error {
	err := c.write(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `UPDATE keys SET used = ? WHERE hash = ? AND used < ?`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for k, t := range at {
			if _, err := stmt.ExecContext(ctx, stamp(t), k[:], stamp(t)); err != nil {
				return err
			}
		}
		return nil
	})
	c.uses.Add(1)
	if err != nil {
		return fmt.Errorf("note when keys were used: %w", explained(err))
	}
	return nil
}

// SaveNumbers implements journal.NumberStore.
func (c *Catalog) SaveNumbers(ctx context.Context, name string, n timeline.Numbers) error {
	if err := catalog.ValidateName(name); err != nil {
		return fmt.Errorf("save numbers: %w", err)
	}
	if n.Epoch > math.MaxInt64 || n.MSN > math.MaxInt64 {
		return fmt.Errorf("save numbers of %s: %v is too large", name, n)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("save numbers of %s: %w", name, err)
	}
	c.mu.Lock()
	if _, waits := c.pending[name]; !waits && len(c.pending) >= maxNumbers {
		c.mu.Unlock()
		return fmt.Errorf("save numbers of %s: %w", name, errNames)
	}
	c.asked++
	ticket := c.asked
	c.pending[name] = n
	delete(c.refused, name)
	c.mu.Unlock()
	err := c.flush(ctx, ticket)
	if err == nil && c.isRefused(name) {
		err = errNames
	}
	if err != nil {
		return fmt.Errorf("save numbers of %s: %w", name, explained(err))
	}
	return nil
}

func (c *Catalog) isRefused(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[name]
}

// flush writes the numbers that wait, unless somebody has done so since ticket.
func (c *Catalog) flush(ctx context.Context, ticket uint64) error {
	conn, err := c.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c.mu.Lock()
	upTo, done := c.asked, c.saved >= ticket
	taken := maps.Clone(c.pending)
	c.mu.Unlock()
	if done {
		return nil
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	refused, err := saveNumbers(ctx, tx, taken)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = upTo
	maps.DeleteFunc(c.pending, func(name string, n timeline.Numbers) bool { return taken[name] == n })
	for _, name := range refused {
		c.refused[name] = true
	}
	return nil
}

// saveNumbers writes numbers, but for those of new names that would be too many, which
// it returns: they must not keep others from being saved.
func saveNumbers(ctx context.Context, tx *sql.Tx, all map[string]timeline.Numbers) (refused []string, err error) {
	update, err := tx.PrepareContext(ctx, `UPDATE numbers SET epoch = ?, msn = ? WHERE stream = ?`)
	if err != nil {
		return nil, err
	}
	defer update.Close()
	var count int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM numbers`).Scan(&count); err != nil {
		return nil, err
	}
	for name, n := range all {
		result, err := update.ExecContext(ctx, int64(n.Epoch), int64(n.MSN), name)
		if err != nil {
			return nil, err
		}
		if known, err := result.RowsAffected(); err != nil {
			return nil, err
		} else if known > 0 {
			continue
		}
		if count++; count > maxNumbers {
			refused = append(refused, name)
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO numbers (stream, epoch, msn) VALUES (?, ?, ?)`, name, int64(n.Epoch), int64(n.MSN)); err != nil {
			return nil, err
		}
	}
	return refused, nil
}
