package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// role makes the test's binary something else than a test.
const role = "SLUICE_TEST_CHILD_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		goleak.VerifyTestMain(m)
	case "obedient": // ends well when it's asked to
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		fmt.Println("ready")
		<-interrupted
		os.Exit(0)
	case "deaf":
		signal.Ignore(os.Interrupt)
		fmt.Println("ready")
		select {}
	case "parent": // has a child that would outlive it, and says so when that runs
		c := launchedBy("deaf", os.Stdout)
		if _, err := Start(c, 0); err != nil {
			panic(err)
		}
		select {}
	case "mother": // ends and leaves a process in its group that holds its output
		c := launchedBy("deaf", os.Stdout)
		if err := c.Start(); err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
}

func launchedBy(as string, stdout *os.File) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), role+"="+as)
	cmd.Stdout = stdout
	return cmd
}

// output is what a program says; it ends when nobody is left who could say more.
type output struct {
	*bufio.Reader
	f *os.File
}

func (o output) requireReady(t *testing.T) {
	t.Helper()
	line, err := o.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
}

func (o output) requireEnd(t *testing.T) {
	t.Helper()
	rest, err := io.ReadAll(o)
	require.NoError(t, err, "somebody is left")
	require.Empty(t, rest)
}

// command returns one that runs the test's binary in a role.
func command(t *testing.T, as string) (*exec.Cmd, output, func()) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	require.NoError(t, r.SetReadDeadline(time.Now().Add(time.Minute)))
	return launchedBy(as, w), output{bufio.NewReader(r), r}, func() { w.Close() }
}

func start(t *testing.T, as string, niceness int) (*Child, output) {
	t.Helper()
	cmd, out, ours := command(t, as)
	c, err := Start(cmd, niceness)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	ours()
	out.requireReady(t)
	return c, out
}

func TestStopAsksFirst(t *testing.T) {
	c, out := start(t, "obedient", 0)
	c.Stop(time.Minute)
	require.NoError(t, c.Wait())
	require.NoError(t, c.Wait(), "once more")
	out.requireEnd(t)
	c.Stop(time.Minute)
	c.Kill()
}

func TestStopKillsWhoDoesNotListen(t *testing.T) {
	c, out := start(t, "deaf", 0)
	c.Stop(10 * time.Millisecond)
	var exit *exec.ExitError
	require.ErrorAs(t, c.Wait(), &exit)
	require.False(t, exit.Exited(), "killed")
	out.requireEnd(t)
}

func TestWhatCannotBeStarted(t *testing.T) {
	_, err := Start(exec.Command(t.TempDir()+"/nothing"), 10)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestManyStartAndEnd(t *testing.T) {
	for range 20 {
		c, _ := start(t, "obedient", 10)
		c.Kill()
		require.ErrorContains(t, c.Wait(), "killed")
	}
}

func TestPipesOfOneThatEndsAreCopiedToTheEnd(t *testing.T) {
	cmd := launchedBy("obedient", nil)
	var said strings.Builder
	cmd.Stdout = &said
	c, err := Start(cmd, 0)
	require.NoError(t, err)
	c.Stop(time.Minute) // it may not listen yet: then the signal alone ends it
	<-c.Done()
	_ = c.Wait()
	require.Contains(t, []string{"", "ready\n"}, said.String())
}
