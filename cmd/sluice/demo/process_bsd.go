//go:build unix && !linux

package demo

import "syscall"

// processAttributes puts the child into a process group of its own, so that
// Ctrl+C in a terminal reaches the gateway alone. When the gateway dies, the
// child's input ends, and with it the child.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
