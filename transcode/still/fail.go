package still

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/packager/stills"
	"sluice/transcode/ffmpeg"
)

// errMissing is what people are told who watch; the log says more.
var errMissing = fmt.Errorf("%w: this server has no ffmpeg that could make them", stills.ErrNone)

// errDecode is, likewise, of a picture that can't be decoded.
var errDecode = fmt.Errorf("%w: this one can't be decoded", stills.ErrNone)

// fail returns what those are told who wait, and remembers a failure that is the picture's own.
// The mutex is held.
func (m *Maker) fail(id string, err error) error {
	if errors.Is(err, stills.ErrBusy) {
		return err
	}
	m.metrics.made.WithLabelValues(failed).Inc()
	if errors.Is(err, errMissing) {
		return errMissing
	}
	now := time.Now()
	if len(m.failed) >= maxFailed {
		for known, f := range m.failed {
			if !now.Before(f.until) || len(m.failed) >= maxFailed {
				delete(m.failed, known)
			}
		}
	}
	m.failed[id] = failure{errDecode, now.Add(failedFor)}
	m.log.Debug("a still can't be made", "still", id, "err", err)
	return errDecode
}

// ffmpeg makes a picture with the tool, which it looks for first.
func (m *Maker) ffmpeg(ctx context.Context, j ffmpeg.Still, fragments io.Reader) ([]byte, error) {
	tool, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	return tool.Still(ctx, j, fragments)
}

// look returns ffmpeg. Where there is none, it's looked for again after a while.
func (m *Maker) look(ctx context.Context) (*ffmpeg.Tool, error) {
	select {
	case m.finding <- struct{}{}:
		defer func() { <-m.finding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m.tool != nil || time.Now().Before(m.toolAfter) {
		return m.tool, m.toolErr
	}
	tool, err := ffmpeg.Find(ctx, m.options.FFmpeg)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		m.log.Warn("no posters and thumbnails can be made", "err", err)
		m.toolErr, m.toolAfter = errMissing, time.Now().Add(retryAfter)
		return nil, errMissing
	}
	m.tool, m.toolErr = tool, nil
	return tool, nil
}
