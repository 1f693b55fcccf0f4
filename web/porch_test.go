package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/gate"
)

// wires is a listener for connections in memory, which say that they come from anywhere.
type wires struct {
	conns chan net.Conn
	once  sync.Once
	over  chan struct{}
}

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.over:
		return nil, net.ErrClosed
	}
}
func (w *wires) Close() error   { w.once.Do(func() { close(w.over) }); return nil }
func (w *wires) Addr() net.Addr { return &net.TCPAddr{} }

type wire struct {
	net.Conn
	from net.Addr
}

func (w wire) RemoteAddr() net.Addr { return w.from }

// house serves HTTPS in a bubble.
type house struct {
	*testing.T
	wires *wires
	door  *Door
	logs  *lines
}

func inHouse(t *testing.T, limits gate.Limits, test func(h *house)) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	certified.Close()
	synctest.Test(t, func(t *testing.T) {
		h := &house{T: t, wires: &wires{conns: make(chan net.Conn), over: make(chan struct{})}, logs: &lines{}}
		g := newGateway(t, func(o *Options) {
			o.Log, o.Registry = slog.New(slog.NewTextHandler(h.logs, nil)), prometheus.NewRegistry()
		})
		h.door = g.NewDoor(h.wires, true, "")
		limits.Sessions, limits.SessionsPerAddress = math.MaxInt, math.MaxInt
		h.door.porch.Gate = gate.New(limits)
		s := NewServer(g, slog.New(slog.DiscardHandler))
		s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
		h.door.Watch(s)
		served := make(chan error)
		go func() { served <- s.ServeTLS(h.door, "", "") }()
		test(h)
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		synctest.Wait()
		require.True(t, h.door.porch.Empty(), "everyone was counted out")
		require.Empty(t, g.connections.crowd.held, "of each address, too, whether let in or not")
		require.Zero(t, testutil.ToFloat64(g.connections.tcp.open), "once")
	})
}

// come is a connection from an address, of which nobody knows yet whether it's let in.
func (h *house) come(from string) net.Conn {
	near, far := net.Pipe()
	h.wires.conns <- wire{far, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 1000))}
	synctest.Wait()
	return near
}

// closed says whether the other side has hung up.
func (h *house) closed(c net.Conn) bool {
	if c.SetReadDeadline(time.Now().Add(time.Nanosecond)) != nil {
		return true
	}
	_, err := c.Read(make([]byte, 1))
	return err == io.EOF
}

// asks is a viewer's connection, with the answer to its first request; nil where it isn't
// let in.
func (h *house) asks(from string) *tls.Conn {
	c := tls.Client(h.come(from), &tls.Config{InsecureSkipVerify: true})
	if c.HandshakeContext(context.Background()) != nil {
		return nil
	}
	h.again(c)
	return c
}

func (h *house) again(c *tls.Conn) {
	_, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(h, err)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(h, err)
	_, err = io.Copy(io.Discard, r.Body)
	require.NoError(h, err)
	require.Equal(h, http.StatusOK, r.StatusCode)
}

func (h *house) refused(reason string) float64 {
	return testutil.ToFloat64(h.door.porch.refused.WithLabelValues(reason))
}

// A flood of handshakes from one address is let in at a pace; others, and whoever is in
// already, don't notice.
func TestFloodOfHandshakes(t *testing.T) {
	inHouse(t, gate.Limits{HalfOpen: 1000, HalfOpenPerAddress: 1000, Handshakes: 2}, func(h *house) {
		const flooder, other = "10.0.0.1", "10.0.0.2"
		viewer := h.asks(flooder)
		require.NotNil(h, viewer)
		in := 1
		for range 100 {
			c := h.come(flooder)
			if !h.closed(c) {
				in++
			}
			c.Close()
		}
		require.Equal(h, 2*gate.HandshakeBurst, in)
		require.Nil(h, h.asks(flooder))
		h.again(viewer)
		viewer.Close()
		second := h.asks(other)
		require.NotNil(h, second)
		second.Close()
		time.Sleep(time.Second)
		for range 2 {
			c := h.asks(flooder)
			require.NotNil(h, c)
			c.Close()
		}
		require.Nil(h, h.asks(flooder))
		require.EqualValues(h, 101-in+2, h.refused("handshakes"))
		require.Equal(h, 1, strings.Count(h.logs.String(), "too many TLS handshakes of one address"), "%s", h.logs)
	})
}

// Connections that ask for nothing have so many places, of which those of one address are
// bounded; where all are taken the oldest makes room. Viewers are never touched.
func TestHalfOpenViewers(t *testing.T) {
	inHouse(t, gate.Limits{HalfOpen: 4, HalfOpenPerAddress: 3, Handshakes: 1000}, func(h *house) {
		const slow, slower, other = "10.0.0.1", "10.0.0.2", "10.0.0.3"
		var viewers []*tls.Conn
		for range 5 {
			viewers = append(viewers, h.asks(slow))
			require.NotNil(h, viewers[len(viewers)-1], "who has asked for something isn't counted")
		}
		var open []net.Conn
		for range 3 {
			open = append(open, h.come(slow))
		}
		require.True(h, h.closed(h.come(slow)))
		require.EqualValues(h, 1, h.refused("crowded_address"))
		open = append(open, h.come(slower))
		require.True(h, h.closed(h.come(other)), "they have only just come")
		require.EqualValues(h, 1, h.refused("crowded"))

		time.Sleep(time.Second)
		viewer := h.asks(other)
		require.NotNil(h, viewer)
		require.True(h, h.closed(open[0]), "the oldest of whom there are most")
		require.False(h, h.closed(open[1]))
		require.EqualValues(h, 1, h.refused("evicted"))

		open[1].Close()
		synctest.Wait()
		require.False(h, h.closed(h.come(slow)), "there's a place again")
		time.Sleep(readHeaderTime)
		synctest.Wait()
		_, halfOpen, _ := h.door.porch.Counts()
		require.Zero(h, halfOpen, "who asks for nothing for long ends")
		for _, v := range append(viewers, viewer) {
			h.again(v)
			v.Close()
		}
	})
}

// A proxy on this machine that hands on TLS has all viewers' connections: they aren't counted.
func TestViewersByAProxyHere(t *testing.T) {
	inHouse(t, gate.Limits{HalfOpen: 2, HalfOpenPerAddress: 1, Handshakes: 1}, func(h *house) {
		for _, here := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
			for range 2 * gate.HandshakeBurst {
				defer h.come(here).Close()
			}
			viewer := h.asks(here)
			require.NotNil(h, viewer, here)
			viewer.Close()
		}
		_, halfOpen, _ := h.door.porch.Counts()
		require.Zero(h, halfOpen)
		viewer := h.asks("10.0.0.1")
		require.NotNil(h, viewer)
		viewer.Close()
	})
}

// A connection of HTTP/2 isn't half-open either, once it has begun with it.
func TestViewersOverHTTP2(t *testing.T) {
	inHouse(t, gate.Limits{HalfOpen: 1, HalfOpenPerAddress: 1, Handshakes: 1000}, func(h *house) {
		for n := range 5 {
			tr := &http.Transport{
				ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				DialContext: func(context.Context, string, string) (net.Conn, error) { return h.come("10.0.0.1"), nil },
			}
			defer tr.CloseIdleConnections()
			res, err := (&http.Client{Transport: tr}).Get("https://x/healthz")
			require.NoError(h, err, "viewer %d", n)
			res.Body.Close()
			require.Equal(h, "HTTP/2.0", res.Proto)
			_, halfOpen, _ := h.door.porch.Counts()
			require.Zero(h, halfOpen)
		}
	})
}
