package demo

import "syscall"

// processAttributes puts the child into a process group of its own, so that
// Ctrl+C in a terminal reaches the gateway alone, and has the kernel end it when
// the gateway dies.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
