package archive

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/packager/timeline"
)

// follower keeps one stream's window. Its fields are serve's, but for those that say
// otherwise.
type follower struct {
	archive *Archive
	stream  string
	feed    *timeline.Feed
	log     *slog.Logger
	cancel  context.CancelFunc

	dismissed atomic.Bool // the stream is gone

	stored  map[timeline.RenditionID]uint64 // what is before that MSN is in storage, or nowhere
	let     map[timeline.RenditionID]uint64 // what is before that isn't in memory
	dirty   map[uint64]bool                 // pages that don't say what is so
	seen    uint64                          // Timeline.Whole that the newest page tells of
	keeping bool                            // there are objects of the stream
	tidied  bool                            // and none that an earlier process has left
	took    time.Duration                   // what the last round did
	pending int64                           // bytes, as told to the metrics

	mu      sync.Mutex // guards what follows
	swept   uint64     // segments before have been deleted
	known   map[timeline.RenditionID]bool
	trouble error     // why storage doesn't take what it should; nil where it does
	losing  bool      // and segments are lost by it
	cut     time.Time // when the window was last cut, since storage was full
}

func newFollower(a *Archive, stream string, feed *timeline.Feed, cancel context.CancelFunc) *follower {
	return &follower{
		archive: a, stream: stream, feed: feed, log: a.options.Log.With("stream", stream), cancel: cancel,
		stored: map[timeline.RenditionID]uint64{}, let: map[timeline.RenditionID]uint64{}, dirty: map[uint64]bool{},
		known: map[timeline.RenditionID]bool{},
	}
}

// dismiss ends serve, and what the stream has kept.
func (f *follower) dismiss() {
	f.dismissed.Store(true)
	f.cancel()
}

