//go:build !linux

package web

import "net"

// limitUnsent is Linux's.
func limitUnsent(net.Conn, int) {}
