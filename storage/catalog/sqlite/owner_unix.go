//go:build unix

package sqlite

import (
	"os"
	"syscall"
)

// giveToOwner gives a file that root may just have made to whoever owns the folder:
// a gateway that isn't root must be able to open it. SQLite does so with its own files.
func giveToOwner(path, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}
