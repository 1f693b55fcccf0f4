package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

const day = 24 * time.Hour

func TestStates(t *testing.T) {
	now := time.Now()
	of := func(life, left time.Duration) State {
		return Status{NotBefore: now.Add(left - life), NotAfter: now.Add(left)}.State(now)
	}
	for _, tc := range []struct {
		life, left time.Duration
		want       State
	}{
		{365 * day, 22 * day, StateValid},
		{365 * day, 21*day - time.Second, StateExpiring},
		{90 * day, 22 * day, StateValid}, // ACME renews these 30 days ahead
		{90 * day, 20 * day, StateExpiring},
		{45 * day, 14 * day, StateValid}, // and these 15
		{45 * day, 11 * day, StateExpiring},
		{6 * day, 2 * day, StateValid},
		{6 * day, day, StateExpiring},
		{90 * day, -time.Second, StateExpired},
	} {
		require.Equal(t, tc.want, of(tc.life, tc.left), "%v, %v left", tc.life, tc.left)
	}
	require.Equal(t, StateMissing, Status{}.State(now))
}

// Once a day, from 21 days before the end; anew when another certificate comes near
// its end.
func TestExpiryIsWarnedOfDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs Lines
		var cert atomic.Pointer[Status]
		ends := func(left time.Duration) {
			now := time.Now()
			cert.Store(&Status{Names: []string{"a.example"}, Origin: OriginFile, NotBefore: now.Add(left - 365*day), NotAfter: now.Add(left)})
		}
		ends(25 * day)
		e := &expiry{log: slog.New(slog.NewTextHandler(&logs, nil)), list: func() []Status {
			now := time.Now()
			return []Status{
				*cert.Load(), {Names: []string{"b.example"}, Origin: OriginACME},
				// Another one of the first's name, as of RSA beside ECDSA, that is well.
				{Names: []string{"a.example"}, Origin: OriginFile, NotBefore: now.Add(-day), NotAfter: now.Add(364 * day)},
			}
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.serve(ctx); close(done) }()
		warned := func() int {
			synctest.Wait()
			return strings.Count(logs.Take(), "\n")
		}
		time.Sleep(time.Minute) // what follows is between two of its looks
		time.Sleep(4 * day)
		require.Zero(t, warned())
		time.Sleep(2 * time.Hour)
		require.Equal(t, 1, warned())
		time.Sleep(10 * day)
		require.Equal(t, 10, warned())
		ends(365 * day) // renewed
		time.Sleep(10 * day)
		require.Zero(t, warned())
		ends(-time.Hour)
		time.Sleep(time.Hour)
		synctest.Wait()
		text := logs.Take()
		require.Contains(t, text, "level=ERROR")
		require.Equal(t, 1, strings.Count(text, "\n"))
		cancel()
		<-done
	})
}

func TestSetOfFilesHasNoLocalCA(t *testing.T) {
	ca, dir := newTestCA(t, "CA"), t.TempDir()
	registry := prometheus.NewRegistry()
	s, err := Open(Options{
		Pairs: []Pair{
			ca.pair(t, filepath.Join(dir, "a"), wanted{name: "a", names: []string{"a.example"}}),
			ca.pair(t, filepath.Join(dir, "rsa"), wanted{name: "a-rsa", names: []string{"a.example"}, rsa: true}),
			ca.pair(t, filepath.Join(dir, "b"), wanted{name: "b", names: []string{"b.example"}}),
		},
		Local: filepath.Join(dir, "tls"), Log: quiet, Metrics: registry,
	})
	require.NoError(t, err)
	require.Nil(t, s.CA())
	require.Nil(t, s.Local())
	require.NoDirExists(t, filepath.Join(dir, "tls"))
	for name, want := range map[string]string{"": "a", "b.example": "b", "localhost": "a"} {
		require.Equal(t, want, got(t, s, name).Subject.CommonName, name)
	}
	list := s.List()
	require.Len(t, list, 3)
	require.Equal(t, []bool{true, false, false}, []bool{list[0].Default, list[1].Default, list[2].Default})
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	n, err := testutil.GatherAndCount(registry, "sluice_certificate_not_after_seconds")
	require.NoError(t, err)
	require.Equal(t, 2, n, "two of one name are one series")
}

