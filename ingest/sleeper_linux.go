package ingest

import (
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleeper reads a TCP socket with few wakeups: before it waits it sets
// SO_RCVLOWAT to the bytes worth waking up for. The kernel wakes the reader
// earlier all the same when the connection ends or the receive window is full.
type sleeper struct {
	conn net.Conn
	raw  syscall.RawConn // nil: not a TCP socket

	// The arguments and results of try, which lives as long as the sleeper so
	// that a read allocates nothing.
	try      func(fd uintptr) bool
	peek     func(fd uintptr) bool
	owner    *socket
	p        []byte
	n        int
	err      error
	lowWater int // what the kernel was told last
}

func (z *sleeper) init(c net.Conn) {
	z.conn = c
	if z.raw = rawConn(c); z.raw == nil {
		return
	}
	z.lowWater = 1
	z.try = func(fd uintptr) bool {
		z.n, z.err = readFD(fd, z.p)
		if z.err != syscall.EAGAIN {
			return true
		}
		if low := z.owner.lowWater(); low != z.lowWater {
			if setLowWater(fd, int32(low)) {
				z.lowWater = low
			}
		}
		return false
	}
	z.peek = func(fd uintptr) bool {
		z.n, z.err = readFD(fd, z.p)
		return true
	}
}

// readFD is read(2) on a descriptor that never blocks. It bypasses what Go's
// scheduler does around a system call that may: among that is waking its monitor
// thread, which then polls for a while. That is a fifth of the CPU of a process
// that does little else than read from many connections.
func readFD(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// setLowWater sets SO_RCVLOWAT, likewise.
func setLowWater(fd uintptr, n int32) bool {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT,
		uintptr(unsafe.Pointer(&n)), unsafe.Sizeof(n), 0)
	return errno == 0
}

// read reads as net.Conn's Read does.
func (z *sleeper) read(s *socket, p []byte) (int, error) {
	if z.raw == nil || len(p) == 0 {
		return z.conn.Read(p)
	}
	z.owner, z.p = s, p
	err := z.raw.Read(z.try)
	z.p = nil
	switch {
	case err != nil:
		return 0, err
	case z.err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: z.conn.LocalAddr(), Addr: z.conn.RemoteAddr(), Err: z.err}
	case z.n == 0:
		return 0, io.EOF
	}
	return z.n, nil
}

// poll returns what is there already, after a deadline has passed.
func (z *sleeper) poll(p []byte) int {
	if z.raw == nil {
		return 0
	}
	z.conn.SetReadDeadline(time.Now().Add(time.Second))
	z.p, z.n = p, 0
	if err := z.raw.Read(z.peek); err != nil || z.err != nil {
		z.n = 0
	}
	z.p = nil
	return z.n
}

// silence asks the kernel when the last segment with data came.
func (z *sleeper) silence() (time.Duration, bool) {
	info, _ := z.ask()
	if info == nil {
		return 0, false
	}
	return time.Duration(info.Last_data_recv) * time.Millisecond, true
}

// line asks it for the round-trip time, of our own segments where there are enough
// of them, and for the bytes that wait.
func (z *sleeper) line() (Line, bool) {
	info, queue := z.ask()
	if info == nil {
		return Line{}, false
	}
	rtt := info.Rtt
	if info.Rcv_rtt > 0 && rtt == 0 {
		rtt = info.Rcv_rtt
	}
	return Line{RTT: time.Duration(rtt) * time.Microsecond, Queue: queue}, true
}

func (z *sleeper) ask() (info *unix.TCPInfo, queue int) {
	if z.raw == nil {
		return nil, 0
	}
	err := z.raw.Control(func(fd uintptr) {
		info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		queue, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	})
	if err != nil {
		return nil, 0
	}
	return info, queue
}
