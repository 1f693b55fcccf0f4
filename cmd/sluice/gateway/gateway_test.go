package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/cmd/sluice/config"
	"sluice/cmd/sluice/demo"
	"sluice/ingest"
	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
	"sluice/transcode/rung"
)

// certmagic's rate limiter, one for each CA and account, lives as long as the
// process; and who keeps a lock's file fresh sees after some seconds that it's gone.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

var quiet = slog.New(slog.DiscardHandler)

// onLoopback is a configuration whose ports the system chooses.
func onLoopback(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	c.Continuity.Slate = config.SlateOff // ffmpeg has enough to do
	const any = "127.0.0.1:0"
	c.Listen = config.Listen{RTMPS: any, RTMP: any, HTTP: any, HTTPS: any}
	return c
}

// hall is a gateway that serves one stream of that name as it's published, and ends it
// with its publisher.
func hall(t *testing.T) (g *Gateway, key catalog.Key, end func() error) {
	t.Helper()
	c := onLoopback(t)
	c.Grace, c.Ladder = 0, rung.SourceSpec()
	key = catalog.NewKey()
	c.Streams = []config.Stream{{Name: "hall", Key: key}}
	g = open(t, c, Options{})
	return g, key, serve(t, g)
}

// editBeside changes the stream "live" in the catalog of a gateway that runs, as commands do it.
func editBeside(t *testing.T, data string, change func(s *catalog.Stream)) {
	t.Helper()
	beside, err := sqlite.OpenBeside(t.Context(), data)
	require.NoError(t, err)
	_, err = catalog.Edit(t.Context(), beside, "live", func(s *catalog.Stream) error { change(s); return nil })
	require.NoError(t, err)
	require.NoError(t, beside.Close())
}

func open(t *testing.T, c config.Config, o Options) *Gateway {
	t.Helper()
	if o.Log == nil {
		o.Log = quiet
	}
	g, err := Open(t.Context(), c, o)
	require.NoError(t, err)
	t.Cleanup(func() { g.Close() })
	return g
}

// serve runs the gateway; the function that it returns ends it and gives Serve's error.
func serve(t *testing.T, g *Gateway) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- g.Serve(ctx) }()
	ended := false
	end = func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-served
	}
	t.Cleanup(func() { end() })
	return end
}

func client(t *testing.T, g *Gateway) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(g.certs.CA()))
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func get(c *http.Client, url string) (status int, proto, body string, err error) {
	resp, err := c.Get(url)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Proto, string(b), err
}

// eventually asks until there's no error, for a minute at most.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %v", err)
		}
	}
}

func TestServesOnEveryAddress(t *testing.T) {
	g := open(t, onLoopback(t), Options{})
	end := serve(t, g)
	a, c := g.Addresses(), client(t, g)

	status, proto, body, err := get(c, "http://"+a.HTTP+"/readyz")
	require.NoError(t, err)
	require.Equal(t, []any{200, "HTTP/1.1"}, []any{status, proto}, body)
	status, proto, _, err = get(c, "https://"+a.HTTPS+"/readyz")
	require.NoError(t, err)
	require.Equal(t, []any{200, "HTTP/2.0"}, []any{status, proto})
	_, _, body, err = get(c, "http://"+a.HTTP+"/ca.crt")
	require.NoError(t, err)
	require.Equal(t, string(g.certs.CA()), body)
	_, _, body, err = get(c, "http://"+a.HTTP+"/metrics")
	require.NoError(t, err)
	for _, metric := range []string{"go_goroutines", "sluice_part_latency_seconds", "sluice_streams"} {
		require.Contains(t, body, metric)
	}

	conn, err := tls.Dial("tcp", a.RTMPS, c.Transport.(*http.Transport).TLSClientConfig)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	plain, err := net.Dial("tcp", a.RTMP)
	require.NoError(t, err)
	require.NoError(t, plain.Close())

	require.NoError(t, end())
	_, _, _, err = get(c, "http://"+a.HTTP+"/readyz")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestFirstStartMakesAStream(t *testing.T) {
	c := onLoopback(t)
	g := open(t, c, Options{})
	key, note := g.FirstKey()
	text, err := os.ReadFile(note)
	require.NoError(t, err)
	require.Equal(t, key.Reveal(), strings.TrimSpace(string(text)))
	names, err := g.StreamNames(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"live"}, names)
	local, _ := g.LocalCA()
	require.True(t, local)

	grant, err := g.admitter.Admit(t.Context(), ingest.Publish{App: ingest.ServedApp, Key: ingest.Key(key.Reveal())})
	require.NoError(t, err)
	require.Equal(t, "live", grant.Stream)
	require.NotNil(t, grant.Sink)
	_, err = g.admitter.Admit(t.Context(), ingest.Publish{App: ingest.ServedApp, Key: "wrong"})
	require.ErrorIs(t, err, ingest.ErrUnknownKey)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.admitter.Admit(ctx, ingest.Publish{App: ingest.ServedApp, Key: "any"})
	require.ErrorIs(t, err, context.Canceled, "a fault of ours isn't told as an unknown key")
	require.False(t, errors.Is(err, ingest.ErrUnknownKey))

	require.NoError(t, g.Close())
	again := open(t, c, Options{})
	key2, _ := again.FirstKey()
	require.Equal(t, key.Hash(), key2.Hash())
}

