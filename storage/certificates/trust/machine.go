package trust

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// commandTime bounds each command. update-ca-certificates takes seconds; Windows
// and macOS may ask a person, who needs longer.
const commandTime = 2 * time.Minute

// machine is what the stores need to know of where they are; tests make their own.
type machine struct {
	goos     string
	root     string // of the file system; "/" but in tests
	home     string // of the person who asked, also under sudo
	sudoUser string // that person's name under sudo, else empty
	admin    bool
	look     func(program string) (path string, err error)
	run      func(ctx context.Context, argv ...string) error
}

func here() machine {
	m := machine{goos: runtime.GOOS, root: "/", admin: os.Geteuid() == 0, look: look, run: run}
	m.home, _ = os.UserHomeDir() // none: a service account has no browsers either
	if name := os.Getenv("SUDO_USER"); m.admin && name != "" && name != "root" {
		if u, err := user.Lookup(name); err == nil {
			m.sudoUser, m.home = name, u.HomeDir
		}
	}
	return m
}

// look finds a program, in the folders for administrators too: Debian's
// ordinary users don't have them in their PATH.
func look(program string) (string, error) {
	path, err := exec.LookPath(program)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, program))
	}
	return path, err
}

func run(ctx context.Context, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 2 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line(argv...), err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}

// line shows a command as a shell takes it.
func line(argv ...string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>()*?[]#~`!,") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// sudo shows a command that an administrator must run.
func sudo(argv ...string) string { return "sudo " + line(argv...) }
