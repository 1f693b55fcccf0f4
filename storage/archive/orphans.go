package archive

import (
	"context"
	"sync"
	"time"

	"sluice/storage/objects"
)

// orphans are streams of which there are objects, though they aren't there themselves.
type orphans struct {
	mu      sync.Mutex
	until   map[string]time.Time // when what is left of them goes
	leaving map[string]bool      // those of which it's going now
}

// findOrphans looks which streams have objects at the start, and when their windows have passed:
// so long after the last object was put.
func (a *Archive) findOrphans(ctx context.Context) {
	type left struct {
		put     time.Time
		page    uint64 // the newest
		hasPage bool
	}
	a.clearAside(ctx)
	all := map[string]left{}
	for info, err := range a.options.Store.List(ctx, root) {
		if err != nil {
			if ctx.Err() == nil {
				a.options.Log.Warn("streams that are no more could not be looked for: their media goes when storage is full", "err", err)
			}
			return
		}
		stream, ok := nameOf(info.Key)
		if !ok {
			continue
		}
		l := all[stream]
		if info.Modified.After(l.put) {
			l.put = info.Modified
		}
		if p, ok := parseKey(stream, info.Key); ok && p.rendition == "" {
			l.page, l.hasPage = max(l.page, p.number), true
		}
		all[stream] = l
	}
	names, err := a.options.Names(ctx)
	if err != nil {
		return // Serve says so
	}
	for _, name := range names {
		delete(all, name)
	}
	for stream, l := range all {
		window := unknownWindow
		if l.hasPage {
			window = a.windowOf(ctx, stream, l.page)
		}
		a.orphans.mu.Lock()
		a.orphans.until[stream] = l.put.Add(window)
		a.orphans.mu.Unlock()
	}
}

// windowOf is how long the stream's window was as of a page.
func (a *Archive) windowOf(ctx context.Context, stream string, number uint64) time.Duration {
	b, err := objects.ReadAll(ctx, a.options.Store, pageKey(stream, number), maxPage)
	if err != nil {
		return unknownWindow
	}
	p, err := readPage(b, number)
	if err != nil {
		return unknownWindow
	}
	saved, err := p.saved()
	if err != nil {
		return unknownWindow
	}
	return min(max(saved.Window, 0), unknownWindow)
}

// expire deletes what is left of streams whose windows have passed, and that aren't among
// those that there are.
func (a *Archive) expire(ctx context.Context, all *sync.WaitGroup, there map[string]bool) {
	a.orphans.mu.Lock()
	defer a.orphans.mu.Unlock()
	for stream, until := range a.orphans.until {
		switch {
		case there[stream]:
			delete(a.orphans.until, stream) // it has its follower
		case time.Now().After(until) && !a.orphans.leaving[stream]:
			a.orphans.leaving[stream] = true
			all.Go(func() { a.drop(ctx, stream) })
		}
	}
}

// drop deletes all that a stream has which isn't there.
func (a *Archive) drop(ctx context.Context, stream string) {
	a.options.Log.Info("media of a stream that is no more is deleted", "stream", stream)
	err := deleteBelow(ctx, a.options.Store, streamKey(stream))
	a.orphans.mu.Lock()
	defer a.orphans.mu.Unlock()
	delete(a.orphans.leaving, stream)
	delete(a.orphans.until, stream)
	if err != nil && ctx.Err() == nil {
		a.options.Log.Warn("media of a stream that is no more could not be deleted", "stream", stream, "err", err)
		a.orphans.until[stream] = time.Now().Add(orphanRetry)
	}
}

// isLeaving reports whether what is left of a stream is being deleted.
func (a *Archive) isLeaving(stream string) bool {
	a.orphans.mu.Lock()
	defer a.orphans.mu.Unlock()
	return a.orphans.leaving[stream]
}
