package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
)

// throttle is a line that carries so many bytes in so much time, from when it's slow.
type throttle struct {
	net.Conn
	bytes int
	each  time.Duration
	slow  bool
}

func (c *throttle) Read(p []byte) (int, error) {
	if !c.slow {
		return c.Conn.Read(p)
	}
	time.Sleep(c.each)
	return c.Conn.Read(p[:min(len(p), c.bytes)])
}

// overTLS makes a server that serve starts one of TLS.
func overTLS(cert tls.Certificate) func(net.Listener) net.Listener {
	return func(l net.Listener) net.Listener {
		return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
}

// A phone whose line became slow in the midst of a part gets all of it, with and without
// TLS, though it takes minutes. A peer that takes next to nothing is ended.
func TestSlowPhone(t *testing.T) {
	cert, _ := selfSigned(t, "x")
	for name, wrap := range map[string]func(net.Listener) net.Listener{"plain": nil, "TLS": overTLS(cert)} {
		for speed, line := range map[string]throttle{
			"slow": {bytes: 1000, each: time.Second}, "dead": {bytes: 1000, each: 9 * time.Second},
		} {
			t.Run(name+", "+speed, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGateway(t)
					p := g.publisher("live")
					p.size = 200_000 // more than a piece
					p.begin().fix().segments(3)
					line.Conn = g.visit(t, wrap)
					conn := net.Conn(&line)
					if wrap != nil {
						conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
					}
					_, err := io.WriteString(conn, "GET /live/live/source/1/2.3.m4s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					require.NoError(t, err)
					res, err := http.ReadResponse(bufio.NewReader(conn), nil)
					require.NoError(t, err)
					began := time.Now()
					line.slow = true
					body, err := io.ReadAll(res.Body)
					if speed == "dead" {
						require.Error(t, err)
						require.Less(t, time.Since(began), 3*time.Minute) // its last piece, at its pace, included
						return
					}
					require.NoError(t, err)
					require.Equal(t, string(p.data(timeline.Source, 2, 3)), string(body))
					require.Greater(t, time.Since(began), 3*time.Minute)
				})
			})
		}
	}
}

// visit connects to the gateway through a door, with what wrap puts between.
func (g *gateway) visit(t *testing.T, wrap func(net.Listener) net.Listener) net.Conn {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := NewServer(g, slog.New(slog.DiscardHandler))
	var in net.Listener = g.NewDoor(l, wrap != nil, "")
	if wrap != nil {
		in = wrap(in)
	}
	done := make(chan error)
	go func() { done <- srv.Serve(in) }()
	client, server := net.Pipe()
	t.Cleanup(func() {
		client.Close()
		_ = srv.Close()
		<-done
	})
	l.conns <- server
	return client
}

// Over HTTP/2 a stream that nobody reads is given up, and costs the others on its
// connection nothing; one that is read slowly is finished.
func TestSlowStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		p := g.publisher("live")
		p.size = 50_000 // 500 KB a segment
		p.begin().fix().segments(3)
		_, dial := g.serve(t, func(srv *http.Server) { srv.Protocols.SetUnencryptedHTTP2(true) })
		protocols := &http.Protocols{}
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{
			Protocols: protocols, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
		}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		get := func() *http.Response {
			res, err := client.Get("http://localhost/live/live/source/1/2.m4s")
			require.NoError(t, err)
			require.Equal(t, 200, res.StatusCode)
			return res
		}
		dead, slow := get(), get()
		var got strings.Builder
		for {
			_, err := io.CopyN(&got, slow.Body, 8<<10)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			time.Sleep(5 * time.Second)
		}
		require.Equal(t, p.whole(timeline.Source, 2), got.String())
		_, err := io.ReadAll(dead.Body)
		require.Error(t, err, "what is there, and then that it isn't whole")
		whole, err := io.ReadAll(get().Body)
		require.NoError(t, err)
		require.Equal(t, p.whole(timeline.Source, 2), string(whole))
		require.Equal(t, 1.0, g.metric(t, `sluice_http_connections{transport="tcp"}`))
	})
}

// guests is a listener whose connections come from where a test says.
type guests struct {
	pipes
	from chan string
}

func (l *guests) Accept() (net.Conn, error) {
	c, err := l.pipes.Accept()
	if err != nil {
		return nil, err
	}
	return guest{c, &net.TCPAddr{IP: net.ParseIP(<-l.from)}}, nil
}

type guest struct {
	net.Conn
	from net.Addr
}

func (g guest) RemoteAddr() net.Addr { return g.from }

// One address may have so many connections, and others theirs all the same.
func TestConnectionsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := playing(t, 3, func(o *Options) { o.Connections = 3 })
		l := &guests{pipes{conns: make(chan net.Conn), closed: make(chan struct{})}, make(chan string)}
		srv := NewServer(g, nil)
		done := make(chan error)
		go func() { done <- srv.Serve(g.NewDoor(l, false, "")) }()
		defer func() { _ = srv.Close(); <-done }()
		come := func(from string) (conn net.Conn, in bool) {
			client, server := net.Pipe()
			l.conns <- server
			l.from <- from
			if _, err := io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				return client, false
			}
			res, err := http.ReadResponse(bufio.NewReader(client), nil)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, res.Body)
			return client, res.StatusCode == 200
		}
		var conns []net.Conn
		for range 3 {
			conn, in := come("192.0.2.1")
			require.True(t, in)
			conns = append(conns, conn)
		}
		_, in := come("192.0.2.1")
		require.False(t, in)
		_, in = come("::ffff:192.0.2.1")
		require.False(t, in, "the same address, as sockets for both families have it")
		require.Contains(t, g.logged.String(), "its address has too many")
		for range 5 {
			conn, in := come("127.0.0.1")
			require.True(t, in, "a proxy beside it")
			defer conn.Close()
		}
		other, in := come("192.0.2.2")
		require.True(t, in)
		require.Equal(t, 9.0, g.metric(t, `sluice_http_connections{transport="tcp"}`))
		require.Equal(t, 2.0, g.metric(t, `sluice_http_connections_refused_total{transport="tcp"}`))
		conns[0].Close()
		synctest.Wait()
		conn, in := come("192.0.2.1")
		require.True(t, in)
		for _, c := range append(conns, conn, other) {
			c.Close()
		}
		synctest.Wait()
		require.Empty(t, g.connections.crowd.held, "nothing is kept of who is gone")
	})
}

// Headers that are too large are refused over HTTP/2, too.
func TestLargeHeadersOverHTTP2(t *testing.T) {
	g, _ := playing(t, 1)
	base, client := g.listen(t, true)
	r, err := http.NewRequest("GET", base+"/healthz", nil)
	require.NoError(t, err)
	for range 40 {
		r.Header.Add("X-A", strings.Repeat("a", 1000))
	}
	res, err := client.Do(r)
	if err != nil { // the client knows the limit, and doesn't send it
		require.ErrorContains(t, err, "header list larger than peer's advertised limit")
		return
	}
	defer res.Body.Close()
	require.Equal(t, 431, res.StatusCode)
}