func TestConfiguredStreamsMakeNoFirstOne(t *testing.T) {
	c := onLoopback(t)
	key := catalog.NewKey()
	c.Streams = []config.Stream{{Name: "hall", Key: key}}
	g := open(t, c, Options{})
	names, err := g.StreamNames(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"hall"}, names)
	first, note := g.FirstKey()
	require.True(t, first.IsZero())
	require.NoFileExists(t, note)
	stored, err := g.catalog.Streams(t.Context())
	require.NoError(t, err)
	require.Empty(t, stored, "configured streams aren't kept")
}

func TestGuessableKeysAreWarnedOfOnce(t *testing.T) {
	key := func(s string) catalog.Key {
		k, err := catalog.ParseKey(s)
		require.NoError(t, err)
		return k
	}
	c := onLoopback(t)
	c.Streams = []config.Stream{{Name: "hall", Key: key("k1")}, {Name: "nave", Key: catalog.NewKey()}, {Name: "crypt", Key: key("pw2")}}
	var log bytes.Buffer
	g := open(t, c, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	var warnings []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=WARN") {
			warnings = append(warnings, line)
		}
	}
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], `streams="[hall crypt]"`)
	require.NotContains(t, log.String(), "pw2")
	grant, err := g.admitter.Admit(t.Context(), ingest.Publish{App: ingest.ServedApp, Key: "k1"})
	require.NoError(t, err)
	require.Equal(t, "hall", grant.Stream)
}

func TestTestPictureHasAKeyOfItsOwn(t *testing.T) {
	c := onLoopback(t)
	g := open(t, c, Options{TestPicture: true})
	url, secret := g.TestPicture()
	first, _ := g.FirstKey()
	require.Contains(t, url, secret)
	require.NotContains(t, url, first.Reveal())
	for _, key := range []string{secret, first.Reveal()} {
		grant, err := g.admitter.Admit(t.Context(), ingest.Publish{App: ingest.ServedApp, Key: ingest.Key(key)})
		require.NoError(t, err)
		require.Equal(t, "live", grant.Stream)
	}
	require.NoError(t, g.Close())

	again := open(t, c, Options{})
	_, err := again.admitter.Admit(t.Context(), ingest.Publish{App: ingest.ServedApp, Key: ingest.Key(secret)})
	require.ErrorIs(t, err, ingest.ErrUnknownKey, "it lasts for one run")
}

