package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/objects"
)

// roomTries is how often room is made for one object.
const roomTries = 3

// putPages puts the pages that don't say what is so, the newest last: it tells where the
// stream stands.
func (f *follower) putPages(ctx context.Context, t *timeline.Timeline, last bool) error {
	newest := max(t.Next.MSN, 1) - 1
	f.dirty[newest/pageSegments] = true
	for _, n := range slices.Sorted(maps.Keys(f.dirty)) {
		if (n+1)*pageSegments > t.Kept {
			p := newPage(t, n, f.stored)
			if p.Ahead = f.ahead(t); last && t.State != timeline.Live {
				p.Ahead = 0
			}
			data, err := encode(p, t.Save())
			if err != nil {
				return fmt.Errorf("write page %d: %w", n, err)
			}
			if err := f.store(ctx, pageKey(f.stream, n), data); err != nil {
				return err
			}
		}
		delete(f.dirty, n)
	}
	return nil
}

// ahead is how many segments may be told of before the next page is put: it takes as long
// as the last round did.
func (f *follower) ahead(t *timeline.Timeline) uint64 {
	n := unsaved + uint64(f.took/max(t.Targets.Segment, time.Second))
	if e := t.Current(); e != nil && t.Rendition(e.Tracks[0].Rendition).Open != nil {
		n-- // of which the page tells
	}
	return n
}

// store puts an object, for which room is made where there is none.
func (f *follower) store(ctx context.Context, key objects.Key, data []byte) error {
	var err error
	for range roomTries {
		if err = f.try(ctx, key, data); !errors.Is(err, objects.ErrFull) || !f.archive.makeRoom(ctx, int64(len(data))) {
			break
		}
	}
	return err
}

// try puts an object. While that takes its time, what waits is kept within its bound.
func (f *follower) try(ctx context.Context, key objects.Key, data []byte) error {
	done := make(chan error, 1)
	go func() { done <- f.archive.options.Store.Put(ctx, key, data) }()
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			f.lose(ctx)
		case <-ctx.Done():
			select { // it ends soon, unless the device hangs
			case err := <-done:
				return err
			case <-time.After(endTime):
				return context.Cause(ctx)
			}
		}
	}
}

