package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// applicationID marks the file as ours ("Slce"): PRAGMA application_id.
const applicationID = 0x536c6365

// schema holds the steps from each version (PRAGMA user_version) to the next. A step
// that was released never changes. Times are milliseconds since 1970 in UTC, 0 for
// none; spans are nanoseconds; allow is a list of CIDR with spaces between.
var schema = []string{
	// 1: streams, their keys, and the numbers of the journal.
	`CREATE TABLE meta (
		one      INTEGER PRIMARY KEY CHECK (one = 1),
		revision INTEGER NOT NULL,           -- the last that a stream got
		adopted  INTEGER NOT NULL            -- whether catalog.json was looked for
	) STRICT;
	INSERT INTO meta VALUES (1, 0, 0);
	CREATE TABLE streams (
		name     TEXT PRIMARY KEY,
		revision INTEGER NOT NULL,
		created  INTEGER NOT NULL,
		segment  INTEGER NOT NULL,
		part     INTEGER NOT NULL,
		span     INTEGER NOT NULL,           -- the window
		ladder   TEXT                        -- JSON; NULL for the gateway's
	) STRICT, WITHOUT ROWID;
	CREATE TABLE keys (
		hash     BLOB PRIMARY KEY CHECK (length(hash) = 32),
		stream   TEXT NOT NULL REFERENCES streams ON DELETE CASCADE,
		position INTEGER NOT NULL,
		id       TEXT NOT NULL,
		label    TEXT NOT NULL,
		purpose  TEXT NOT NULL,
		created  INTEGER NOT NULL,
		expires  INTEGER NOT NULL,
		revoked  INTEGER NOT NULL,
		allow    TEXT NOT NULL,
		used     INTEGER NOT NULL DEFAULT 0
	) STRICT, WITHOUT ROWID;
	CREATE INDEX keys_of_stream ON keys (stream, position);
	CREATE TABLE numbers (
		stream   TEXT PRIMARY KEY,
		epoch    INTEGER NOT NULL,
		msn      INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;`,
}

const (
	selectStreams = `SELECT s.name, s.revision, s.created, s.segment, s.part, s.span, s.ladder,
		k.hash, k.id, k.label, k.purpose, k.created, k.expires, k.revoked, k.allow, k.used
		FROM streams s LEFT JOIN keys k ON k.stream = s.name `
	orderStreams = ` ORDER BY s.name, k.position`
)

// migrate brings the schema up to date.
func (c *Catalog) migrate(ctx context.Context) error {
	var mode string
	if err := c.writer.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("this file system can't hold it (journal mode %s): choose a local folder with --data", mode)
	}
	tx, err := c.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version, id int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return err
	}
	switch {
	case version > 0 && id != applicationID:
		return fmt.Errorf("it's another program's database")
	case version > len(schema):
		return fmt.Errorf("version %d, and this program knows %d: it's of a later release", version, len(schema))
	case version == len(schema):
		return nil
	}
	if err := upgrade(ctx, tx, version); err != nil {
		return err
	}
	return tx.Commit()
}

func upgrade(ctx context.Context, tx *sql.Tx, version int) error {
	for ; version < len(schema); version++ {
		if _, err := tx.ExecContext(ctx, schema[version]); err != nil {
			return fmt.Errorf("to version %d: %w", version+1, err)
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d; PRAGMA application_id = %d`, version, applicationID))
	return err
}
