// Package e2e runs the built gateway with real publishers and real players.
// Every test starts a gateway of its own on loopback; none waits on a clock
// for what it can wait on by asking, and none asserts a speed.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait: long enough for a machine that is busy with
// something else, short enough for a test run that hangs to say where.
const patience = 90 * time.Second

// binary is the gateway under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "sluice-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		binary = filepath.Join(folder, "sluice")
		build := exec.Command("go", "build", "-o", binary, "sluice/cmd/sluice")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the gateway:", err)
			return 1
		}
		return m.Run()
	}())
}

// gateway is a running Sluice.
type gateway struct {
	t                        *testing.T
	data                     string
	env                      []string // beside the tests' own
	keyed                    bool     // its arguments say which streams there are
	rtmps, rtmp, http, https string   // addresses on loopback
	cmd                      *exec.Cmd
	log                      *buffer
	exited                   chan struct{}
	err                      error // of Wait, once exited is closed
}

// buffer collects what a process prints.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// key is every test stream's.
const key = "e2e-test-key"

// start runs a gateway that carries the stream "live", and waits until it is
// ready. It has no ladder and no slate unless the arguments ask for them.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith does so with environment variables.
func startWith(t *testing.T, env []string, args ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, data: t.TempDir(), env: env}
	g.begin(args...)
	return g
}

// begin runs the gateway until the test ends.
func (g *gateway) begin(args ...string) {
	g.t.Helper()
	g.run(args...)
	g.t.Cleanup(func() {
		g.stop()
		if g.t.Failed() {
			g.t.Logf("the gateway's log:\n%s", g.log)
		}
	})
}

// banner finds the addresses in what the gateway prints when it starts.
var banner = map[string]*regexp.Regexp{
	"rtmps": regexp.MustCompile(`rtmps://[^:/ ]+:(\d+)/live`),
	"rtmp":  regexp.MustCompile(`rtmp://[^:/ ]+:(\d+)/live`),
	"http":  regexp.MustCompile(`http://[^:/ ]+:(\d+)/watch/live`),
	"https": regexp.MustCompile(`https://[^:/ ]+:(\d+)/watch/live`),
}

// run starts the process, on ports that the system chooses, and on the data
// folder of g.
func (g *gateway) run(args ...string) {
	g.t.Helper()
	g.log, g.exited = &buffer{}, make(chan struct{})
	if !slices.Contains(args, "--ladder") {
		args = append(args, "--ladder", "source")
	}
	if !slices.Contains(args, "--slate") {
		args = append(args, "--slate", "off")
	}
	if !g.keyed {
		args = append([]string{"--stream", "live=" + key}, args...)
	}
	args = append([]string{"run", "--data", g.data, "--rtmps-addr", "127.0.0.1:0",
		"--rtmp-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--https-addr", "127.0.0.1:0"}, args...)
	g.cmd = exec.Command(binary, args...)
	g.cmd.Env = append(os.Environ(), g.env...)
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(g.t, g.cmd.Start())
	go func() {
		g.err = g.cmd.Wait()
		close(g.exited)
	}()
	g.eventually("the gateway is ready", func() error {
		select {
		case <-g.exited:
			g.t.Fatalf("the gateway ended: %v\n%s", g.err, g.log)
		default:
		}
		printed := g.log.String()
		for name, addr := range map[string]*string{"rtmps": &g.rtmps, "rtmp": &g.rtmp, "http": &g.http, "https": &g.https} {
			m := banner[name].FindStringSubmatch(printed)
			if m == nil {
				return fmt.Errorf("no %s address printed yet", name)
			}
			*addr = "127.0.0.1:" + m[1]
		}
		_, _, err := g.get("/readyz")
		return err
	})
}

// stop ends the gateway in order and waits for it.
func (g *gateway) stop() { g.signal(syscall.SIGTERM) }

// signal sends a signal and waits for the end that it must bring.
func (g *gateway) signal(s os.Signal) {
	g.t.Helper()
	select {
	case <-g.exited:
		return
	default:
	}
	_ = g.cmd.Process.Signal(s)
	select {
	case <-g.exited:
	case <-time.After(patience):
		_ = g.cmd.Process.Kill()
		g.t.Errorf("the gateway outlives %v\n%s", s, g.log)
		<-g.exited
	}
}

func (g *gateway) url(path string) string { return "http://" + g.http + path }

// get returns a body and its headers; a status that isn't 200 is a statusError.
func (g *gateway) get(path string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return fetch(ctx, g.url(path))
}

func fetch(ctx context.Context, u string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError{u, resp.StatusCode, string(body)}
	}
	return body, resp.Header, err
}

type statusError struct {
	url    string
	status int
	body   string
}

func (e statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.url, e.status, e.body)
}

func statusOf(err error) int {
	var s statusError
	if errors.As(err, &s) {
		return s.status
	}
	return 0
}

// eventually waits until check gives no error.
func (g *gateway) eventually(what string, check func() error) {
	g.t.Helper()
	eventually(g.t, what, check)
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
		pause(50 * time.Millisecond)
	}
}

// pause spaces out questions to another process.
func pause(d time.Duration) { <-time.After(d) }
