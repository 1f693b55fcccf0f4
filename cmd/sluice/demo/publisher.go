package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"sluice/transcode/child"
)

const (
	// stuck is how long ffmpeg may leave a frame untaken before it counts as dead.
	stuck = 10 * time.Second
	// farewell is how long it may take to end after it was asked to.
	farewell = 2 * time.Second
	// maxSaid bounds what is kept of its messages.
	maxSaid = 2048
)

// Publisher pushes the test picture to URL. Its ffmpeg is, in turn: starting →
// running → ended; ended → starting after a pause, until Serve's context ends.
type Publisher struct {
	FFmpeg string // its path
	URL    string // rtmp://HOST:PORT/APP/KEY
	Secret string // the part of URL that no log line may show
	Log    *slog.Logger
}

// Serve publishes until ctx ends, and returns ctx's error.
func (p Publisher) Serve(ctx context.Context) error {
	var b backoff
	for attempt := 1; ; attempt++ {
		p.Log.Info("test picture starts", "attempt", attempt)
		err := p.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause := b.next(time.Now())
		p.Log.Warn("test picture ended; it starts again", "err", err, "pause", pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once runs one ffmpeg to its end.
func (p Publisher) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	frames, feed, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	defer feed.Close()
	said := &child.Tail{Max: maxSaid}
	cmd := exec.Command(p.FFmpeg, arguments(p.URL)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = frames, said, said
	ffmpeg, err := child.Start(cmd, 0)
	frames.Close() // the child has its own
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}

	fed := make(chan error, 1)
	go func() {
		err := draw(ctx, feed)
		feed.Close() // the end of its input also ends it
		if err != nil && !errors.Is(err, syscall.EPIPE) {
			cancel()
		}
		fed <- err
	}()
	select {
	case <-ffmpeg.Done():
	case <-ctx.Done():
		ffmpeg.Stop(farewell)
	}
	err = ffmpeg.Wait()
	cancel()
	drawErr := <-fed
	if errors.Is(drawErr, os.ErrDeadlineExceeded) {
		return fmt.Errorf("ffmpeg took no frame for %v", stuck)
	}
	if text := strings.TrimSpace(p.redact(said.String())); text != "" {
		return fmt.Errorf("ffmpeg: %w: %s", orExited(err), text)
	}
	return fmt.Errorf("ffmpeg: %w", orExited(err))
}

var errExited = errors.New("exited")

func orExited(err error) error {
	if err == nil {
		return errExited
	}
	return err
}

func (p Publisher) redact(s string) string {
	if p.Secret == "" {
		return s
	}
	return strings.ReplaceAll(s, p.Secret, "redacted")
}

// draw writes frames at their times until ctx ends. It starts on a full second,
// so that the flash and the beep fall on the clock's.
func draw(ctx context.Context, w *os.File) error {
	p := newPicture()
	start := time.Now().Truncate(time.Second).Add(time.Second)
	due := time.NewTimer(time.Until(start))
	defer due.Stop()
	for n := 0; ; n++ {
		select {
		case <-due.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		// Not every system has deadlines on pipes; there ctx alone ends the write.
		if err := w.SetWriteDeadline(time.Now().Add(stuck)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
			return err
		}
		if _, err := w.Write(p.draw(n, time.Now())); err != nil {
			return err
		}
		// From the start, not from the last frame: so nothing adds up, and a frame
		// that came late is made up for instead of dropped.
		due.Reset(time.Until(start.Add(time.Duration(n+1) * time.Second / FrameRate)))
	}
}
