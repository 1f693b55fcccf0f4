package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"sluice/cmd/sluice/config"
)

// listeners are the bound addresses; those that are off are nil.
type listeners struct {
	rtmps, rtmp, http, https net.Listener
	http3                    net.PacketConn // on https's port
}

func (l *listeners) all() []net.Listener {
	var all []net.Listener
	for _, ln := range []net.Listener{l.rtmps, l.rtmp, l.http, l.https} {
		if ln != nil {
			all = append(all, ln)
		}
	}
	return all
}

// web is one of those for HTTP, of which one is on.
func (l *listeners) web() net.Listener {
	if l.http != nil {
		return l.http
	}
	return l.https
}

func (l *listeners) close() {
	for _, ln := range l.all() {
		ln.Close()
	}
	if l.http3 != nil {
		l.http3.Close()
	}
}

// bind opens every address that is on, or none.
func bind(ctx context.Context, c config.Listen, http3 bool) (*listeners, error) {
	l := &listeners{}
	var errs []error
	for _, a := range []struct {
		to         *net.Listener
		addr, flag string
	}{
		{&l.rtmps, c.RTMPS, "--rtmps-addr"},
		{&l.rtmp, c.RTMP, "--rtmp-addr"},
		{&l.http, c.HTTP, "--http-addr"},
		{&l.https, c.HTTPS, "--https-addr"},
	} {
		if a.addr == "" {
			continue
		}
		ln, err := tcp().Listen(ctx, "tcp", a.addr)
		if err != nil {
			errs = append(errs, explain(err, a.addr, a.flag))
			continue
		}
		*a.to = ln
	}
	if http3 && l.https != nil {
		if err := l.bindUDP(ctx, c.HTTPS); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// portTries is how often the system is asked for a port that is free for TCP and UDP.
const portTries = 10

// bindUDP opens the UDP port of HTTPS's number. Where the system chose that, and the
// other isn't free, it chooses again.
func (l *listeners) bindUDP(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen (--http3): %w", err)
	}
	for try := 1; ; try++ {
		_, bound, err := net.SplitHostPort(l.https.Addr().String())
		if err != nil {
			return fmt.Errorf("listen (--http3): %w", err)
		}
		l.http3, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp", net.JoinHostPort(host, bound))
		if err == nil {
			return nil
		}
		l.http3 = nil
		if port != "0" || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return explain(err, net.JoinHostPort(host, bound)+" (UDP)", "--https-addr, or leave out --http3")
		}
		another, err := tcp().Listen(ctx, "tcp", addr)
		if err != nil {
			return explain(err, addr, "--https-addr")
		}
		l.https.Close()
		l.https = another
	}
}

// tcp makes plain TCP listeners. Go's default on Linux is multipath TCP, whose
// sockets lack SO_RCVLOWAT on the kernels of the day, and ingest sleeps by that.
func tcp() *net.ListenConfig {
	c := &net.ListenConfig{}
	c.SetMultipathTCP(false)
	return c
}

// explain says what to do about an address that can't be had.
func explain(err error, addr, flag string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another program has this port: stop that, or choose another with %s", addr, flag)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("listen on %s: not permitted (ports below 1024 need CAP_NET_BIND_SERVICE): choose another with %s", addr, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen on %s: this machine has no such address: choose another with %s", addr, flag)
	}
	return fmt.Errorf("listen (%s): %w", flag, err)
}
