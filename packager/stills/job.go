package stills

import "errors"

// What making a still may end with.
var (
	// ErrNone says that there are none to be had; the whole text says why, to people who watch.
	ErrNone = errors.New("no pictures")
	// ErrBusy says that too many are asked for: ask again.
	ErrBusy = errors.New("too many pictures are asked for")
)

// Job is a JPEG to be made.
type Job struct {
	// ID is the same for the same picture of the same size, and for no other.
	ID string
	// Init is the init segment, and Keys are parts that begin with a keyframe: one, or those
	// of a sheet, row by row. Nobody writes to them. Without Keys nothing is made: it's there,
	// or ErrNone.
	Init []byte
	Keys [][]byte
	// Columns and Rows are those of a sheet; 1 and 1 of a single picture. Where there are
	// fewer Keys, the rest stays black.
	Columns, Rows int
	Size          // of each picture
}
