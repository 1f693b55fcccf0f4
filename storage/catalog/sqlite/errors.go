package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What SQLite says of a disk or a file, as people say it.
var (
	errFull    = errors.New("the disk is full")
	errDisk    = errors.New("the disk fails")
	errBusy    = errors.New("another process is writing to it for too long")
	errDamaged = errors.New("the file is damaged")
	errMode    = errors.New("it can't be written to")
)

// explained puts what an error of SQLite means before what SQLite says.
func explained(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	meaning := map[int]error{
		sqlite3.SQLITE_FULL: errFull, sqlite3.SQLITE_IOERR: errDisk, sqlite3.SQLITE_BUSY: errBusy,
		sqlite3.SQLITE_CORRUPT: errDamaged, sqlite3.SQLITE_NOTADB: errDamaged,
		sqlite3.SQLITE_READONLY: errMode, sqlite3.SQLITE_CANTOPEN: errMode,
	}[e.Code()&0xff]
	if meaning == nil || errors.Is(err, meaning) {
		return err
	}
	return fmt.Errorf("%w: %w", meaning, err)
}
