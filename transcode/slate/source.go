package slate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sluice/transcode/ffmpeg"
)

// source is what is shown: the operator's picture or clip, or the built-in picture, which is
// the zero value.
type source struct {
	path    string
	hash    string // SHA-256 of the file, in hex
	content ffmpeg.Content
}

func (s source) key() string { return s.hash }

// length is the least that a loop of it lasts.
func (s source) length() time.Duration {
	switch {
	case s.path == "":
		return builtInLength
	case s.content.Frames == 1:
		return 0
	}
	return min(s.content.Length, longest) - trimmed
}

// stamp is by what a change of a file is noticed. The zero value is of no file.
type stamp struct {
	size    int64
	written time.Time
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime()}, nil
}

// readSource looks through a picture or clip.
func readSource(ctx context.Context, t *ffmpeg.Tool, path string) (source, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return source{}, err
	}
	s := source{path: path}
	if s.hash, err = hashOf(path); err != nil {
		return source{}, err
	}
	if s.content, err = t.Inspect(ctx, path, longest); err != nil {
		return source{}, fmt.Errorf("%s can't be read as a picture or clip: %w", path, err)
	}
	return s, nil
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", &fs.PathError{Op: "read", Path: path, Err: errors.New("not a file")}
	case info.Size() > maxFile:
		return "", fmt.Errorf("%s has %d MB, and %d is the most", path, info.Size()>>20, maxFile>>20)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxFile)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// String is for the log.
func (s source) String() string {
	switch {
	case s.path == "":
		return "built in"
	case s.content.Frames == 1:
		return "a still picture"
	}
	text := fmt.Sprintf("a clip of %v", s.content.Length.Round(time.Millisecond))
	if s.content.Length >= longest-trimmed {
		text += ", of which more isn't used"
	}
	if !s.content.Sound {
		text += " without sound"
	}
	return text
}
