package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
)

// streams runs `sluice stream` in one folder after the other call.
type streams struct {
	t   *testing.T
	dir string
}

func (s streams) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := sluice(s.t, append([]string{"stream"}, args...)...)
	cmd.Dir = s.dir
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

func (s streams) ok(args ...string) string {
	s.t.Helper()
	out, said, code := s.run(args...)
	require.Zero(s.t, code, said)
	require.Empty(s.t, said)
	return out
}

func (s streams) fails(code int, want string, args ...string) {
	s.t.Helper()
	out, said, got := s.run(args...)
	require.Equal(s.t, code, got, "%v: %s", args, said)
	require.Contains(s.t, said, want)
	require.Empty(s.t, out)
}

// key finds the key that a command shows.
func key(t *testing.T, out string) string {
	t.Helper()
	m := regexp.MustCompile(`Stream key +([a-z2-7]{26})\n`).FindStringSubmatch(out)
	require.NotNil(t, m, out)
	return m[1]
}

type listedKey struct {
	ID, Key, Label, Purpose, State string
	Allow                          []string
	Expires, Revoked, Used         time.Time
}

func (s streams) list(args ...string) map[string][]listedKey {
	s.t.Helper()
	var out struct {
		Streams []struct {
			Name string
			Keys []listedKey
		}
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.ok(append([]string{"list", "--json"}, args...)...)), &out))
	m := map[string][]listedKey{}
	for _, v := range out.Streams {
		m[v.Name] = v.Keys
	}
	return m
}

func TestStreamCommands(t *testing.T) {
	s := streams{t, t.TempDir()}
	s.fails(1, "there is no catalog in it", "list")
	s.fails(1, "there is no catalog in it", "rm", "hall")
	require.NoDirExists(t, filepath.Join(s.dir, "data"), "looking makes nothing")

	out := s.ok("add", "hall")
	require.Contains(t, out, "Stream hall is made, with key ")
	require.Contains(t, out, "rtmps://localhost:1936/live\n")
	first := key(t, out)
	out = s.ok("add", "hall", "--label", "truck", "--backup", "--expires", "30d", "--allow", "192.0.2.7/24", "--allow", "2001:db8::1")
	require.Contains(t, out, "Stream hall has a further key, ")
	require.Contains(t, out, "192.0.2.0/24 2001:db8::1/128")
	key(t, out)
	require.Contains(t, s.ok("add", "yard", "--no-key"), "without a key")
	s.fails(1, "stream yard is there already", "add", "yard", "--no-key")
	s.fails(1, `stream name "Yard"`, "add", "Yard")
	s.fails(1, "--expires: 2020-01-01T00:00:00Z has passed", "add", "attic", "--expires", "2020-01-01")
	s.fails(1, "want a date, or as in 2026-12-31T23:00:00Z, or a span", "add", "attic", "--expires", "soon")
	s.fails(1, `--allow: "home" is no address range`, "add", "attic", "--allow", "home")
	_, said, code := s.run("add")
	require.Equal(t, 80, code)
	require.Contains(t, said, `expected "<name>"`)

	all := s.list()
	require.Len(t, all, 2, "what failed made nothing")
	require.Empty(t, all["yard"])
	truck := all["hall"][1]
	require.Equal(t, []any{"truck", "backup", "valid", ""}, []any{truck.Label, truck.Purpose, truck.State, truck.Key})
	require.Equal(t, []string{"192.0.2.0/24", "2001:db8::1/128"}, truck.Allow)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), truck.Expires, time.Hour)
	require.NotContains(t, s.ok("list"), first, "a key is shown once")
	require.Regexp(t, `hall +`+truck.ID+` +valid +truck +backup `, s.ok("list", "hall"))
	s.fails(3, "stream attic: not found", "list", "attic")

	s.fails(1, "say which with --key: "+all["hall"][0].ID, "rotate", "hall")
	s.fails(3, `key "trick": not found`, "rotate", "hall", "--key", "trick")
	s.fails(3, "stream attic: not found", "rotate", "attic")
	s.fails(3, "it has none", "rotate", "yard")
	out = s.ok("rotate", "hall", "--key", "truck")
	require.Contains(t, out, "the old one works no more")
	all = s.list("hall")
	require.Equal(t, "revoked", all["hall"][1].State)
	next := all["hall"][2]
	require.Equal(t, []any{"truck", "backup", truck.Allow, truck.Expires}, []any{next.Label, next.Purpose, next.Allow, next.Expires}, "on the same terms")
	out = s.ok("rotate", "hall", "--key", all["hall"][0].ID, "--overlap", "1h", "--label", "studio")
	require.Contains(t, out, "works for another 1h0m0s")
	old := s.list()["hall"][0]
	require.Equal(t, "valid", old.State)
	require.WithinDuration(t, time.Now().Add(time.Hour), old.Expires, time.Minute)

	require.Equal(t, "revoked key "+old.ID+" of stream hall\n", s.ok("rm", "hall", "--key", old.ID))
	s.fails(3, "not found", "rm", "hall", "--key", old.ID)
	require.Equal(t, "removed stream hall and its keys\n", s.ok("rm", "hall"))
	s.fails(3, "remove stream hall: not found", "rm", "hall")
	require.JSONEq(t, `{"removed": {"stream": "yard"}}`, s.ok("rm", "yard", "--json"))
	require.Contains(t, s.ok("list"), "no streams yet")
}

