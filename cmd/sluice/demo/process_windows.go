package demo

import (
	"os"
	"syscall"
)

// processAttributes puts the child into a process group of its own, so that
// Ctrl+C reaches the gateway alone. When the gateway dies, the child's input
// ends, and with it the child.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// interrupt ends the child: Windows can't ask a process without a console.
func interrupt(p *os.Process) error { return p.Kill() }
