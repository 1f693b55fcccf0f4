//go:build !linux

package ffmpeg

import (
	"io"
	"os"
)

func newPipeReader(f *os.File) (io.Reader, error) { return f, nil }
func newPipeWriter(f *os.File) (io.Writer, error) { return f, nil }
