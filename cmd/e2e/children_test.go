package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// children are the processes that a process has started, by their PID, with
// their command lines (proc(5)).
func children(parent int) map[int][]string {
	found := map[int][]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		found[pid] = strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	}
	return found
}

// ladderJob tells a ladder's command line from trials and from sound's.
var ladderJob = regexp.MustCompile(`-f mov .*-filter_complex`)

// transcoders are the gateway's ffmpeg processes that make pictures.
func (g *gateway) transcoders() []int {
	var pids []int
	for pid, line := range children(g.cmd.Process.Pid) {
		if ladderJob.MatchString(strings.Join(line, " ")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// transcoder waits for the one process of a ladder, another than those in old.
func (g *gateway) transcoder(old ...int) int {
	g.t.Helper()
	pid := 0
	g.eventually("ffmpeg runs", func() error {
		all := g.transcoders()
		if len(all) != 1 {
			return fmt.Errorf("%d of them", len(all))
		}
		pid = all[0]
		for _, o := range old {
			if pid == o {
				return fmt.Errorf("%d still does", pid)
			}
		}
		return nil
	})
	return pid
}

// alive reports whether a process exists and isn't a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return len(fields) > 0 && fields[0] != "Z" && syscall.Kill(pid, 0) == nil
}

// openFiles are what the gateway has open, by their number.
func (g *gateway) openFiles() map[string]string {
	found := map[string]string{}
	folder := fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid)
	entries, err := os.ReadDir(folder)
	require.NoError(g.t, err)
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(folder, e.Name())); err == nil {
			found[e.Name()] = to
		}
	}
	return found
}

// metric adds up all samples of a metric; zero where there is none.
func (g *gateway) metric(name string) float64 {
	g.t.Helper()
	body, _, err := g.get("/metrics")
	require.NoError(g.t, err)
	total := 0.0
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		require.NoError(g.t, err)
		total += v
	}
	return total
}

// standIn is a program called ffmpeg that does what a test wants.
type standIn struct {
	t      *testing.T
	folder string
}

// What a standIn does from now on.
const (
	honest  = "honest"  // is ffmpeg
	refuses = "refuses" // has no encoder that works, not even in a trial
	fails   = "fails"   // ends at once where it is to make a ladder
	old     = "old"     // says that it's version 4.4
)

// newStandIn puts a stand-in for ffmpeg into a folder of its own.
func newStandIn(t *testing.T, does string) *standIn {
	t.Helper()
	real, err := filepath.Abs(which(t, "ffmpeg"))
	require.NoError(t, err)
	s := &standIn{t: t, folder: t.TempDir()}
	s.set(does)
	script := `#!/bin/sh
# Everything is written down: one line for each start.
echo "$*" >>'` + s.folder + `/starts'
case "$(cat '` + s.folder + `/does') $*" in
"old "*-version*) echo "ffmpeg version 4.4.2 Copyright (c) 2000-2021 the FFmpeg developers"; exit 0 ;;
"old "*) echo "too old for this" >&2; exit 1 ;;
"refuses "*libx264*) echo "Unknown encoder 'libx264'" >&2; exit 1 ;;
"fails "*"-f mov "*filter_complex*) echo "Unknown encoder 'libx264'" >&2; exit 1 ;;
esac
exec '` + real + `' "$@"
`
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "ffmpeg"), []byte(script), 0o700))
	return s
}

func (s *standIn) set(does string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.folder, "does"), []byte(does), 0o600))
}

// env is the environment in which it is found before the real one.
func (s *standIn) env() []string { return []string{"PATH=" + s.folder + ":" + os.Getenv("PATH")} }

// ladders counts the processes of ladders that were started.
func (s *standIn) ladders() int {
	starts, err := os.ReadFile(filepath.Join(s.folder, "starts"))
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(s.t, err)
	n := 0
	for line := range strings.Lines(string(starts)) {
		if ladderJob.MatchString(line) {
			n++
		}
	}
	return n
}

func which(t *testing.T, program string) string {
	t.Helper()
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	t.Fatalf("%s is not installed: make test installs it", program)
	return ""
}
