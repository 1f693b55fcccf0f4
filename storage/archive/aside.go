package archive

import (
	"context"
	"strconv"
	"time"

	"sluice/packager/timeline"
	"sluice/storage/objects"
)

// aside is where what can't be used lies, for who wants to look at it: aside/STREAM-UNIXTIME.
const aside = "aside"

// Restore is Restore from the archive's store. Of what can't be read Serve deletes nothing:
// it is set aside, as far as the store is an objects.Mover.
func (a *Archive) Restore(ctx context.Context, stream string, next timeline.Numbers, now time.Time) (*timeline.Timeline, error) {
	t, err := Restore(ctx, a.options.Store, stream, next, now)
	if err != nil && ctx.Err() == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.damaged[stream] = true
	}
	return t, err
}

// setAside moves all that there is of the stream, if it could not be restored.
func (f *follower) setAside(ctx context.Context, t *timeline.Timeline) error {
	a := f.archive
	a.mu.Lock()
	damaged := a.damaged[f.stream]
	a.mu.Unlock()
	mover, can := a.options.Store.(objects.Mover)
	if !damaged || !can || hasStored(t) { // somebody else who asked for it could read it
		return nil
	}
	to := objects.NewKey(aside, f.stream+"-"+strconv.FormatInt(time.Now().Unix(), 10))
	if err := mover.Move(ctx, streamKey(f.stream), to); err != nil {
		return err
	}
	f.log.Warn("what was kept of the stream, and can't be used, is set aside", "folder", string(to), "dur", unknownWindow)
	a.room.Lock()
	a.alone = false // it's the first to go
	a.room.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.damaged, f.stream)
	return nil
}

func hasStored(t *timeline.Timeline) bool {
	for _, r := range t.Renditions {
		for g := range r.Segments.All() {
			if g.Stored != nil {
				return true
			}
		}
	}
	return false
}

// clearAside deletes what was put so long ago that no window would have it any more.
func (a *Archive) clearAside(ctx context.Context) {
	for info, err := range a.options.Store.List(ctx, aside) {
		if err == nil && time.Since(info.Modified) > unknownWindow {
			err = a.options.Store.Delete(ctx, info.Key)
		}
		if err != nil {
			if ctx.Err() == nil {
				a.options.Log.Warn("what was set aside could not be deleted", "err", err)
			}
			return
		}
	}
}
