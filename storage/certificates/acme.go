package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
)

// alpnACME is the protocol of the TLS-ALPN-01 challenge (RFC 8737 §3).
const alpnACME = "acme-tls/1"

// ACMEOptions say how to have certificates issued by RFC 8555.
type ACMEOptions struct {
	Domains   []string // the first is the default
	Email     string   // of the account; may be empty
	Directory string   // URL; empty is Let's Encrypt's
	CAFile    string   // PEM of the CA of the directory's own certificate; empty: the system's
	Folder    string   // for accounts, keys and certificates

	// HTTP and TLS are addresses that this process listens on, and on which
	// challenges are answered; an empty one is not to be used. The CA comes to port
	// 80 and port 443.
	HTTP, TLS string
}

// ACME obtains certificates for domains, and renews them.
type ACME struct {
	options ACMEOptions
	roots   *x509.CertPool // nil: the system's
	log     *slog.Logger
	failed  func(error) // counts what isn't obtained; may be nil

	// renewEvery and window are certmagic's, but for tests.
	renewEvery time.Duration
	window     float64

	running atomic.Pointer[certmagic.Config] // nil: Serve doesn't run
	issuer  atomic.Pointer[certmagic.ACMEIssuer]
	cache   atomic.Pointer[certmagic.Cache]

	mu       sync.Mutex
	problems map[string]string        // by domain: the last failure
	loaded   map[string]chan struct{} // by domain: closed after the first look into the storage
}

// NewACME checks the options. Nothing is asked of anybody before Serve.
func NewACME(o ACMEOptions, log *slog.Logger) (*ACME, error) {
	a := &ACME{options: o, log: log, renewEvery: renewCheck, problems: map[string]string{}, loaded: map[string]chan struct{}{}}
	switch {
	case len(o.Domains) == 0:
		return nil, errors.New("no domain is given")
	case len(o.Domains) > maxDomains:
		return nil, fmt.Errorf("%d domains are more than %d", len(o.Domains), maxDomains)
	case o.HTTP == "" && o.TLS == "":
		return nil, errors.New("no listener can answer a CA's challenges")
	}
	for _, d := range o.Domains {
		a.loaded[d] = make(chan struct{})
	}
	if err := writable(o.Folder); err != nil {
		return nil, fmt.Errorf("keep certificates: %w", err)
	}
	if o.CAFile != "" {
		text, err := readBounded(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA of the ACME directory: %w", err)
		}
		a.roots = x509.NewCertPool()
		if !a.roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read the CA of the ACME directory: %s holds no certificate", o.CAFile)
		}
	}
	return a, nil
}

// writable makes the folder, and tries whether it can be written to: certmagic finds
// that out when it is too late to tell anybody.
func writable(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Serve obtains what is missing and renews what nears its end, until ctx ends.
func (a *ACME) Serve(ctx context.Context) error {
	var config *certmagic.Config
	logger := zapLogger(a.log)
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		RenewCheckInterval: a.renewEvery,
		Logger:             logger,
	})
	defer stop(cache)
	config = certmagic.New(cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: a.options.Folder},
		OnEvent:            a.event,
		RenewalWindowRatio: a.window,
		OCSP:               certmagic.OCSPConfig{DisableStapling: true}, // CAs give it up, and a start must not wait for it
		Logger:             logger,
	})
	issuer := a.newIssuer(config)
	config.Issuers = []certmagic.Issuer{issuer}
	a.issuer.Store(issuer)
	a.cache.Store(cache)
	a.running.Store(config)
	if err := config.ManageAsync(ctx, a.options.Domains); err != nil {
		return fmt.Errorf("manage certificates: %w", err)
	}
	// A storage that can't be read says nothing: handshakes wait no longer for it.
	looked := time.AfterFunc(loadWait, func() {
		for _, d := range a.options.Domains {
			a.lookedUp(d)
		}
	})
	defer looked.Stop()
	<-ctx.Done()
	return nil
}

