package ingest

import (
	"net"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the kernel takes from a write before it can be sent
// (TCP_NOTSENT_LOWAT): megabytes of media that wait there are seconds, which no skip
// can take back.
func limitUnsent(c net.Conn, bytes int) {
	if raw := rawConn(c); raw != nil {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
		})
	}
}
