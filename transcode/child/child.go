package child

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// killedWithin is how long what the child has left behind may hold the pipes
// that exec.Cmd copies from.
const killedWithin = 2 * time.Second

// Child is a program that was started. It is running → ended, and never comes back.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of cmd.Wait; set before done is closed

	mu   sync.Mutex
	gone bool // its number may belong to another process soon
}

// Start starts cmd, and sets its SysProcAttr. It runs at that nice value, 0 for
// ours, or as we do where that isn't allowed. Somebody must wait for it, or Stop
// or Kill it.
func Start(cmd *exec.Cmd, niceness int) (*Child, error) {
	cmd.SysProcAttr = attributes()
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = killedWithin
	}
	c := &Child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go c.run(started, niceness)
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// run keeps the thread that is the child's parent.
func (c *Child) run(started chan<- error, niceness int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	if err != nil {
		started <- err
		return
	}
	if niceness != 0 {
		makeNice(c.cmd.Process, niceness)
	}
	started <- nil
	if awaitEnd(c.cmd.Process.Pid) {
		// While nobody has asked how it ended, its number is its own, and so is its
		// group's: what it has left in there ends now.
		c.signal(killGroup)
		c.unsignal()
	}
	err = c.cmd.Wait()
	c.unsignal()
	c.err = err
	close(c.done)
}

// signal calls send while the child's number is sure to be the child's.
func (c *Child) signal(send func(*os.Process)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		send(c.cmd.Process)
	}
}

func (c *Child) unsignal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
}

// Pid is the child's number, and its group's.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait waits for the child's end, and returns what exec.Cmd's Wait did. It may
// be called several times.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// CPU is the time that the child has used, user's and system's, once it has ended.
func (c *Child) CPU() time.Duration {
	<-c.done
	if c.cmd.ProcessState == nil {
		return 0
	}
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}

// Kill ends the child and its whole group at once, also while it is stopped,
// and waits for that.
func (c *Child) Kill() {
	c.signal(killGroup)
	<-c.done
}

// Stop asks the child's group to end, kills it where it hasn't after grace, and
// waits for that. A child that is stopped is woken up to be asked.
func (c *Child) Stop(grace time.Duration) {
	c.signal(interruptGroup)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		c.Kill()
	}
}
