package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/web/pass"
)

func TestTokenCommand(t *testing.T) {
	dir := t.TempDir()
	const secret = "a secret of two parties"
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "sluice.yaml"), []byte(text), 0o600))
	}
	write("streams:\n  - {name: hall, key: a-long-random-key}\n")
	s := streams{t, dir}
	s.ok("add", "roof")
	run := func(args ...string) (stdout, stderr string, code int) {
		t.Helper()
		cmd := sluice(t, append([]string{"token", "--config", "sluice.yaml"}, args...)...)
		cmd.Dir = dir
		var out, said strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &said
		_ = cmd.Run()
		require.NotContains(t, out.String()+said.String(), secret)
		return out.String(), said.String(), cmd.ProcessState.ExitCode()
	}
	_, said, code := run("hall")
	require.Equal(t, 1, code)
	require.Contains(t, said, "no secret to sign with: signing, secret-file")

	write("playback: signed\nsigning: {secret: " + secret + ", old-secret: the secret before it}\nstreams:\n  - {name: hall, key: a-long-random-key}\n" +
		"  - {name: yard, key: another-long-random-key, playback: public}\n")
	for want, args := range map[string][]string{
		"--expires: 2020-01-01T00:00:00Z has passed": {"hall", "--expires", "2020-01-01"},
		`--address: "home" is no address`:            {"hall", "--address", "home"},
	} {
		_, said, code = run(args...)
		require.Equal(t, 1, code)
		require.Contains(t, said, want)
	}
	_, said, code = run("attic")
	require.Equal(t, 3, code)
	require.Contains(t, said, "stream attic: not found")

	out, said, code := run("hall", "--address", "192.0.2.7", "--json", "--expires", "2h")
	require.Zero(t, code, said)
	var made struct {
		Stream, Token, Address string
		Expires                time.Time
		URLs                   map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	v := pass.New(pass.Options{Secrets: [][]byte{[]byte(secret)}})
	until, err := v.Verify(t.Context(), made.Token, "hall", netip.MustParseAddr("192.0.2.7"), time.Now())
	require.NoError(t, err)
	require.True(t, until.Equal(made.Expires.Truncate(time.Second)))
	require.WithinDuration(t, time.Now().Add(2*time.Hour), until, time.Hour)
	require.Equal(t, "192.0.2.7", made.Address)
	require.Equal(t, map[string]string{
		"player": "http://localhost:8080/watch/hall/~" + made.Token, "hls": "http://localhost:8080/live/hall/~" + made.Token + "/index.m3u8",
		"dash": "http://localhost:8080/live/hall/~" + made.Token + "/manifest.mpd", "rtmp": "rtmps://localhost:1936/live/hall?token=" + made.Token,
	}, made.URLs)

	out, said, code = run("roof")
	require.Zero(t, code, said)
	require.Regexp(t, `Stream roof can be watched until \S+Z\.`, out)
	require.Contains(t, out, "/live/roof/~")
	require.NotContains(t, out, "public")
	out, _, _ = run("yard")
	require.Contains(t, out, "The stream is public as well")
}