// sweep deletes what has left the window.
func (f *follower) sweep(ctx context.Context, t *timeline.Timeline) error {
	ids := f.renditions()
	f.mu.Lock()
	from := f.swept
	f.swept = max(from, t.Kept)
	f.mu.Unlock()
	var errs []error
	for msn := from; msn < t.Kept; msn++ {
		for _, id := range ids {
			errs = append(errs, f.archive.options.Store.Delete(ctx, segmentKey(f.stream, id, msn)))
		}
		if (msn+1)%pageSegments == 0 {
			errs = append(errs, f.archive.options.Store.Delete(ctx, pageKey(f.stream, msn/pageSegments)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		f.log.Warn("what has left the window could not be deleted: a restart does it", "err", err)
	}
	return nil
}

// forget deletes all that the stream has.
func (f *follower) forget(ctx context.Context) error {
	return deleteBelow(ctx, f.archive.options.Store, streamKey(f.stream))
}

func deleteBelow(ctx context.Context, s objects.Store, prefix objects.Key) error {
	for info, err := range s.List(ctx, prefix) {
		if err == nil {
			err = s.Delete(ctx, info.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tidy deletes what an earlier process left that isn't of the window: media that no page
// came to tell of, and what had left the window when it was killed.
func (f *follower) tidy(ctx context.Context) error {
	t := f.feed.Current()
	if err := f.setAside(ctx, t); err != nil {
		return err
	}
	f.mu.Lock()
	f.swept = t.Kept
	f.mu.Unlock()
	for info, err := range f.archive.options.Store.List(ctx, streamKey(f.stream)) {
		if err != nil {
			return err
		}
		p, ok := parseKey(f.stream, info.Key)
		if ok && p.rendition == "" {
			ok = (p.number+1)*pageSegments > t.Kept && p.number*pageSegments < max(t.Next.MSN, 1)
		} else if ok {
			r := t.Rendition(p.rendition)
			ok = r != nil && r.Segments.ByMSN(p.number) != nil && r.Segments.ByMSN(p.number).Stored != nil
		}
		if !ok || t.State == timeline.Offline {
			if err := f.archive.options.Store.Delete(ctx, info.Key); err != nil {
				return err
			}
			continue
		}
		f.keeping = true
		if p.rendition != "" {
			f.knows(p.rendition)
		}
	}
	return nil
}

// makeRoom deletes the oldest of all that is stored, and reports whether there was any:
// first of streams that nobody knows, then of those that have the oldest media.
func (a *Archive) makeRoom(ctx context.Context, n int64) bool {
	a.room.Lock()
	defer a.room.Unlock()
	if !a.alone && a.dropOrphans(ctx) {
		return true
	}
	tried := map[*follower]bool{}
	for {
		var victim *follower
		var oldest time.Time
		for _, f := range a.all() {
			t := f.feed.Current()
			if at := t.Oldest(); !tried[f] && !at.IsZero() && (victim == nil || at.Before(oldest)) {
				victim, oldest = f, at
			}
		}
		if victim == nil {
			return false
		}
		if victim.shorten(ctx, max(n, a.least)) {
			return true
		}
		tried[victim] = true
	}
}

// dropOrphans deletes what was set aside, and what is stored of streams that are no more,
// and reports whether there was any.
func (a *Archive) dropOrphans(ctx context.Context) (dropped bool) {
	names, err := a.options.Names(ctx)
	if err != nil {
		return false
	}
	there := make(map[objects.Key]bool, len(names))
	for _, name := range names {
		there[streamKey(name)] = true
	}
	for _, from := range []objects.Key{aside, root} {
		for info, err := range a.options.Store.List(ctx, from) {
			if err != nil {
				return dropped
			}
			if !there[streamOf(info.Key)] && a.options.Store.Delete(ctx, info.Key) == nil {
				dropped = true
			}
		}
	}
	a.alone = true
	return dropped
}

// shorten takes so many bytes out of the window, the oldest first, and reports whether
// there were any that are stored.
func (f *follower) shorten(ctx context.Context, n int64) bool {
	t := f.feed.Current()
	limit := t.Next.MSN
	if t.State != timeline.Offline {
		limit = max(t.Next.MSN, leastListed) - leastListed
	}
	kept, freed := t.Kept, int64(0)
	for kept < limit && freed < n {
		size, ok := storedSize(t, kept)
		if !ok {
			limit = kept
			break
		}
		freed += size
		kept++
	}
	if freed == 0 {
		return false
	}
	// Who plays the oldest that is listed is to have some time.
	first := min(max(t.First, kept+(t.Next.MSN-kept)/8), max(limit, kept))
	if !f.append(ctx, timeline.WindowCut{First: first, Kept: kept}) {
		return false
	}
	f.mu.Lock()
	if f.cut.IsZero() || time.Since(f.cut) > t.Window {
		f.log.Warn("the window is cut short: storage is full", "from", t.Kept, "to", kept)
	}
	f.cut = time.Now()
	f.mu.Unlock()
	f.archive.metrics.cut.Add(float64(kept - t.Kept))
	return f.sweep(ctx, f.feed.Current()) == nil
}

// storedSize is how many bytes all renditions have of that number in storage; false where
// some aren't there yet.
func storedSize(t *timeline.Timeline, msn uint64) (n int64, ok bool) {
	for _, r := range t.Renditions {
		g := r.Segments.ByMSN(msn)
		switch {
		case g == nil:
		case g.Stored == nil && !g.Gap():
			return 0, false
		default:
			n += int64(g.Size)
		}
	}
	return n, true
}
