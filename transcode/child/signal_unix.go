//go:build unix

package child

import (
	"os"
	"syscall"
)

// interruptGroup asks with SIGINT, as Ctrl+C does, and wakes up what is stopped.
// That a signal can't be sent means that nobody is there any more.
func interruptGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGINT)
	_ = syscall.Kill(-p.Pid, syscall.SIGCONT)
}

func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// makeNice is for the group, because Linux takes a process's number for its
// first thread's alone.
func makeNice(p *os.Process, niceness int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, p.Pid, niceness)
}