func TestSetOfTheLocalCA(t *testing.T) {
	s, err := Open(Options{Local: filepath.Join(t.TempDir(), "tls"), Log: quiet})
	require.NoError(t, err)
	require.NotEmpty(t, s.CA())
	require.Equal(t, OriginLocal, s.List()[0].Origin)
	for _, name := range []string{"", "localhost", "unknown.example"} {
		require.Equal(t, "localhost", got(t, s, name).Subject.CommonName)
	}
	require.Nil(t, s.HTTPS().GetConfigForClient, "nobody is challenged")
	served(t, s.Serve)

	_, err = Open(Options{Log: quiet})
	require.Error(t, err)
}

// The challenge's protocol is for who challenges: an encoder that offers one of its
// own is served as ever.
func TestChallengesDisturbNobody(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{
		Local: filepath.Join(dir, "tls"), Log: quiet,
		ACME: &ACMEOptions{Domains: []string{"live.example.org"}, Folder: filepath.Join(dir, "acme"), TLS: "127.0.0.1:1"},
	})
	require.NoError(t, err)
	for _, offer := range [][]string{nil, {"rtmp"}, {"http/1.1"}, {alpnACME, "rtmp"}, {"h2", "http/1.1"}} {
		state, err := dial(t, s.RTMPS(), &tls.Config{RootCAs: roots(t, s), ServerName: "localhost", NextProtos: offer})
		require.NoError(t, err, "%q", offer)
		require.Empty(t, state.NegotiatedProtocol)
	}
	state, err := dial(t, s.HTTPS(), &tls.Config{RootCAs: roots(t, s), ServerName: "localhost", NextProtos: []string{"h2"}})
	require.NoError(t, err)
	require.Equal(t, "h2", state.NegotiatedProtocol)

	// Before anything was asked for, a challenge is refused.
	for _, name := range []string{"live.example.org", "localhost"} {
		_, err = dial(t, s.RTMPS(), &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{alpnACME}})
		require.Error(t, err)
		require.NotErrorIs(t, err, io.EOF)
	}
}

// Where the storage can't be read, handshakes wait for it at the start only.
func TestACMEWithoutItsStorage(t *testing.T) {
	dir := t.TempDir()
	a, err := NewACME(ACMEOptions{Domains: []string{"a.example"}, Folder: dir, HTTP: ":80", Directory: "https://127.0.0.1:1/"}, quiet)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "certificates"), nil, 0o600)) // it's to be a folder
	served(t, a.Serve)
	Until(t, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.loaded["a.example"] == nil
	})
	require.Nil(t, a.find(t.Context(), "a.example"))
}

func TestACMEThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	good := ACMEOptions{Domains: []string{"live.example.org"}, Folder: filepath.Join(dir, "acme"), TLS: ":443"}
	for name, spoil := range map[string]func(*ACMEOptions){
		"no domain":   func(o *ACMEOptions) { o.Domains = nil },
		"no listener": func(o *ACMEOptions) { o.TLS = "" },
		"no folder":   func(o *ACMEOptions) { o.Folder = filepath.Join(file, "acme") },
		"no CA file":  func(o *ACMEOptions) { o.CAFile = filepath.Join(dir, "none") },
		"no CA in it": func(o *ACMEOptions) { o.CAFile = file },
	} {
		o := good
		spoil(&o)
		_, err := NewACME(o, quiet)
		require.Error(t, err, name)
	}
	_, err := NewACME(good, quiet)
	require.NoError(t, err)
}

// What certmagic says is for the level debug; but not that it can't begin.
func TestWhatCertmagicLogs(t *testing.T) {
	var logs bytes.Buffer
	z := zapLogger(slog.New(slog.NewTextHandler(&logs, nil)))
	z.Info("a", zap.String("key", "value"))
	z.Error("job failed")
	require.Empty(t, logs.String())
	z.Named("x").With(zap.Int("n", 1)).Error(unmanaged, zap.Error(io.EOF))
	require.Contains(t, logs.String(), `level=ERROR msg="acme: `+unmanaged+`" n=1 error=EOF`)
	logs.Reset()
	z = zapLogger(slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	z.Info("a", zap.String("key", "value"))
	require.Contains(t, logs.String(), `level=DEBUG msg="acme: a" key=value`)
}
