package web

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What the kernel holds of a viewer's connection beyond what is under way is bounded.
func TestUnsentIsBounded(t *testing.T) {
	g, _ := playing(t, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	conn, err := g.NewDoor(l, false, "").Accept()
	require.NoError(t, err)
	defer conn.Close()
	raw, err := conn.(*visitor).Conn.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	var unsent int
	require.NoError(t, raw.Control(func(fd uintptr) {
		unsent, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
	}))
	require.NoError(t, err)
	require.Equal(t, maxUnsent, unsent)
}
