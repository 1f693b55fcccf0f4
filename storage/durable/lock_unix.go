//go:build unix

package durable

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes an exclusive lock on the file, which is made where it is missing. It
// ends with Close, and with the process at the latest.
func Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}
