package ffmpeg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"sluice/transcode/child"
)

// What keeps ffmpeg from being used. The errors of Find wrap them, and say
// what to do.
var (
	ErrMissing = errors.New("ffmpeg is missing")
	ErrTooOld  = errors.New("ffmpeg is too old")
)

// Tool is an ffmpeg that can be used.
type Tool struct {
	Path    string
	Version Version
}

// Find returns the ffmpeg at path, or the one in the PATH where path is empty.
func Find(ctx context.Context, path string) (*Tool, error) {
	found, err := exec.LookPath(cmp.Or(path, "ffmpeg"))
	switch {
	case err != nil && path == "":
		return nil, fmt.Errorf("%w: there is none in the PATH; install it (apt-get install ffmpeg, "+
			"brew install ffmpeg, winget install ffmpeg) or name it in the configuration", ErrMissing)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w; name one that can be run, or none to take the one in the PATH",
			ErrMissing, path, errors.Unwrap(err))
	}
	t := &Tool{Path: found}
	out, err := t.ask(ctx, answerLimit, "-version")
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s -version: %w; install another", ErrMissing, found, err)
	}
	var ok bool
	if t.Version, ok = parseVersion(out); !ok {
		return nil, fmt.Errorf("%w: %s says that it is something else; install ffmpeg or name another", ErrMissing, found)
	}
	if t.Version.tooOld() {
		return nil, fmt.Errorf("%w: %s is version %s, and transcoding needs %d.%d or later; install that and name it in "+
			"the configuration", ErrTooOld, found, t.Version, oldestMajor, oldestMinor)
	}
	return t, nil
}

// ask runs ffmpeg and returns what it prints, at most maxListed bytes.
func (t *Tool) ask(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	return t.listen(ctx, limit, maxListed, args...)
}

// listen is ask for so many bytes.
func (t *Tool) listen(ctx context.Context, limit time.Duration, most int, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, said := &head{max: most}, &child.Tail{Max: maxSaid}
	cmd := exec.Command(t.Path, args...)
	cmd.Stdout, cmd.Stderr = out, said
	c, err := child.Start(cmd, niceness)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Kill()
	}
	if err := c.Wait(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer within %v", limit)
		}
		return nil, &ExitError{Err: err, Stderr: said.String()}
	}
	return out.b, nil
}

// head keeps the beginning of what is written to it.
type head struct {
	max int
	b   []byte
}

var _ io.Writer = (*head)(nil)

// Write never errs: who writes is to go on.
func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), h.max-len(h.b))]...)
	return len(p), nil
}

// ExitError says that a process ended by itself and not well.
type ExitError struct {
	Err    error  // as in "exit status 1"
	Stderr string // the last lines of what it said
}

func (e *ExitError) Error() string {
	lines := telling(e.Stderr)
	if len(lines) == 0 {
		return "ffmpeg: " + e.Err.Error()
	}
	return "ffmpeg: " + e.Err.Error() + ": " + strings.Join(lines[max(0, len(lines)-maxQuoted):], "; ")
}

func (e *ExitError) Unwrap() error { return e.Err }
