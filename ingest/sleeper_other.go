//go:build !linux

package ingest

import (
	"net"
	"time"
)

// sleeper reads a connection; only Linux knows how to wait for more than a byte.
type sleeper struct{ conn net.Conn }

func (z *sleeper) init(c net.Conn) { z.conn = c }

func (z *sleeper) read(_ *socket, p []byte) (int, error) { return z.conn.Read(p) }

func (z *sleeper) poll([]byte) int { return 0 }

func (z *sleeper) line() (Line, bool) { return Line{}, false }

func (z *sleeper) silence() (time.Duration, bool) { return 0, false }
