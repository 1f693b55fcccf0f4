package child

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The thread that starts a child is its parent for the kernel. Go ends the
// thread of a goroutine that ends locked: what it started is to live on.
func TestChildOutlivesTheThreadOfWhoStartedIt(t *testing.T) {
	cmd, out, ours := command(t, "obedient")
	var c *Child
	tid := make(chan int)
	go func() {
		runtime.LockOSThread()
		var err error
		if c, err = Start(cmd, 0); err != nil {
			panic(err)
		}
		tid <- unix.Gettid()
	}()
	thread := <-tid
	ours()
	out.requireReady(t)
	if thread != os.Getpid() { // the first thread of a process is kept
		require.Eventually(t, func() bool {
			return unix.Tgkill(os.Getpid(), thread, 0) == unix.ESRCH
		}, time.Minute, time.Millisecond, "the thread ends")
	}
	c.Stop(time.Minute)
	require.NoError(t, c.Wait(), "it lived to be asked to end")
}

func TestChildDiesWithItsParent(t *testing.T) {
	cmd, out, ours := command(t, "parent")
	require.NoError(t, cmd.Start())
	ours()
	out.requireReady(t) // said by the child's child
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	out.requireEnd(t)
}

func TestGroupEndsWithItsLeader(t *testing.T) {
	cmd, out, ours := command(t, "mother")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	c, err := Start(cmd, 0)
	require.NoError(t, err)
	defer c.Kill()
	ours()
	out.requireReady(t)
	stdin.Close()
	require.NoError(t, c.Wait())
	out.requireEnd(t)
}

func TestStoppedChildIsWokenUpAndAsked(t *testing.T) {
	c, out := start(t, "obedient", 0)
	require.NoError(t, syscall.Kill(c.Pid(), syscall.SIGSTOP))
	c.Stop(time.Minute)
	require.NoError(t, c.Wait())
	out.requireEnd(t)
}

func TestStoppedChildIsKilled(t *testing.T) {
	c, out := start(t, "obedient", 0)
	require.NoError(t, syscall.Kill(c.Pid(), syscall.SIGSTOP))
	c.Kill()
	var exit *exec.ExitError
	require.ErrorAs(t, c.Wait(), &exit)
	out.requireEnd(t)
}

func TestOwnGroupSameSessionAndNice(t *testing.T) {
	c, _ := start(t, "obedient", 10)
	pgid, err := unix.Getpgid(c.Pid())
	require.NoError(t, err)
	require.Equal(t, c.Pid(), pgid)
	theirs, err := unix.Getsid(c.Pid())
	require.NoError(t, err)
	ours, err := unix.Getsid(0)
	require.NoError(t, err)
	require.Equal(t, ours, theirs)
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(c.Pid()) + "/task")
	require.NoError(t, err)
	for _, task := range tasks { // every thread
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(c.Pid()) + "/task/" + task.Name() + "/stat")
		require.NoError(t, err)
		_, fields, _ := strings.Cut(string(stat), ") ")
		require.Equal(t, "10", strings.Fields(fields)[16]) // field 19, nice
	}
}
