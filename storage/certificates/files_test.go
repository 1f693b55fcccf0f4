package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// served runs Serve until the test ends.
func served(t *testing.T, serve func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func hello(name string) *tls.ClientHelloInfo { return &tls.ClientHelloInfo{ServerName: name} }

// got is the certificate that a client which asks for the name is given.
func got(t *testing.T, s Source, name string) *x509.Certificate {
	t.Helper()
	c, err := s.GetCertificate(hello(name))
	require.NoError(t, err)
	return c.Leaf
}

func TestFilesAreChosenByName(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	pair := func(folder string, names ...string) Pair {
		return ca.pair(t, filepath.Join(dir, folder), wanted{name: folder, names: names})
	}
	f, err := FromFiles([]Pair{
		pair("first", "a.example"), pair("wild", "*.wild.example", "wild.example"),
		pair("exact", "one.wild.example"), pair("old", "OLD.Example"),
	}, quiet)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"a.example":          "first",
		"A.EXAMPLE.":         "first",
		"":                   "first", // librtmp, old hardware
		"unknown.example":    "first",
		"wild.example":       "wild",
		"two.wild.example":   "wild",
		"one.wild.example":   "exact", // rather than the wildcard
		"a.b.wild.example":   "first", // one label, and no more
		"xwild.example":      "first",
		".wild.example":      "wild",
		"*.wild.example":     "wild",
		"old.example":        "old",
		"example":            "first",
		"one.wild.example.x": "first",
	} {
		require.Equal(t, want, got(t, f, name).Subject.CommonName, "%q", name)
	}
}

// Old hardware knows RSA alone; with several certificates for a name it gets that one.
// One that has expired is for nobody.
func TestClientGetsACertificateThatItCanUse(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	names := []string{"two.example"}
	f, err := FromFiles([]Pair{
		ca.pair(t, filepath.Join(dir, "old"), wanted{name: "old", names: names, from: time.Now().Add(-2 * day), life: day}),
		ca.pair(t, filepath.Join(dir, "ecdsa"), wanted{name: "ecdsa", names: names}),
		ca.pair(t, filepath.Join(dir, "rsa"), wanted{name: "rsa", names: names, rsa: true}),
	}, quiet)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	for want, suites := range map[string][]uint16{
		"ecdsa": nil,
		"rsa":   {tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	} {
		state, err := dial(t, RTMPS(f), &tls.Config{
			RootCAs: pool, ServerName: "two.example", MaxVersion: tls.VersionTLS12, CipherSuites: suites,
		})
		require.NoError(t, err)
		require.Equal(t, want, state.PeerCertificates[0].Subject.CommonName)
	}
}

// A renewal takes no connection away: one from before it goes on.
func TestRenewedFilesAreServedAndNoConnectionIsDropped(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	p := ca.pair(t, dir, wanted{name: "first", names: []string{"a.example"}})
	f, err := FromFiles([]Pair{p}, quiet)
	require.NoError(t, err)
	served(t, f.Serve)

	ln, err := tls.Listen("tcp", "127.0.0.1:0", RTMPS(f))
	require.NoError(t, err)
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			io.Copy(c, io.LimitReader(c, 8)) // an echo
			accepted <- c
		}
	}()
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "a.example"})
	require.NoError(t, err)
	defer c.Close()
	echo := func(text string) {
		_, err := io.WriteString(c, text)
		require.NoError(t, err)
		buf := make([]byte, len(text))
		_, err = io.ReadFull(c, buf)
		require.NoError(t, err)
		require.Equal(t, text, string(buf))
	}
	echo("live")
	ca.pair(t, dir, wanted{name: "second", names: []string{"a.example"}})
	Until(t, func() bool { return got(t, f, "a.example").Subject.CommonName == "second" })
	echo("live")
	(<-accepted).Close()
}