// The whole way: a picture is published, a manifest lists it, the end is told to
// players, and numbers go on where they were.
func TestPublishedStreamEndsCleanly(t *testing.T) {
	ffmpeg, err := demo.FindFFmpeg()
	require.NoError(t, err)
	c := onLoopback(t)
	for run := uint64(1); run <= 2; run++ {
		g := open(t, c, Options{TestPicture: true})
		end := serve(t, g)
		http := client(t, g)
		playlist := "http://" + g.Addresses().HTTP + "/live/live/source/index.m3u8"

		url, secret := g.TestPicture()
		pushing, stopPushing := context.WithCancel(t.Context())
		pushed := make(chan error, 1)
		go func() { pushed <- demo.Publisher{FFmpeg: ffmpeg, URL: url, Secret: secret, Log: quiet}.Serve(pushing) }()
		eventually(t, func() error {
			status, _, body, err := get(http, playlist)
			if err == nil && (status != 200 || !strings.Contains(body, "#EXTINF")) {
				err = fmt.Errorf("%d %s", status, body)
			}
			return err
		})
		_, _, body, err := get(http, playlist)
		require.NoError(t, err)
		require.Contains(t, body, fmt.Sprintf("%d/init.mp4", run), "the epoch's number rises over restarts")
		require.NotContains(t, body, "#EXT-X-ENDLIST")

		ended := make(chan error, 1)
		go func() { ended <- end() }()
		eventually(t, func() error { // while the gateway ends, players see it
			_, _, body, err := get(http, playlist)
			if err == nil && !strings.Contains(body, "#EXT-X-ENDLIST") {
				err = errors.New("not ended: " + body)
			}
			return err
		})
		require.NoError(t, <-ended)
		stopPushing()
		require.ErrorIs(t, <-pushed, context.Canceled)
		require.NoError(t, g.Close())
	}
}

func TestAddressesThatCannotBeHad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()

	c := onLoopback(t)
	c.Listen.HTTP = taken.Addr().String()
	c.Listen.RTMPS = "192.0.2.1:1936" // TEST-NET-1
	_, err = Open(t.Context(), c, Options{Log: quiet})
	require.ErrorContains(t, err, "listen on "+c.Listen.HTTP+": another program has this port: stop that, or choose another with --http-addr")
	require.ErrorContains(t, err, "--rtmps-addr")

	c.Listen = onLoopback(t).Listen
	open(t, c, Options{}) // the failed one gave back its folder
}

func TestExplain(t *testing.T) {
	err := explain(&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}, ":443", "--https-addr")
	require.ErrorContains(t, err, "listen on :443: not permitted")
	require.ErrorContains(t, err, "--https-addr")
	err = explain(&net.DNSError{Err: "no such host", Name: "x"}, "x:1", "--http-addr")
	require.ErrorContains(t, err, "--http-addr")
}

func TestFolderThatIsInUse(t *testing.T) {
	c := onLoopback(t)
	open(t, c, Options{})
	_, err := Open(t.Context(), c, Options{Log: quiet})
	require.ErrorContains(t, err, c.Data)
	require.ErrorContains(t, err, "--data")
}

func TestCertificateFilesThatAreMissing(t *testing.T) {
	c := onLoopback(t)
	c.TLS = config.TLS{Certs: []string{"no.pem"}, Keys: []string{"no.key"}}
	_, err := Open(t.Context(), c, Options{Log: quiet})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOffIsOff(t *testing.T) {
	c := onLoopback(t)
	c.Listen.RTMP, c.Listen.HTTPS, c.Thumbnails = "", "", false
	g := open(t, c, Options{})
	end := serve(t, g)
	a := g.Addresses()
	require.Empty(t, a.RTMP)
	require.Empty(t, a.HTTPS)
	status, _, _, err := get(client(t, g), "http://"+a.HTTP+"/healthz")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Nil(t, g.stills)
	require.NoError(t, end())
}

// A listener that dies takes the gateway with it: half a gateway helps nobody.
func TestFailureOfAPartEndsAll(t *testing.T) {
	g := open(t, onLoopback(t), Options{})
	require.NoError(t, g.listeners.http.Close())
	err := g.Serve(t.Context())
	require.ErrorContains(t, err, "http: ")
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestStagesStayUnderFiveSeconds(t *testing.T) {
	// Ingest's stage is counted twice (sessions, then listeners); it's the same time.
	require.Less(t, endIngest+endTranscode+endPackager+endNotice+endHTTP+endJournal, 5*time.Second)
	require.Less(t, endCertificates, 5*time.Second, "beside them")
}

func TestSettings(t *testing.T) {
	c := config.Default()
	c.Grace = 0
	require.Negative(t, settings(c).Grace, "none, and not the default")
	c.Grace = time.Second
	s := settings(c)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 200 * time.Millisecond, 30 * time.Second},
		[]time.Duration{s.Grace, s.Segment, s.Part, s.Window})
}
