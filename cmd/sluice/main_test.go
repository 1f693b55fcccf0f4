package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/storage/certificates/trust"
)

// asSluice makes the test's binary be sluice.
const asSluice = "SLUICE_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asSluice) != "" {
		os.Unsetenv(asSluice)
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// sluice is the command with these arguments and no SLUICE_ variables of ours.
func sluice(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, asSluice+"=1")
	cmd.Dir = t.TempDir()
	return cmd
}

var anyPorts = []string{"--rtmps-addr", "127.0.0.1:0", "--rtmp-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--https-addr", "127.0.0.1:0", "--ladder", "source"}

// failing runs a command that must fail, and returns what it says.
func failing(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	require.NotZero(t, exit.ExitCode())
	return string(out)
}

// running starts a gateway, and returns what its standard output says until the
// line with last, and its standard error once it has ended.
func running(t *testing.T, cmd *exec.Cmd, last string) (banner string, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() // no harm where it has ended
		cmd.Wait()
	})
	lines := bufio.NewReader(out)
	for !strings.Contains(banner, last) {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "%s%s", banner, log)
		banner += line
	}
	return banner, log
}

func TestRunUntilSignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd := sluice(t, append([]string{"run"}, anyPorts...)...)
			banner, log := running(t, cmd, "/ca.crt")

			require.Regexp(t, `Server +rtmps://localhost:\d+/live\n`, banner)
			require.Regexp(t, `Stream key +[a-z2-7]{26} +\(also in data/live\.key`, banner)
			require.Regexp(t, `HLS +http://localhost:\d+/live/live/index\.m3u8\n`, banner)
			require.Regexp(t, `DASH +http://localhost:\d+/live/live/manifest\.mpd\n`, banner)
			require.Regexp(t, `certificate yet: run  .* trust\n`, banner)
			player := regexp.MustCompile(`Player +http://localhost(:\d+/watch/live)\n`).FindStringSubmatch(banner)
			require.NotNil(t, player, banner)
			resp, err := http.Get("http://127.0.0.1" + player[1])
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, 200, resp.StatusCode)

			require.NoError(t, cmd.Process.Signal(signal))
			require.NoError(t, cmd.Wait(), "%s", log)
			key, err := os.ReadFile(filepath.Join(cmd.Dir, "data", "live.key"))
			require.NoError(t, err)
			require.NotContains(t, log.String(), strings.TrimSpace(string(key)), "the log holds no key")
			require.Contains(t, log.String(), "INFO  shutting down")
		})
	}
}

func TestJSONLogsHoldNoKeyAndNoBanner(t *testing.T) {
	cmd := sluice(t, append([]string{"run", "--log-format", "json", "--stream", "hall=open-sesame"}, anyPorts...)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var all strings.Builder
	for lines := bufio.NewReader(log); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		all.WriteString(line)
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		if record["msg"] == "started" {
			require.NotEmpty(t, record["rtmps"])
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	require.NoError(t, cmd.Wait())
	require.NotContains(t, all.String(), "sesame")
	require.Empty(t, out.String())
}

func TestMistakesAreSaidAndFail(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		env  string
		want string
	}{
		"flag value":                       {[]string{"run", "--segment", "2"}, "", `sluice: --segment: "2" is not a duration`},
		"variable":                         {[]string{"run"}, "SLUICE_HTTP_ADDR=80", `sluice: SLUICE_HTTP_ADDR: "80" is not an address`},
		"unknown flag":                     {[]string{"run", "--laddr", "x"}, "", "unknown flag --laddr"},
		"missing file":                     {[]string{"run", "--config", "none.yaml"}, "", "sluice: read configuration: open none.yaml"},
		"no command":                       {nil, "", "expected one of"},
		"trust of file":                    {[]string{"trust", "--ca", "none.crt"}, "", "none.crt"},
		"trust where files are configured": {[]string{"trust"}, "SLUICE_TLS_CERT=a.pem", "tls-key"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := sluice(t, tc.args...)
			if tc.env != "" {
				cmd.Env = append(cmd.Env, tc.env)
			}
			require.Contains(t, failing(t, cmd), tc.want)
		})
	}
}

func TestDemoSaysWhatToInstall(t *testing.T) {
	cmd := sluice(t, append([]string{"demo"}, anyPorts...)...)
	cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
	out := failing(t, cmd)
	require.Contains(t, out, "sudo apt-get install ffmpeg")
	require.NoDirExists(t, filepath.Join(cmd.Dir, "data"), "nothing was started")
}

func TestDemoPublishes(t *testing.T) {
	cmd := sluice(t, append([]string{"demo"}, anyPorts...)...)
	banner, log := running(t, cmd, "/ca.crt")
	url := regexp.MustCompile(`HLS +http://localhost(:\d+/live/live/index\.m3u8)\n`).FindStringSubmatch(banner)
	require.NotNil(t, url, banner)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		resp, err := http.Get("http://127.0.0.1" + url[1])
		require.NoError(c, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(c, err)
		require.Equal(c, 200, resp.StatusCode)
		require.Contains(c, string(body), "RESOLUTION=1280x720,FRAME-RATE=30.000")
		require.Contains(c, string(body), "mp4a.40.2")
	}, time.Minute, 50*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "%s", log)
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	cmd := sluice(t, append([]string{"demo"}, anyPorts...)...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var all strings.Builder
	for lines := bufio.NewReader(stderr); ; {
		line, err := lines.ReadString('\n')
		all.WriteString(line)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		// A live stream makes the end take a moment: players are to see it.
		if strings.Contains(line, "stream is live") || strings.Contains(line, "shutting down") {
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Contains(t, all.String(), "ended at once by a second signal")
}

func TestVersionLine(t *testing.T) {
	out, err := sluice(t, "version").Output()
	require.NoError(t, err)
	require.Regexp(t, `^sluice \S+.*, go1\.\d+.* `+runtime.GOOS+"/"+runtime.GOARCH+"\n$", string(out))
	version = "v9.9.9"
	defer func() { version = "" }()
	require.Contains(t, versionLine(), "sluice v9.9.9")
}

func TestTrustReport(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report(&out, []trust.Result{{Store: "a", Did: "added it"}}))
	err := report(&out, []trust.Result{{Store: "b", Err: os.ErrPermission, By: "sudo x\nsudo y"}, {Store: "c", Did: "it was there"}})
	require.ErrorIs(t, err, errNotEverywhere)
	require.Equal(t, "  a: added it\n"+
		"  b: not done: permission denied\n    do it with:\n      sudo x\n      sudo y\n"+
		"  c: it was there\n", out.String())
}
