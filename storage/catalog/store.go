package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// What callers tell apart. Stores wrap them with the stream's name.
var (
	// ErrNotFound says that there is no such stream, or no stream with such a key.
	ErrNotFound = errors.New("not found")
	// ErrKeyTaken says that another stream has the key: a key must name one stream.
	ErrKeyTaken = errors.New("another stream has this key")
	// ErrFixed says that the configuration gives the stream, so it can't be changed here.
	ErrFixed = errors.New("given by the configuration")
	// ErrConflict says that somebody else changed the stream since it was read, or
	// made one of this name first.
	ErrConflict = errors.New("changed by somebody else")
)

// Store keeps streams. What it returns belongs to the caller, and what it's given
// it copies. When Put or Remove returns nil, the change outlives a crash, and every
// call that begins later, in any process, sees it; after an error it may or may not
// have been made. Nothing is retried inside.
type Store interface {
	// Streams returns all streams, sorted by name.
	Streams(ctx context.Context) ([]Stream, error)
	// Stream returns the stream of that name, or ErrNotFound.
	Stream(ctx context.Context, name string) (Stream, error)
	// ByKey returns the stream that has the key, be it expired or revoked, or
	// ErrNotFound. It's asked at each publisher's arrival and doesn't wait for a Put.
	ByKey(ctx context.Context, k KeyHash) (Stream, error)
	// Put adds the stream where its Revision is 0, and replaces the one of that
	// Revision otherwise; ErrConflict where that isn't what there is. It returns the
	// new revision. The keys' Used is left as it is.
	Put(ctx context.Context, s Stream) (revision uint64, err error)
	// Remove forgets the stream and its keys; ErrNotFound where there is none.
	// Its numbers stay: its URLs aren't used again by a later stream of that name.
	Remove(ctx context.Context, name string) error
	Uses
	Watcher
}

// Uses keeps when keys were last used.
type Uses interface {
	// NoteUses remembers each time, unless a later one is known. Keys that aren't
	// there are passed over. It is no change of a stream.
	NoteUses(ctx context.Context, at map[KeyHash]time.Time) error
}

// Watcher tells of changes, whichever process makes them.
type Watcher interface {
	// Changes goes on until ctx ends or the loop is left. Its first value, and each
	// after an interruption, has Missed set: whatever the caller knew may have
	// changed. From then on no change is left out, though several of one stream may
	// come as one, which tells the last. One made in this process comes at once, one
	// of another within two seconds. An error is told once for each interruption;
	// the loop may go on.
	Changes(ctx context.Context) iter.Seq2[Change, error]
}

// Change is a stream that was put or removed.
type Change struct {
	Missed bool    // nothing else is set
	Name   string  // the stream's
	Stream *Stream // as it is now; nil: it was removed
}

// maxEdits bounds how often Edit begins anew.
const maxEdits = 10

// Edit reads a stream, has change change it, and puts it back; all of that again
// where somebody else was faster. It returns the stream as it's stored then.
func Edit(ctx context.Context, s Store, name string, change func(*Stream) error) (Stream, error) {
	for attempt := 1; ; attempt++ {
		v, err := s.Stream(ctx, name)
		if err != nil {
			return Stream{}, err
		}
		if err := change(&v); err != nil {
			return Stream{}, fmt.Errorf("stream %s: %w", name, err)
		}
		v.Revision, err = s.Put(ctx, v)
		if errors.Is(err, ErrConflict) && attempt < maxEdits {
			continue
		}
		return v, err
	}
}
