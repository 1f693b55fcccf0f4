package transcode

import (
	"context"
	"os"
	"path/filepath"

	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// measurements is the file in Options.Data that keeps what work costs.
const measurements = "transcode.json"

// measure finds out what work costs here; nil where that can't be known. What
// the file doesn't tell takes a few seconds, and waits until a ladder is asked for,
// unless Options.Early says that one will be.
func (t *Transcoder) measure(ctx context.Context, m *tool) capacity {
	encoder, ok := m.For(rung.H264, rung.AnyEncoder)
	if !ok {
		return nil
	}
	store := ffmpeg.Store{}
	if t.options.Data != "" {
		store.Path = filepath.Join(t.options.Data, measurements)
	}
	if _, err := os.Stat(store.Path); err != nil {
		select {
		case <-t.wanted:
		case <-ctx.Done():
			return nil
		}
	}
	c, err := store.Capacity(ctx, m.Tool, encoder, t.log)
	if err != nil {
		if ctx.Err() == nil {
			t.log.Warn("what rungs cost here isn't known: ladders are as asked for", "err", err)
		}
		return nil
	}
	return c
}
