//go:build unix

package demo

import (
	"errors"
	"os"
	"syscall"
)

// interrupt asks the child's whole group to end.
func interrupt(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGINT)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
