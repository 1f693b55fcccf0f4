package web

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnsent has the kernel hold no more of what it can't send yet (TCP_NOTSENT_LOWAT).
// Otherwise it holds up to megabytes, and takes no more until a third of that is gone: whose
// line becomes slow would have taken nothing for longer than a dead peer is waited for.
func limitUnsent(c net.Conn, bytes int) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
		})
	}
}
