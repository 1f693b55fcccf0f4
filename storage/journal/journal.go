// Package journal is the ordered live record of every stream: what follows
// packaging reads it, in this process or in another.
//
// A journal keeps, for each stream, the entries that its timeline is folded
// from (package timeline). One writer at a time appends to a stream; any number
// of readers follow it. Package journaltest holds the suite that every backend
// passes.
package journal

import (
	"context"

	"sluice/packager/timeline"
)

// Journal is safe for use by many goroutines; each stream has one writer at a time. Beside
// it, who keeps the stream's media may append what timeline.SegmentStored says of that.
type Journal interface {
	// Append adds e to the stream's record and returns when followers in this
	// process can see it. It keeps e and the bytes that it refers to, and never
	// waits for a follower. An entry out of order gives an error that wraps
	// timeline.ErrOrder, and the record stays as it was. It isn't retried.
	Append(ctx context.Context, stream string, e timeline.Entry) error
	// Follow returns the stream's feed, the same one for every caller. A name
	// that has no record yet gets one, so callers pass names that exist.
	Follow(ctx context.Context, stream string) (*timeline.Feed, error)
}

// NumberStore keeps the next free numbers of streams over restarts.
type NumberStore interface {
	// LoadNumbers returns zero Numbers for a stream it knows nothing of.
	LoadNumbers(ctx context.Context, stream string) (timeline.Numbers, error)
	// SaveNumbers returns when n is durable.
	SaveNumbers(ctx context.Context, stream string, n timeline.Numbers) error
}
