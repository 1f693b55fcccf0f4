package ffmpeg

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// files returns what descriptors of this process refer to.
func files(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	open := map[string]string{}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = to
		}
	}
	return open
}

// children returns the numbers of our processes' children, zombies too.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	var all []string
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil { // the thread may have ended
			all = append(all, strings.Fields(string(b))...)
		}
	}
	return all
}

func TestNothingIsLeftOfManyProcesses(t *testing.T) {
	found, s := tool(t), smallSource(t)
	cycle := func(n int) {
		p, err := found.Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(144, 1), out(96, 2)}}})
		require.NoError(t, err)
		switch n % 5 {
		case 0: // at once
		case 1:
			_ = s.feed(p)
			p.Stop(10 * time.Millisecond)
		case 2:
			require.NoError(t, syscall.Kill(p.child.Pid(), syscall.SIGSTOP))
			p.Stop(0)
		case 3:
			require.NoError(t, syscall.Kill(p.child.Pid(), syscall.SIGKILL))
			require.Error(t, p.Wait())
		case 4:
			require.NoError(t, p.CloseInput())
			_ = p.Wait() // without a picture it has something to say
		}
		require.NoError(t, p.Close())
	}
	cycle(0)
	before := files(t)
	for n := range 200 {
		cycle(n)
	}
	_, err := (&Tool{Path: "/nowhere/ffmpeg"}).Start(t.Context(), Job{Video: &VideoJob{Outputs: []Output{out(144, 1)}}})
	require.Error(t, err)
	require.Len(t, files(t), len(before), "%v", files(t))
	require.Empty(t, children(t))
}

// What is started beside a process doesn't hold its pipes.
func TestPipesAreNobodyElses(t *testing.T) {
	before := files(t)
	p := startSmall(t, smallSource(t))
	ours := files(t)
	q := startSmall(t, smallSource(t))
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(q.child.Pid()) + "/fd")
	require.NoError(t, err)
	theirs := map[string]bool{}
	for _, e := range entries {
		to, err := os.Readlink("/proc/" + strconv.Itoa(q.child.Pid()) + "/fd/" + e.Name())
		require.NoError(t, err)
		theirs[to] = true
	}
	pipes := 0
	for fd, to := range ours {
		if before[fd] != to && strings.HasPrefix(to, "pipe:") {
			pipes++
			require.NotContains(t, theirs, to)
		}
	}
	require.Equal(t, 1+2+2, pipes, "input, outputs, progress and messages")
	require.NoError(t, p.CloseInput())
	p.requireEnds(t)
}

func TestPipesAreWide(t *testing.T) {
	r, w, err := pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	require.NoError(t, w.SetWriteDeadline(time.Now().Add(time.Minute)))
	n, err := w.Write(make([]byte, 2*usual)) // nobody reads
	require.NoError(t, err)
	require.Equal(t, 2*usual, n)
}
