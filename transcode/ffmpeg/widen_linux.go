package ffmpeg

import (
	"os"

	"golang.org/x/sys/unix"
)

// usual is what a pipe holds when it's new.
const usual = 64 << 10

// widen makes a pipe hold size bytes, or half of that, and so on, as the system
// allows.
func widen(f *os.File, size int) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for ; size > usual; size /= 2 {
			if _, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size); err == nil {
				return
			}
		}
	})
}
