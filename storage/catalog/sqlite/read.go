package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/transcode/rung"
)

// listing is all streams at a revision, as of some number of noted uses.
type listing struct {
	revision, uses uint64
	streams        []catalog.Stream
}

// Streams implements catalog.Store. Viewers have it called each second, and reading a
// thousand streams takes a good part of a tenth of one, so what was read is kept until
// something changes.
func (c *Catalog) Streams(ctx context.Context) ([]catalog.Stream, error) {
	// These come before the streams: what is read may be newer than they say, never older.
	l := &listing{uses: c.uses.Load()}
	if err := c.revision.QueryRowContext(ctx).Scan(&l.revision); err != nil {
		return nil, fmt.Errorf("list streams: %w", explained(err))
	}
	if kept := c.kept.Load(); kept != nil && kept.revision == l.revision && kept.uses == l.uses {
		l = kept
	} else {
		var err error
		if l.streams, err = query(ctx, c.all); err != nil {
			return nil, fmt.Errorf("list streams: %w", explained(err))
		}
		c.kept.Store(l)
	}
	streams := make([]catalog.Stream, len(l.streams))
	for i, s := range l.streams {
		streams[i] = s.Clone()
	}
	return streams, nil
}

// Stream implements catalog.Store.
func (c *Catalog) Stream(ctx context.Context, name string) (catalog.Stream, error) {
	return one(ctx, c.byName, "stream "+name, name)
}

// ByKey implements catalog.Store.
func (c *Catalog) ByKey(ctx context.Context, k catalog.KeyHash) (catalog.Stream, error) {
	return one(ctx, c.byKey, "key", k[:])
}

func one(ctx context.Context, stmt *sql.Stmt, what string, arg any) (catalog.Stream, error) {
	streams, err := query(ctx, stmt, arg)
	if err == nil && len(streams) == 0 {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Stream{}, fmt.Errorf("%s: %w", what, explained(err))
	}
	return streams[0], nil
}

// query reads streams with their keys, of which each has a row.
func query(ctx context.Context, stmt *sql.Stmt, args ...any) ([]catalog.Stream, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	streams := []catalog.Stream{}
	for rows.Next() {
		s, k, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if n := len(streams); n == 0 || streams[n-1].Name != s.Name {
			streams = append(streams, s)
		}
		if k != nil {
			last := &streams[len(streams)-1]
			last.Keys = append(last.Keys, *k)
		}
	}
	return streams, rows.Err()
}

// scan reads a row: a stream, and a key of it where it has any.
func scan(rows *sql.Rows) (s catalog.Stream, k *catalog.StreamKey, err error) {
	var created int64
	var ladder, id, label, purpose, allow sql.Null[string]
	var hash []byte
	var times [4]sql.Null[int64]
	err = rows.Scan(&s.Name, &s.Revision, &created, &s.Timing.Segment, &s.Timing.Part, &s.Timing.Window, &ladder,
		&hash, &id, &label, &purpose, &times[0], &times[1], &times[2], &allow, &times[3])
	if err != nil {
		return s, nil, err
	}
	s.Created = moment(created)
	if ladder.Valid {
		s.Ladder = &rung.Spec{}
		if err := json.Unmarshal([]byte(ladder.V), s.Ladder); err != nil {
			return s, nil, fmt.Errorf("ladder of %s: %w", s.Name, err)
		}
	}
	if hash == nil {
		return s, nil, nil
	}
	k = &catalog.StreamKey{
		ID: id.V, Label: label.V, Purpose: catalog.Purpose(purpose.V), Created: moment(times[0].V),
		Expires: moment(times[1].V), Revoked: moment(times[2].V), Used: moment(times[3].V),
	}
	copy(k.Hash[:], hash)
	for text := range strings.FieldsSeq(allow.V) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return s, nil, fmt.Errorf("key %s of %s: %w", k.ID, s.Name, err)
		}
		k.Allow = append(k.Allow, p)
	}
	return s, k, nil
}

// LoadNumbers implements journal.NumberStore.
func (c *Catalog) LoadNumbers(ctx context.Context, name string) (timeline.Numbers, error) {
	var n timeline.Numbers
	err := c.numbers.QueryRowContext(ctx, name).Scan(&n.Epoch, &n.MSN)
	if errors.Is(err, sql.ErrNoRows) {
		return timeline.Numbers{}, nil
	}
	return n, explained(err)
}

// moment is the time of a column, and stamp the column of a time.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
