package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/storage/catalog/legacy"
	"sluice/storage/durable"
)

// adopt takes over catalog.json, the first time that a database is opened in the
// folder. What can't be read is left as it is, and stops the start: somebody's keys
// are in it.
func (c *Catalog) adopt(ctx context.Context, dir string) error {
	path := filepath.Join(dir, legacyName)
	done := false
	err := c.change(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT adopted FROM meta`).Scan(&done); err != nil || done {
			return err
		}
		old, err := legacy.Read(path)
		if err != nil {
			return err
		}
		if err := take(ctx, tx, old); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE meta SET adopted = 1`)
		return err
	})
	if err != nil {
		return fmt.Errorf("take over %s: %w", path, err)
	}
	// A crash may have come before this.
	kept := filepath.Join(dir, keptName)
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Rename(path, kept); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("take over %s: %w", path, err)
	}
	return durable.SyncDir(dir)
}

func take(ctx context.Context, tx *sql.Tx, old legacy.Catalog) error {
	for _, s := range old.Streams {
		if _, err := put(ctx, tx, s); err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
	}
	refused, err := saveNumbers(ctx, tx, old.Numbers)
	if err == nil && len(refused) > 0 {
		err = errNames
	}
	return err
}