// stop ends certmagic's maintenance. Where that asks a CA something just now, it would
// do so to the end, which a gateway that ends can't wait for.
func stop(cache *certmagic.Cache) {
	done := make(chan struct{})
	go func() {
		cache.Stop()
		close(done)
	}()
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// newIssuer makes certmagic's client. It wants to open listeners of its own for the
// challenges; told of ones that are open already, it leaves that be.
func (a *ACME) newIssuer(config *certmagic.Config) *certmagic.ACMEIssuer {
	t := certmagic.ACMEIssuer{
		CA: a.options.Directory, Email: a.options.Email, Agreed: true, TrustedRoots: a.roots,
		DisableHTTPChallenge:    a.options.HTTP == "",
		DisableTLSALPNChallenge: a.options.TLS == "",
		Logger:                  config.Logger,
	}
	if t.CA == "" {
		t.CA = certmagic.LetsEncryptProductionCA
	}
	for _, c := range []struct {
		addr string
		port *int
	}{{a.options.TLS, &t.AltTLSALPNPort}, {a.options.HTTP, &t.AltHTTPPort}} {
		if host, port, err := net.SplitHostPort(c.addr); err == nil {
			t.ListenHost = host
			*c.port, _ = strconv.Atoi(port)
		}
	}
	return certmagic.NewACMEIssuer(config, t)
}

// event hears of what certmagic does.
func (a *ACME) event(_ context.Context, event string, data map[string]any) error {
	domain, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	switch event {
	case "cached_managed_cert":
		names, _ := data["sans"].([]string)
		for _, n := range names {
			a.lookedUp(n)
		}
	case "cert_obtaining":
		a.lookedUp(domain)
	case "cert_obtained":
		a.mu.Lock()
		delete(a.problems, domain)
		a.mu.Unlock()
		a.log.Info(map[bool]string{true: "certificate renewed", false: "certificate obtained"}[renewal], "names", []string{domain})
	case "cert_failed":
		err, _ := data["error"].(error)
		a.failure(domain, renewal, err)
	}
	return nil
}

// lookedUp lets handshakes for the domain go on.
func (a *ACME) lookedUp(domain string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ch := a.loaded[domain]; ch != nil {
		close(ch)
		a.loaded[domain] = nil
	}
}

// failure notes why a certificate isn't there, and logs it once for each reason.
func (a *ACME) failure(domain string, renewal bool, err error) {
	if errors.Is(err, context.Canceled) {
		return // we are shutting down
	}
	if a.failed != nil {
		a.failed(err)
	}
	problem := "unknown"
	if err != nil {
		problem = err.Error()
	}
	a.mu.Lock()
	_, before := a.problems[domain]
	a.problems[domain] = problem
	a.mu.Unlock()
	if before {
		return // the episode has been told of; texts of errors carry new numbers each time
	}
	if renewal {
		a.log.Warn("certificate not renewed; the old one goes on, and it is tried again", "names", []string{domain}, "err", err)
	} else {
		a.log.Error("certificate not obtained; it is tried again", "names", []string{domain}, "err", err)
	}
}

// challenge reports whether a handshake is a CA's TLS-ALPN-01 challenge: that
// offers just this one protocol.
func challenge(hello *tls.ClientHelloInfo) bool {
	return hello != nil && len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == alpnACME
}

// answer returns the certificate that answers a challenge.
func (a *ACME) answer(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	config := a.running.Load()
	if config == nil || !slices.Contains(a.options.Domains, hello.ServerName) {
		return nil, errors.New("a challenge that nobody asked for")
	}
	return config.GetCertificate(hello)
}

// Challenges answers HTTP-01 challenges, and passes all else on.
func (a *ACME) Challenges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if issuer := a.issuer.Load(); issuer == nil || !issuer.HandleHTTPChallenge(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// find returns the domain's certificate, or nil where there is none (yet). Right
// after the start it waits until the storage has been looked into.
func (a *ACME) find(ctx context.Context, domain string) *tls.Certificate {
	a.mu.Lock()
	loading, ours := a.loaded[domain]
	a.mu.Unlock()
	if !ours {
		return nil
	}
	if loading != nil && ctx != nil {
		timer := time.NewTimer(loadWait)
		defer timer.Stop()
		select {
		case <-loading:
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return a.newest(domain)
}

// newest returns the domain's certificate that lasts the longest.
func (a *ACME) newest(domain string) *tls.Certificate {
	cache := a.cache.Load()
	if cache == nil {
		return nil
	}
	var best *tls.Certificate
	for _, c := range cache.AllMatchingCertificates(domain) {
		if best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = &c.Certificate
		}
	}
	return best
}

// list tells of the domains' certificates, in their order.
func (a *ACME) list() []Status {
	var all []Status
	for _, d := range a.options.Domains {
		s := Status{Names: []string{d}, Origin: OriginACME}
		if c := a.newest(d); c != nil {
			s = statusOf(c.Leaf, OriginACME)
		}
		a.mu.Lock()
		s.Problem = a.problems[d]
		a.mu.Unlock()
		all = append(all, s)
	}
	return all
}
