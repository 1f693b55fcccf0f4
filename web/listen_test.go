package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// listen serves the gateway on a port of this machine until the test ends.
func (g *gateway) listen(t *testing.T, secure bool) (base string, client *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(g, slog.New(slog.DiscardHandler))
	if srv.EnableHTTP2 = secure; secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv.URL, srv.Client()
}

// Over both versions of HTTP: an open segment comes part by part, as it is
// written, and whole.
func TestOpenSegmentOverNetwork(t *testing.T) {
	for name, secure := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			g, p := playing(t, 3)
			base, client := g.listen(t, secure)
			res, err := client.Get(base + "/live/live/source/1/4.m4s")
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, name, res.Proto)
			require.Equal(t, 200, res.StatusCode)
			require.EqualValues(t, -1, res.ContentLength)
			if !secure {
				require.Equal(t, []string{"chunked"}, res.TransferEncoding)
			}
			p.readsOn(res.Body)

			res, err = client.Get(base + "/live/live/source/1/4.m4s")
			require.NoError(t, err)
			whole, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, p.whole(timeline.Source, 4), string(whole))
			require.EqualValues(t, len(whole), res.ContentLength)
		})
	}
}

// Over HTTP/2 many requests of one viewer wait on one connection.
func TestManyHoldsOnOneConnection(t *testing.T) {
	g, p := playing(t, 3)
	base, client := g.listen(t, true)
	urls := []string{
		"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3", "/live/live/audio/index.m3u8?_HLS_msn=4&_HLS_part=3",
		"/live/live/source/1/4.3.m4s", "/live/live/audio/1/4.3.m4s",
	}
	statuses := make(chan int, len(urls))
	for _, url := range urls {
		go func() {
			res, err := client.Get(base + url)
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			statuses <- res.StatusCode
		}()
	}
	require.Eventually(t, func() bool { return g.held(t) == float64(len(urls)) }, 10*time.Second, time.Millisecond)
	p.write()
	for range urls {
		require.Equal(t, 200, <-statuses)
	}
}

// pipes is a listener in memory, for bubbles.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs a server in a bubble; dial makes a connection to it.
func (g *gateway) serve(t *testing.T, change ...func(*http.Server)) (srv *http.Server, dial func() net.Conn) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv = NewServer(g, slog.New(slog.DiscardHandler))
	for _, f := range change {
		f(srv)
	}
	done := make(chan error)
	go func() { done <- srv.Serve(g.NewDoor(l, false, "")) }()
	t.Cleanup(func() {
		_ = srv.Close()
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return srv, func() net.Conn {
		client, server := net.Pipe()
		l.conns <- server
		t.Cleanup(func() { client.Close() })
		return client
	}
}

// A pause of the publisher is no stalled write: over HTTP/2 a deadline that runs
// out resets a stream even while nothing is being written.
func TestPauseOverHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, p := playing(t, 3)
		_, dial := g.serve(t, func(srv *http.Server) { srv.Protocols.SetUnencryptedHTTP2(true) })
		protocols := &http.Protocols{}
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{
			Protocols:   protocols,
			DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
		}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		res, err := client.Get("http://localhost/live/live/source/1/4.m4s")
		require.NoError(t, err)
		require.Equal(t, 2, res.ProtoMajor)
		time.Sleep(writeStall + 5*time.Second)
		p.write().shut()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "[source 4.3]")
		res.Body.Close()
	})
}

const getSegment = "GET /live/live/source/1/2.m4s HTTP/1.1\r\nHost: x\r\n\r\n"