// serve keeps the window until ctx, which dismiss ends too, does. What is kept of a stream
// that is gone is deleted until outer ends, as that may be many.
func (f *follower) serve(outer, ctx context.Context) {
	defer f.cancel()
	defer f.count(0)
	err := f.round(ctx, false)
	for ctx.Err() == nil {
		f.wait(ctx, err)
		if ctx.Err() == nil {
			err = f.round(ctx, false)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if f.dismissed.Load() {
		err = f.forget(outer)
	} else {
		err = f.round(last, true)
	}
	if err != nil {
		f.log.Warn("the window could not be brought to its end", "err", err)
	}
}

// wait returns when there is something to do; after a pause where something failed.
func (f *follower) wait(ctx context.Context, failed error) {
	if failed == nil && !f.concerns(f.feed.Current()) {
		f.idle(ctx)
		return
	}
	if failed == nil {
		_, _ = f.feed.Await(ctx, "", func(t *timeline.Timeline) bool { return t.Whole != f.seen })
		return
	}
	pause := time.NewTimer(retry)
	defer pause.Stop()
	select {
	case <-pause.C:
		f.lose(ctx)
	case <-ctx.Done():
	}
}

// idle returns when the stream has something to keep. It looks now and then: most streams
// never have, and nothing is to be done for each of their parts.
func (f *follower) idle(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		changed := f.feed.Changed("")
		if f.concerns(f.feed.Current()) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		pause.Reset(idlePause)
	}
}

// concerns reports whether the stream has anything to keep: a window longer than memory.
func (f *follower) concerns(t *timeline.Timeline) bool {
	return f.keeping || t.Window > f.memory(t) && t.Ready()
}

// memory is how much of the stream stays in memory.
func (f *follower) memory(t *timeline.Timeline) time.Duration {
	return max(f.archive.options.Memory, memoryTargets*t.Targets.Segment)
}

// round does all that the timeline asks for. last says that the process ends.
func (f *follower) round(ctx context.Context, last bool) error {
	t := f.feed.Current()
	if !f.tidied {
		if err := f.tidy(ctx); err != nil {
			f.report(err)
			return err
		}
		f.tidied = true
	}
	if !f.concerns(t) {
		f.report(nil)
		f.seen = t.Whole
		return nil
	}
	f.keeping = true
	if t.State == timeline.Offline {
		err := f.forget(ctx)
		f.report(err)
		if err == nil {
			f.keeping, f.seen = false, t.Whole
		}
		return err
	}
	began, whole := time.Now(), t.Whole
	err := f.put(ctx, t)
	if err == nil {
		// Some may have been lost meanwhile, and more may have come.
		t = f.feed.Current()
		err = f.putPages(ctx, t, last)
	}
	f.took = time.Since(began)
	f.report(err)
	f.release(ctx, t)
	f.lose(ctx)
	if err != nil {
		return err
	}
	f.seen = whole
	return f.sweep(ctx, t)
}

// put stores the whole segments that aren't, oldest first.
func (f *follower) put(ctx context.Context, t *timeline.Timeline) error {
	for {
		r, g := f.next(t)
		if g == nil {
			return nil
		}
		if !g.Gap() && g.Stored == nil {
			data := make([]byte, 0, g.Size)
			for i := range g.Parts {
				data = append(data, g.Parts[i].Data...)
			}
			f.knows(r.ID)
			if err := f.store(ctx, segmentKey(f.stream, r.ID, g.MSN), data); err != nil {
				return err
			}
			f.archive.metrics.segments.Inc()
			f.archive.metrics.bytes.Add(float64(g.Size))
		}
		f.dirty[g.MSN/pageSegments] = true
		f.stored[r.ID] = max(f.stored[r.ID], g.MSN+1) // it may have been lost meanwhile
	}
}

// next returns the oldest whole segment that isn't stored, and its rendition.
func (f *follower) next(t *timeline.Timeline) (rendition *timeline.Rendition, oldest *timeline.Segment) {
	for _, r := range t.Renditions {
		for g := range r.Segments.From(max(f.stored[r.ID], t.Kept)) {
			if g.Stored != nil { // before the restart
				f.stored[r.ID] = g.MSN + 1
				continue
			}
			if oldest == nil || g.MSN < oldest.MSN {
				rendition, oldest = r, g
			}
			break
		}
	}
	return rendition, oldest
}

// release tells the journal of what needn't be in memory any more.
func (f *follower) release(ctx context.Context, t *timeline.Timeline) {
	keep := f.memory(t)
	for _, r := range t.Renditions {
		newest := r.Segments.Last()
		if newest == nil {
			continue
		}
		for g := range r.Segments.From(f.let[r.ID]) {
			if g.MSN >= f.stored[r.ID] || newest.Time.Sub(g.Time) <= keep {
				break
			}
			if len(g.Parts) > 0 && !f.append(ctx, timeline.SegmentStored{Rendition: r.ID, MSN: g.MSN}) {
				return
			}
			f.let[r.ID] = g.MSN + 1
		}
	}
}

// append appends an entry; one that comes too late has nothing to say.
func (f *follower) append(ctx context.Context, e timeline.Entry) bool {
	err := f.archive.options.Journal.Append(ctx, f.stream, e)
	if err != nil && !errors.Is(err, timeline.ErrOrder) {
		f.log.Warn("the journal doesn't take what was stored", "err", err)
		return false
	}
	return true
}

// lose gives up the oldest of what the store doesn't take, where that is too much.
func (f *follower) lose(ctx context.Context) {
	for {
		t := f.feed.Current()
		pending := f.waiting(t)
		f.count(pending)
		if pending <= f.archive.options.Pending {
			return
		}
		r, g := f.next(t)
		if g == nil {
			return
		}
		if !g.Gap() {
			if !f.append(ctx, timeline.SegmentLost{Rendition: r.ID, MSN: g.MSN}) {
				return
			}
			f.archive.metrics.lost.Inc()
			f.isLosing()
		}
		f.dirty[g.MSN/pageSegments] = true
		f.stored[r.ID] = g.MSN + 1
	}
}

// waiting is how many bytes aren't stored and older than what stays in memory anyway.
func (f *follower) waiting(t *timeline.Timeline) (n int64) {
	keep := f.memory(t)
	for _, r := range t.Renditions {
		newest := r.Segments.Last()
		for g := range r.Segments.From(max(f.stored[r.ID], t.Kept)) {
			if newest.Time.Sub(g.Time) <= keep {
				break
			}
			if g.Stored == nil {
				n += int64(g.Size)
			}
		}
	}
	return n
}

// count tells the metrics of what waits.
func (f *follower) count(pending int64) {
	f.archive.metrics.pending.Add(float64(pending - f.pending))
	f.pending = pending
}

// isLosing remembers that segments are lost, and says so once an episode.
func (f *follower) isLosing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.losing {
		f.log.Error("segments are lost: storage doesn't take them, and memory for them is bounded", "err", f.trouble)
	}
	f.losing = true
}

// report remembers how storage does, and logs when that changes.
func (f *follower) report(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil && f.trouble == nil:
		f.log.Warn("storage doesn't take the window: it stays in memory as long as there is room", "err", err)
	case err == nil && f.trouble != nil:
		f.log.Info("storage takes the window again")
	}
	if f.trouble = err; err == nil {
		f.losing = false
	}
	if err != nil {
		f.archive.metrics.failures.Inc()
	}
}

// advice is what Archive.Advice says.
func (f *follower) advice() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	switch {
	case f.losing && f.trouble == nil:
		all = append(all, "storage is too slow: parts of the window are lost")
	case f.losing:
		all = append(all, "storage fails, and parts of the window are lost: "+f.trouble.Error())
	case f.trouble != nil:
		all = append(all, "storage doesn't take the window: "+f.trouble.Error())
	}
	if t := f.feed.Current(); !f.cut.IsZero() && time.Since(f.cut) < t.Window {
		all = append(all, "storage is full: the window is shorter than asked for")
	}
	return all
}

func (f *follower) knows(id timeline.RenditionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known[id] = true
}

// renditions are those that have had objects.
func (f *follower) renditions() []timeline.RenditionID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.known))
}
