package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/catalog"
	"sluice/storage/durable"
	"sluice/transcode/rung"
)

const (
	legacyVersion = 1
	// maxLegacy bounds what is read: some 10,000 streams with all their keys.
	maxLegacy = 64 << 20
)

// legacy is what catalog.json of earlier releases says:
//
//	version   1
//	streams   list
//	  name, keys (SHA-256, hexadecimal), created (RFC 3339),
//	  segment, part, window (as in "200ms"; left out for the default), ladder
//	numbers   by stream name: the next free epoch and msn
type legacy struct {
	Version int                      `json:"version"`
	Streams []legacyStream           `json:"streams"`
	Numbers map[string]legacyNumbers `json:"numbers"`
}

type legacyStream struct {
	Name    string            `json:"name"`
	Keys    []catalog.KeyHash `json:"keys"`
	Created time.Time         `json:"created,omitzero"`
	Segment duration          `json:"segment,omitzero"`
	Part    duration          `json:"part,omitzero"`
	Window  duration          `json:"window,omitzero"`
	Ladder  *rung.Spec        `json:"ladder,omitempty"`
}

type legacyNumbers struct {
	Epoch uint64 `json:"epoch"`
	MSN   uint64 `json:"msn"`
}

// duration is written as people write one.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

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
		old, err := readLegacy(path)
		if err != nil {
			return err
		}
		if err := old.putInto(ctx, tx); err != nil {
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

func readLegacy(path string) (legacy, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return legacy{}, nil
	}
	if err != nil {
		return legacy{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLegacy+1))
	if err != nil {
		return legacy{}, err
	}
	if len(text) > maxLegacy {
		return legacy{}, fmt.Errorf("larger than %d bytes", maxLegacy)
	}
	return decodeLegacy(text)
}

// decodeLegacy reads strictly: a field that we don't know may be one that matters.
func decodeLegacy(text []byte) (doc legacy, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return legacy{}, at(text, d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return legacy{}, at(text, d.InputOffset(), errors.New("something follows the document"))
	}
	if doc.Version != legacyVersion {
		return legacy{}, fmt.Errorf("version %d, and this program knows %d", doc.Version, legacyVersion)
	}
	for _, s := range doc.Streams {
		if err := s.stream().Validate(); err != nil {
			return legacy{}, err
		}
	}
	for name, n := range doc.Numbers {
		if err := catalog.ValidateName(name); err != nil {
			return legacy{}, fmt.Errorf("numbers: %w", err)
		}
		if n.Epoch > math.MaxInt64 || n.MSN > math.MaxInt64 {
			return legacy{}, fmt.Errorf("numbers of %s: %v is too large", name, n)
		}
	}
	return doc, nil
}

func (s legacyStream) stream() catalog.Stream {
	v := catalog.Stream{Name: s.Name, Created: s.Created, Ladder: s.Ladder, Timing: catalog.Timing{
		Segment: time.Duration(s.Segment), Part: time.Duration(s.Part), Window: time.Duration(s.Window),
	}}
	for _, k := range s.Keys {
		v.Keys = append(v.Keys, catalog.NewStreamKey(k, s.Created))
	}
	return v
}

func (l legacy) putInto(ctx context.Context, tx *sql.Tx) error {
	for _, s := range l.Streams {
		if _, err := put(ctx, tx, s.stream()); errors.Is(err, catalog.ErrConflict) {
			return fmt.Errorf("stream %s stands there twice", s.Name)
		} else if err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
	}
	numbers := map[string]timeline.Numbers{}
	for name, n := range l.Numbers {
		numbers[name] = timeline.Numbers(n)
	}
	return saveNumbers(ctx, tx, numbers)
}

// at puts the line before a JSON error, as far as its place is known.
func at(text []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		offset = int64(len(text))
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	offset = min(max(offset, 0), int64(len(text)))
	return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:offset], []byte{'\n'}), err)
}
