package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest/clock"
	"sluice/ingest/gate"
)

// Options of a Server.
type Options struct {
	Admit   Admitter // must be given
	Viewers Viewers  // nil: nothing is played
	Limits  Limits
	Log     *slog.Logger          // nil: nothing is logged
	Metrics prometheus.Registerer // nil: nothing is registered
	// MaxForwardJump is how far ahead a timestamp may be before it ends the
	// epoch; 0 is clock.DefaultMaxForwardJump.
	MaxForwardJump time.Duration
	// RTMPE lets in clients that ask for it on the port of plain RTMP. It protects
	// nothing: it is for encoders that can't do without.
	RTMPE bool
	// Ports are those of the gateway, for log lines about peers at the wrong one.
	Ports Ports
	// Newest lets a publisher take a stream over from one that is alive. Without it
	// only one that has been silent for Limits.OwnerSilence gives way, and the newer
	// is refused.
	Newest bool
}

// Server takes in publishers, and serves players.
type Server struct {
	admit   Admitter
	viewers Viewers
	limits  Limits
	log     *slog.Logger
	forward time.Duration
	rtmpe   bool
	ports   Ports
	counts  *counters
	gate    *gate.Gate
	owners  *owners
	lines   *gate.Lines
	ids     atomic.Uint64
	// mostLowWater is maxLowWater, but for a benchmark that shows what it brings.
	mostLowWater int

	mu      sync.Mutex
	closed  bool
	serving map[*serving]struct{}
}

// New returns a Server. It starts nothing; Serve and ServeTLS do.
func New(o Options) *Server {
	s := &Server{
		admit:   o.Admit,
		viewers: o.Viewers,
		limits:  o.Limits,
		log:     o.Log,
		forward: o.MaxForwardJump,
		rtmpe:   o.RTMPE,
		ports:   o.Ports,
		counts:  newCounters(o.Metrics),
		lines:   gate.NewLines(),
		serving: map[*serving]struct{}{},

		mostLowWater: maxLowWater,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.forward <= 0 {
		s.forward = clock.DefaultMaxForwardJump
	}
	s.limits.setDefaults()
	s.gate = gate.New(s.limits.gate())
	s.owners = newOwners(&s.limits, o.Newest)
	if o.Metrics != nil {
		o.Metrics.MustRegister(collector{s})
	}
	return s
}

// serving is one call of Serve.
type serving struct {
	server   *Server
	listener net.Listener
	tls      *tls.Config // nil: plain RTMP
	stop     context.CancelCauseFunc
	done     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Serve accepts plain RTMP until ctx or Shutdown ends it, and then waits for its
// sessions: they are told, and their Sinks ended. It closes the listener. The
// error is nil unless the listener failed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, nil)
}

// ServeTLS does the same for RTMPS.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener, c *tls.Config) error {
	return s.serve(ctx, l, c)
}

// Shutdown ends every Serve and waits for it. Sessions that take longer than ctx
// allows are cut off; their Sinks are ended all the same.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	var all []*serving
	for v := range s.serving {
		all = append(all, v)
	}
	s.mu.Unlock()
	for _, v := range all {
		v.stop(ErrShutdown)
	}
	for _, v := range all {
		select {
		case <-v.done:
		case <-ctx.Done():
			v.cutOff()
			<-v.done
		}
	}
}

func (s *Server) serve(ctx context.Context, l net.Listener, c *tls.Config) error {
	v := &serving{server: s, listener: l, tls: c, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	inner, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	v.stop = stop
	s.serving[v] = struct{}{}
	s.mu.Unlock()

	unhook := context.AfterFunc(ctx, func() { stop(ErrShutdown) })
	unhookClose := context.AfterFunc(inner, func() { l.Close() })
	err := v.accept(inner)
	stop(ErrShutdown)
	unhook()
	unhookClose()
	v.wg.Wait()
	s.mu.Lock()
	delete(s.serving, v)
	s.mu.Unlock()
	close(v.done)
	return err
}

// accept starts a session for each connection.
func (v *serving) accept(ctx context.Context) error {
	const pause = 50 * time.Millisecond // after an error that passes: too many open files
	failing := false                    // the log says so
	for {
		c, err := v.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept: %w", err)
		case err != nil:
			if !failing {
				v.server.log.Error("no connection can be accepted", "err", err)
			}
			failing = true
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		if failing {
			failing = false
			v.server.log.Info("connections are accepted again")
		}
		v.admit(ctx, c)
	}
}

// admit lets a connection in, if there's room, and starts its session.
func (v *serving) admit(ctx context.Context, c net.Conn) {
	s := v.server
	ss := newSession(s, c, v.tls)
	inner, cancel := context.WithCancelCause(ctx)
	err := gate.ErrHandshakes
	if v.tls == nil || s.gate.MayShake(ss.from, ss.start) {
		ss.place, err = s.gate.Enter(ss.from, func() { cancel(gate.ErrEvicted); c.Close() })
	}
	if err != nil {
		cancel(nil)
		c.Close()
		ss.refuse(err)
		return
	}
	v.mu.Lock()
	v.conns[c] = struct{}{}
	v.mu.Unlock()
	s.counts.sessions.Inc()
	v.wg.Go(func() {
		ss.serve(inner)
		cancel(nil)
		s.counts.sessions.Dec()
		ss.place.Leave()
		v.mu.Lock()
		delete(v.conns, c)
		v.mu.Unlock()
	})
}

// cutOff closes the connections that are left.
func (v *serving) cutOff() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.conns {
		c.Close()
	}
}
