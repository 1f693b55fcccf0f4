package gateway

import (
	"context"
	"path/filepath"
	"time"

	"sluice/cmd/sluice/config"
	"sluice/packager/timeline"
	"sluice/storage/objects/disk"
)

// objectsDir is where media lies that outlives memory.
func objectsDir(c config.Config) string { return filepath.Join(c.Data, "objects") }

// openObjects opens the disk that keeps media.
func (g *Gateway) openObjects(ctx context.Context) (err error) {
	g.objects, err = disk.Open(ctx, disk.Options{
		Folder: objectsDir(g.config), MaxBytes: g.config.Storage.Max, MinFree: g.config.Storage.Free,
	})
	return err
}

// restore is what the journal asks when it meets a stream for the first time.
func (g *Gateway) restore(ctx context.Context, stream string, next timeline.Numbers) (*timeline.Timeline, error) {
	t, err := g.archive.Restore(ctx, stream, next, time.Now())
	if t != nil {
		g.log.Info("window restored", "stream", stream, "from", t.Kept, "to", t.Next.MSN-1, "state", t.State.String())
	}
	return t, err
}

// resume takes up the streams that an earlier process has left.
func (g *Gateway) resume(ctx context.Context) {
	streams, err := g.streams.Streams(ctx)
	if err != nil {
		g.log.Warn("streams could not be listed: what an earlier process left is there when it is asked for", "err", err)
		return
	}
	for _, s := range streams {
		feed, err := g.journal.Follow(ctx, s.Name)
		if err == nil && feed.Current().State != timeline.Offline {
			err = g.packager.Stream(s.Name, timing(s.Timing)).Resume(ctx)
		}
		if err != nil {
			g.log.Warn("what an earlier process left of a stream could not be taken up", "stream", s.Name, "err", err)
		}
	}
}
