//go:build !linux

package ingest

import "net"

// limitUnsent bounds what waits in the kernel to be sent, where that can be.
func limitUnsent(net.Conn, int) {}
