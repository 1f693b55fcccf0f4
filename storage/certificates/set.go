package certificates

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Set. Pairs, ACME, or the local CA must give a certificate.
type Options struct {
	Pairs   []Pair                // files; with any, there is no local CA
	Local   string                // folder of the local CA; empty: none
	ACME    *ACMEOptions          // nil: none
	Clients *ClientOptions        // nil: client certificates aren't asked for
	Log     *slog.Logger          // must be given
	Metrics prometheus.Registerer // nil: nothing is registered
}

// Set is all the certificates of a gateway. For a handshake it takes the first that
// is for the name the client asks for: of files, of ACME, of the local CA. One that
// asks for no name, or for none of these, gets the default: the first pair of
// files, else the first domain's, else the local CA's.
type Set struct {
	files   *Files   // nil: none
	acme    *ACME    // nil: none
	local   *Local   // nil: none
	clients *Clients // nil: none
	log     *slog.Logger
}

var _ Source = (*Set)(nil)

// Open reads and makes what is to be had without a network.
func Open(o Options) (*Set, error) {
	s := &Set{log: o.Log}
	failures := newFailures(o.Metrics)
	var err error
	if len(o.Pairs) > 0 {
		if s.files, err = FromFiles(o.Pairs, o.Log); err != nil {
			return nil, err
		}
		s.files.failed = func(error) { failures.Inc() }
	} else if o.Local != "" {
		if s.local, err = OpenLocal(o.Local, o.Log); err != nil {
			return nil, err
		}
	}
	if o.ACME != nil {
		if s.acme, err = NewACME(*o.ACME, o.Log); err != nil {
			return nil, err
		}
		s.acme.failed = func(error) { failures.Inc() }
	}
	if s.files == nil && s.local == nil {
		return nil, errors.New("neither certificate files nor a local CA")
	}
	if o.Clients != nil {
		if s.clients, err = OpenClients(*o.Clients, o.Log); err != nil {
			return nil, err
		}
	}
	if o.Metrics != nil {
		if err := o.Metrics.Register(collector{s}); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return s, nil
}

// Serve follows files, obtains and renews, and warns of what nears its end, until
// ctx ends.
func (s *Set) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	failed := make(chan error, 3)
	start := func(serve func(context.Context) error) {
		wg.Go(func() {
			if err := serve(ctx); err != nil {
				failed <- err
				stop()
			}
		})
	}
	if s.files != nil {
		start(s.files.Serve)
	}
	if s.acme != nil {
		start(s.acme.Serve)
	}
	if s.clients != nil {
		start(s.clients.Serve)
	}
	(&expiry{log: s.log, list: s.List}).serve(ctx)
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// GetCertificate implements Source.
func (s *Set) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.acme != nil && challenge(hello) {
		return s.acme.answer(hello)
	}
	if s.files != nil {
		if c := s.files.current.Load().find(hello); c != nil {
			return c, nil
		}
	}
	if s.acme != nil && hello != nil {
		for _, name := range candidates(hello.ServerName) {
			if c := s.acme.find(hello.Context(), name); c != nil {
				return c, nil
			}
		}
	}
	if s.local != nil && (s.acme == nil || s.forLocal(hello)) {
		return s.local.GetCertificate(hello)
	}
	switch {
	case s.files != nil:
		return s.files.GetCertificate(hello)
	case hello != nil:
		if c := s.acme.find(hello.Context(), s.acme.options.Domains[0]); c != nil {
			return c, nil
		}
	}
	return s.local.GetCertificate(hello)
}

// forLocal reports whether a client wants the local CA's certificate: by one of its
// names or, naming none, over the loopback. TLS has no names for addresses (RFC
// 6066 §3), so who comes from elsewhere without a name may as well be an encoder
// that never sends one.
func (s *Set) forLocal(hello *tls.ClientHelloInfo) bool {
	if hello == nil {
		return false
	}
	if hello.ServerName != "" {
		c, err := s.local.GetCertificate(hello)
		return err == nil && c.Leaf.VerifyHostname(hello.ServerName) == nil
	}
	if hello.Conn == nil {
		return false
	}
	switch a := hello.Conn.LocalAddr().(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UDPAddr: // QUIC's
		return a.IP.IsLoopback()
	}
	return false
}

// CA implements Source.
func (s *Set) CA() []byte {
	if s.local == nil {
		return nil
	}
	return s.local.CA()
}

// Clients returns what checks publishers' certificates, or nil where none are asked for.
func (s *Set) Clients() *Clients { return s.clients }

// Local returns the local CA, or nil where there's none.
func (s *Set) Local() *Local { return s.local }

// HTTPS is the configuration for the listener that viewers use.
func (s *Set) HTTPS() *tls.Config { return s.withChallenges(HTTPS(s)) }

// RTMPS is the configuration for the listener that encoders use. It asks for client
// certificates where the Set is to.
func (s *Set) RTMPS() *tls.Config {
	c := RTMPS(s)
	if s.clients != nil {
		s.clients.Ask(c)
	}
	return s.withChallenges(c)
}

// withChallenges lets a CA's TLS-ALPN-01 challenge through. For all others the
// configuration stays what it is: with a protocol of its own, RTMPS would refuse
// encoders that offer another.
func (s *Set) withChallenges(c *tls.Config) *tls.Config {
	if s.acme == nil {
		return c
	}
	challenged := &tls.Config{GetCertificate: s.GetCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{alpnACME}}
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if challenge(hello) {
			return challenged, nil
		}
		return nil, nil
	}
	return c
}

// Challenges answers HTTP-01 challenges before next.
func (s *Set) Challenges(next http.Handler) http.Handler {
	if s.acme == nil {
		return next
	}
	return s.acme.Challenges(next)
}

// List tells of the certificates, in the order in which they are looked through.
// One of them is the default.
func (s *Set) List() []Status {
	var all []Status
	if s.files != nil {
		all = append(all, s.files.list()...)
	}
	if s.acme != nil {
		all = append(all, s.acme.list()...)
	}
	if s.local != nil {
		all = append(all, s.local.status())
	}
	for i := range all {
		all[i].Default = i == 0
	}
	return all
}