// A client that takes nothing is cut off; one that is slow, but takes something,
// gets everything, however long it takes.
func TestSlowClients(t *testing.T) {
	large := func(t *testing.T) (*gateway, *publisher) {
		g := newGateway(t)
		p := g.publisher("live")
		p.size = 200_000 // 2 MB a segment: 16 pieces
		return g, p.begin().fix().segments(3)
	}
	t.Run("dead", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, _ := large(t)
			_, dial := g.serve(t)
			conn := dial()
			_, err := io.WriteString(conn, getSegment)
			require.NoError(t, err)
			_, err = io.ReadFull(conn, make([]byte, 100))
			require.NoError(t, err)
			began := time.Now()
			time.Sleep(30 * time.Second)
			_, err = io.Copy(io.Discard, conn)
			require.NoError(t, err, "closed")
			require.Less(t, time.Since(began), 31*time.Second)
			require.Zero(t, g.errors())
		})
	})
	t.Run("slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, p := large(t)
			_, dial := g.serve(t)
			conn := dial()
			_, err := io.WriteString(conn, getSegment)
			require.NoError(t, err)
			res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
			require.NoError(t, err)
			var got strings.Builder
			began := time.Now()
			for {
				_, err := io.CopyN(&got, res.Body, 64<<10)
				time.Sleep(5 * time.Second)
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
			}
			require.Equal(t, p.whole(timeline.Source, 2), got.String())
			require.Greater(t, time.Since(began), 2*time.Minute)
		})
	})
}

// A viewer who leaves ends his request, whatever it waits for.
func TestAbandonedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		_, dial := g.serve(t)
		urls := []string{
			"/live/live/source/index.m3u8?_HLS_msn=4&_HLS_part=3", "/live/live/source/1/4.3.m4s", "/live/live/source/1/5.m4s",
			"/live/live/source/1/4.m4s", "/live/live/manifest.mpd?after=4",
		}
		var conns []net.Conn
		for _, url := range urls {
			conn := dial()
			_, err := io.WriteString(conn, "GET "+url+" HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			conns = append(conns, conn)
		}
		synctest.Wait()
		require.EqualValues(t, len(urls), g.held(t))
		for _, conn := range conns {
			conn.Close()
		}
		synctest.Wait()
		require.Zero(t, g.held(t))
		require.Zero(t, g.errors())
		require.Contains(t, g.get("/metrics").Body.String(), `sluice_http_requests_total{kind="playlist",status="499"} 1`)
	})
}

// Shutdown waits for nobody's publisher: who is held is told to come again.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		srv, dial := g.serve(t)
		conn := dial()
		_, err := io.WriteString(conn, "GET /live/live/source/1/5.m4s HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		synctest.Wait()
		began := time.Now()
		stopped := make(chan error)
		go func() { stopped <- srv.Shutdown(context.Background()) }()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 503, res.StatusCode)
		_, _ = io.Copy(io.Discard, res.Body)
		require.NoError(t, <-stopped)
		require.Less(t, time.Since(began), time.Second)
	})
}

// A request that says it has a body, and doesn't send it, holds nothing up.
func TestUnsentBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		_, dial := g.serve(t)
		conn := dial()
		_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
		require.NoError(t, err)
		began := time.Now()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
		_, _ = io.Copy(io.Discard, res.Body)
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err)
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

// Headers are bounded, in size and in time.
func TestHostileHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3)
		_, dial := g.serve(t)
		conn := dial()
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n")
			for {
				if _, err := io.WriteString(conn, "X-A: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 431, res.StatusCode)

		conn = dial()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
		require.NoError(t, err)
		began := time.Now()
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), readHeaderTime)
	})
}

// TLS that isn't, and a client that knows HTTP/1.1 only.
func TestTLS(t *testing.T) {
	g, _ := playing(t, 3)
	base, client := g.listen(t, true)
	addr := strings.TrimPrefix(base, "https://")
	roots := client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}, ServerName: "example.com"})
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, getSegment)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1", res.Proto)
	require.Equal(t, 200, res.StatusCode)
	res, err = client.Get("http://" + addr + "/")
	require.NoError(t, err)
	require.Equal(t, 400, res.StatusCode, "told in plain text what is wrong")
	res.Body.Close()
	var wrong tls.RecordHeaderError
	_, err = tls.Dial("tcp", plainAddr(t, g), &tls.Config{InsecureSkipVerify: true})
	require.True(t, errors.As(err, &wrong), "%v", err)
}

func plainAddr(t *testing.T, g *gateway) string {
	base, _ := g.listen(t, false)
	return strings.TrimPrefix(base, "http://")
}
