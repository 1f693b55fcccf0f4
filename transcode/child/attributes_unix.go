//go:build unix && !linux

package child

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd can't be done in Go everywhere here.
func awaitEnd(int) bool { return false }
