package ffmpeg

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// sparing reads or writes a pipe, which never blocks, without what Go's scheduler
// does around a system call that may: among that is waking its monitor thread,
// which then polls for a while. With a few hundred small reads and writes a
// second and little else to do, that is a third of what they cost. One goroutine
// uses it at a time.
type sparing struct {
	f   *os.File
	raw syscall.RawConn

	// The argument and results of try, which lives as long as the pipe's end so
	// that a call allocates nothing.
	try func(fd uintptr) bool
	p   []byte
	n   int
	err syscall.Errno
}

// sparingly returns a pipe's end; call is SYS_READ or SYS_WRITE.
func sparingly(f *os.File, call uintptr) (*sparing, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("raw pipe: %w", err)
	}
	s := &sparing{f: f, raw: raw}
	s.try = func(fd uintptr) bool {
		for {
			n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&s.p[0])), uintptr(len(s.p)))
			if errno == syscall.EINTR {
				continue
			}
			s.n, s.err = int(n), errno
			return errno != syscall.EAGAIN
		}
	}
	return s, nil
}

func newPipeReader(f *os.File) (io.Reader, error) { return sparingly(f, syscall.SYS_READ) }
func newPipeWriter(f *os.File) (io.Writer, error) { return sparingly(f, syscall.SYS_WRITE) }

// Read implements io.Reader.
func (s *sparing) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.do(s.raw.Read, p)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (s *sparing) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := s.do(s.raw.Write, p[done:])
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// do makes the call, and waits while the pipe can't do it.
func (s *sparing) do(wait func(func(uintptr) bool) error, p []byte) (int, error) {
	s.p, s.n, s.err = p, 0, 0
	err := wait(s.try)
	s.p = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, err
	case err != nil: // nothing else ends a wait
		return 0, os.ErrClosed
	case s.err != 0:
		return 0, &os.PathError{Op: "pipe", Path: s.f.Name(), Err: s.err}
	}
	return s.n, nil
}