func TestStreamAddForPrograms(t *testing.T) {
	s := streams{t, t.TempDir()}
	var out struct {
		Stream  string
		Made    bool
		Servers []string
		Key     listedKey
	}
	require.NoError(t, json.Unmarshal([]byte(s.ok("add", "hall", "--json", "--data", "elsewhere")), &out))
	require.Equal(t, "hall", out.Stream)
	require.True(t, out.Made)
	require.Equal(t, []string{"rtmps://localhost:1936/live", "rtmp://127.0.0.1:1935/live"}, out.Servers)
	require.Regexp(t, `^[a-z2-7]{26}$`, out.Key.Key)
	c, err := sqlite.OpenBeside(t.Context(), filepath.Join(s.dir, "elsewhere"))
	require.NoError(t, err)
	defer c.Close()
	stream, err := c.ByKey(t.Context(), catalog.HashKey(out.Key.Key))
	require.NoError(t, err)
	require.Equal(t, "hall", stream.Name)
}

// What the configuration gives is listed, and not to be changed here.
func TestStreamsOfTheConfiguration(t *testing.T) {
	s := streams{t, t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "sluice.yaml"),
		[]byte("rtmps-addr: 0.0.0.0:443\ndomain: live.example.org\nstreams:\n  - name: hall\n    key: a-long-random-key\n"), 0o600))
	out := s.ok("add", "yard", "--config", "sluice.yaml")
	require.Contains(t, out, "rtmps://localhost:443/live")
	require.Contains(t, out, "in the place of localhost: live.example.org", "the name that there is a certificate for")
	all := s.list("--config", "sluice.yaml")
	require.Len(t, all, 2)
	require.Equal(t, "key1", all["hall"][0].ID)
	for _, args := range [][]string{{"add", "hall"}, {"rotate", "hall"}, {"rm", "hall"}} {
		s.fails(1, "given by the configuration: change it there", append(args, "--config", "sluice.yaml")...)
	}
	s.fails(1, "none.yaml", "list", "--config", "none.yaml")
}

// The catalog is a running gateway's: what is added can be published to, and a key
// that is taken away is dead.
func TestStreamsBesideAGateway(t *testing.T) {
	cmd := sluice(t, append([]string{"run"}, anyPorts...)...)
	banner, log := running(t, cmd, "/ca.crt")
	s := streams{t, cmd.Dir}
	require.Len(t, s.list()["live"], 1)
	s.ok("add", "hall")
	s.ok("rotate", "live")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "%s", log)
	require.Contains(t, banner, "/watch/live")

	// The next start doesn't print a key that is dead.
	again := sluice(t, append([]string{"run"}, anyPorts...)...)
	again.Dir = cmd.Dir
	banner, log = running(t, again, "/ca.crt")
	require.Contains(t, banner, "/watch/hall")
	require.Contains(t, banner, "keys aren't kept in readable form")
	require.NoError(t, again.Process.Signal(os.Interrupt))
	require.NoError(t, again.Wait(), "%s", log)
}
