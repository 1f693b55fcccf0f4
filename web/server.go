package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/stills"
	"sluice/storage/certificates"
	"sluice/web/pass"
	"sluice/web/ui"
)

// Server answers viewers' requests. It is an http.Handler.
type Server struct {
	log        *slog.Logger
	now        func() time.Time
	ready      func() error
	registry   *prometheus.Registry
	absence    time.Duration
	open       Opener // nil: nothing is in storage
	advice     func(string) []string
	publisher  func(string, bool) *Publisher
	onAir      func(string) *OnAir
	multitrack *Multitrack
	stills     func(context.Context, stills.Job) ([]byte, error)
	permit     func(*http.Request, string) error                    // may be nil
	cue        func(context.Context, string, Cue) ([]string, error) // may be nil
	token      Token
	passes     *pass.Verifier // may be nil
	ca         []byte

	certificates func() []certificates.Status
	strays       *prometheus.CounterVec // by port and protocol
	refused      *prometheus.CounterVec // by reason

	streams     streams
	transports  *transports
	groups      *groups
	assets      *assets
	reports     reports // of players
	connections *connections
	steering    *steering
	routes      http.Handler

	failed   atomic.Int64 // when a failure was logged last, in Unix nanoseconds
	unlogged atomic.Int64 // failures since
}

var _ http.Handler = (*Server)(nil)

// New returns a server of the journal's streams, and registers its metrics.
func New(o Options) *Server {
	s := &Server{
		log: o.Log, now: o.Now, ready: o.Ready, registry: o.Registry, absence: o.Absence, open: o.Stored, ca: o.CA,
		advice: o.Advice, publisher: o.Publisher, onAir: o.OnAir, permit: o.Permit, certificates: o.Certificates, multitrack: o.Multitrack,
		cue: o.Cue, token: o.Token, passes: o.Passes, stills: o.Stills,
		assets: newAssets(ui.Assets()), steering: newSteering(o.CDNs, o.PublicURL),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.ready == nil {
		s.ready = func() error { return nil }
	}
	if s.registry == nil {
		s.registry = prometheus.NewRegistry()
	}
	if s.advice == nil {
		s.advice = func(string) []string { return nil }
	}
	if s.stills == nil {
		s.stills = func(context.Context, stills.Job) ([]byte, error) { return nil, errNoStills }
	}
	if s.publisher == nil {
		s.publisher = func(string, bool) *Publisher { return nil }
	}
	if s.onAir == nil {
		s.onAir = func(string) *OnAir { return nil }
	}
	if s.certificates == nil {
		s.certificates = func() []certificates.Status { return nil }
	}
	if s.absence <= 0 {
		s.absence = defaultAbsence
	}
	s.streams = streams{journal: o.Journal, directory: o.Streams, rules: o.Rules, steering: s.steering, log: s.log, asking: make(chan struct{}, 1)}
	limit := o.Connections
	if limit == 0 {
		limit = DefaultConnections
	}
	s.connections = newConnections(limit, s.registry)
	s.groups = newGroups(s.registry)
	s.reports = newReports(s.registry)
	s.transports = newTransports(transportCache, s.registry)
	s.strays = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_wrong_protocol_total", Help: "Connections in a protocol that belongs to another port.",
	}, []string{"port", "protocol"})
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_https_refused_total", Help: "Connections of HTTPS that weren't let in, or lost their place before their first request, by reason.",
	}, []string{"reason"})
	s.registry.MustRegister(newCollector(s), s.strays, s.refused)
	s.routes = s.router()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawPath != "" {
		r = withTildes(r)
	}
	s.routes.ServeHTTP(w, r)
}

// NewServer returns an HTTP server for h, ready for Serve (HTTP/1.1) and
// ServeTLS (HTTP/2 too, with a TLS configuration that offers it). Its Shutdown
// ends requests that wait for media.
//
// There is no timeout for a whole response: a live segment and a held request
// take their time. The handler gives every write its own.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	ctx, stop := context.WithCancelCause(context.Background())
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: pingTime, WriteByteTimeout: writeStall, MaxConcurrentStreams: streamsOfTCP,
			MaxReceiveBufferPerStream: receiveStream, MaxReceiveBufferPerConnection: receiveAll,
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug) // bad handshakes, and the like: peers' faults
	}
	srv.RegisterOnShutdown(func() { stop(errStopping) })
	return srv
}

// withLimit returns a context that ends after limit with errNotYet as its cause.
func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, errNotYet)
}
