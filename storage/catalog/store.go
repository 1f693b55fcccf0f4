package catalog

import (
	"context"
	"errors"
)

// What callers tell apart. Stores wrap them with the stream's name.
var (
	// ErrNotFound says that there is no such stream, or no stream with such a key.
	ErrNotFound = errors.New("not found")
	// ErrKeyTaken says that another stream has the key: a key must name one stream.
	ErrKeyTaken = errors.New("another stream has this key")
	// ErrFixed says that the configuration gives the stream, so it can't be changed here.
	ErrFixed = errors.New("given by the configuration")
)

// Store keeps streams. What it returns belongs to the caller, and what it's given
// it copies. When Put or Remove returns nil, the change outlives a crash, and every
// call that begins later sees it; after an error it may or may not have been made.
// Nothing is retried inside.
type Store interface {
	// Streams returns all streams, sorted by name.
	Streams(ctx context.Context) ([]Stream, error)
	// Put adds the stream, or replaces the one of that name.
	Put(ctx context.Context, s Stream) error
	// Remove forgets the stream and its keys; ErrNotFound where there is none.
	// Its numbers stay: its URLs aren't used again by a later stream of that name.
	Remove(ctx context.Context, name string) error
	// ByKey returns the stream to which the key publishes, or ErrNotFound. It's
	// asked at each publisher's arrival and doesn't wait for a Put.
	ByKey(ctx context.Context, k KeyHash) (Stream, error)
}