// Secrets in Kubernetes: tls.crt links to ..data/tls.crt, and ..data, a link too, is
// swapped by a rename.
func TestFilesFollowASwappedFolder(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	swap := func(version string) {
		ca.pair(t, filepath.Join(dir, "..v"+version), wanted{name: version, names: []string{"a.example"}})
		require.NoError(t, os.Symlink("..v"+version, filepath.Join(dir, "..tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	}
	swap("1")
	p := Pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	require.NoError(t, os.Symlink("..data/tls.crt", p.Cert))
	require.NoError(t, os.Symlink("..data/tls.key", p.Key))
	f, err := FromFiles([]Pair{p}, quiet)
	require.NoError(t, err)
	served(t, f.Serve)
	for _, version := range []string{"2", "3"} { // the watch outlives the first swap
		swap(version)
		Until(t, func() bool { return got(t, f, "").Subject.CommonName == version })
	}
}

// certbot: live/NAME/fullchain.pem links to ../../archive/NAME/fullchain1.pem, and
// each link is replaced by one to the next number.
func TestFilesFollowSwappedLinks(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	live := filepath.Join(dir, "live", "a.example")
	require.NoError(t, os.MkdirAll(live, 0o755))
	renew := func(n string) {
		ca.pair(t, filepath.Join(dir, "archive", n), wanted{name: n, names: []string{"a.example"}})
		for _, f := range []string{"tls.crt", "tls.key"} {
			os.Remove(filepath.Join(live, f))
			require.NoError(t, os.Symlink(filepath.Join("..", "..", "archive", n, f), filepath.Join(live, f)))
		}
	}
	renew("1")
	// And all of that lies behind a link that somebody made for convenience.
	link := filepath.Join(t.TempDir(), "current")
	require.NoError(t, os.Symlink(live, link))
	p := Pair{filepath.Join(link, "tls.crt"), filepath.Join(link, "tls.key")}
	f, err := FromFiles([]Pair{p}, quiet)
	require.NoError(t, err)
	served(t, f.Serve)
	for _, n := range []string{"2", "3"} {
		renew(n)
		Until(t, func() bool { return got(t, f, "").Subject.CommonName == n })
	}
}

func TestFoldersOfAPath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	require.NoError(t, os.MkdirAll(at("real", "deep"), 0o755))
	require.NoError(t, os.Symlink(at("real"), at("abs")))
	require.NoError(t, os.Symlink("deep", at("real", "rel")))
	require.NoError(t, os.Symlink("loop", at("loop")))
	all := func(dirs ...string) map[string]bool {
		m := map[string]bool{}
		for _, d := range dirs {
			m[d] = true
		}
		return m
	}
	require.Equal(t, all(at("real")), folders(at("real", "x.pem")))
	require.Equal(t, all(dir, at("real"), at("real", "deep")), folders(at("abs", "rel", "x.pem")))
	require.Equal(t, all(at("gone", "x")), folders(at("gone", "x", "x.pem")))
	require.True(t, folders(at("loop", "x.pem"))[dir], "it ends")
}

// One file is there before the other, or cut short: the old pair goes on, and the
// log says so once, if that lasts.
func TestHalfWrittenPairKeepsTheOldOne(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	p := ca.pair(t, dir, wanted{name: "first", names: []string{"a.example"}})
	var logs bytes.Buffer
	f, err := FromFiles([]Pair{p}, slog.New(slog.NewTextHandler(&logs, nil)))
	require.NoError(t, err)
	failures := 0
	f.failed = func(error) { failures++ }
	name := func() string { return got(t, f, "a.example").Subject.CommonName }
	now := time.Now()

	cert, key := ca.issue(t, wanted{name: "second", names: []string{"a.example"}})
	require.NoError(t, os.WriteFile(p.Cert, cert, 0o600))
	require.Equal(t, patience, f.refresh(now), "it looks again")
	require.Equal(t, "first", name())
	require.Empty(t, logs.String(), "a renewal under way is no news")
	require.NoError(t, os.WriteFile(p.Key, key, 0o600))
	require.Zero(t, f.refresh(now.Add(time.Second)))
	require.Equal(t, "second", name())
	require.Contains(t, logs.String(), "certificate read again")
	require.Empty(t, f.list()[0].Problem)

	for _, spoil := range []func() error{
		func() error { return os.WriteFile(p.Key, key[:len(key)/2], 0o600) },
		func() error { return os.Remove(p.Key) },
		func() error { return os.WriteFile(p.Key, make([]byte, maxFile+1), 0o600) },
	} {
		logs.Reset()
		failures = 0
		require.NoError(t, spoil())
		for i := range 20 {
			f.refresh(now.Add(time.Duration(i) * time.Second))
			require.Equal(t, "second", name())
		}
		require.Equal(t, 1, strings.Count(logs.String(), "level=WARN"), logs.String())
		require.Equal(t, 1, failures)
		require.NotEmpty(t, f.list()[0].Problem)
		require.NoError(t, os.WriteFile(p.Key, key, 0o600))
		f.refresh(now)
		require.Empty(t, f.list()[0].Problem)
	}
}

func TestChangesAreGivenTimeForTheirCompanions(t *testing.T) {
	var first time.Time
	now := time.Now()
	require.Equal(t, settleFor, settle(&first, now))
	require.Equal(t, settleFor, settle(&first, now.Add(time.Second)))
	require.Equal(t, 50*time.Millisecond, settle(&first, now.Add(settleMost-50*time.Millisecond)))
	require.Zero(t, settle(&first, now.Add(settleMost)))
	require.Zero(t, settle(&first, now.Add(2*settleMost)))
}

func TestFilesThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	_, err := FromFiles([]Pair{{filepath.Join(dir, "no.pem"), filepath.Join(dir, "no.key")}}, quiet)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "no.pem")

	ca := newTestCA(t, "CA")
	a := ca.pair(t, filepath.Join(dir, "a"), wanted{})
	b := ca.pair(t, filepath.Join(dir, "b"), wanted{})
	_, err = FromFiles([]Pair{a, {a.Cert, b.Key}}, quiet)
	require.ErrorContains(t, err, a.Cert)
	require.ErrorContains(t, err, b.Key)

	_, err = FromFiles(nil, quiet)
	require.Error(t, err)
}
