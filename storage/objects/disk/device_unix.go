//go:build unix

package disk

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes is what an ordinary user may still write on the device of path.
func freeBytes(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	blocks, size := uint64(max(st.Bavail, 0)), uint64(max(st.Bsize, 1))
	return int64(min(blocks, math.MaxInt64/size) * size), nil
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func isNoFolder(err error) bool { return errors.Is(err, unix.ENOTDIR) }
