package child

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// attributes keep Ctrl+C from the child.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

func awaitEnd(int) bool { return false }

// interruptGroup ends the child: Windows can't ask a process without a console.
func interruptGroup(p *os.Process) { _ = p.Kill() }

func killGroup(p *os.Process) { _ = p.Kill() }

// makeNice has nothing like a nice value here: what isn't urgent is below normal.
func makeNice(p *os.Process, _ int) {
	h, err := windows.OpenProcess(windows.PROCESS_SET_INFORMATION, false, uint32(p.Pid))
	if err != nil {
		return
	}
	defer windows.CloseHandle(h)
	_ = windows.SetPriorityClass(h, windows.BELOW_NORMAL_PRIORITY_CLASS)
}
