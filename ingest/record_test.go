package ingest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/media"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(benchRole); role != "" {
		playRole(strings.Split(role, ","))
		return
	}
	goleak.VerifyTestMain(m)
}

// recording is a Sink that keeps everything, and holds its caller to the order
// that media.Sink asks for.
type recording struct {
	mu      sync.Mutex
	epochs  []epoch
	ended   bool
	cause   error
	faults  []string
	changed chan struct{} // closed at each change, and replaced

	onWrite func(ctx context.Context) error
	onEnd   func()
}

type epoch struct {
	tracks  []media.Track
	samples map[media.TrackID][]media.Sample
	arrived []time.Time
	events  []media.Event
}

func newRecording() *recording { return &recording{changed: make(chan struct{})} }

func (r *recording) note() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recording) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *recording) Begin(_ context.Context, tracks []media.Track) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.note()
	if r.ended {
		r.fault("Begin after End")
	}
	r.epochs = append(r.epochs, epoch{tracks: tracks, samples: map[media.TrackID][]media.Sample{}})
	return nil
}

func (r *recording) WriteSample(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.note()
	if r.ended || len(r.epochs) == 0 {
		r.fault("WriteSample outside of Begin and End")
		return nil
	}
	e := &r.epochs[len(r.epochs)-1]
	known := false
	for _, t := range e.tracks {
		known = known || t.ID == id
	}
	if !known {
		r.fault("a sample of track %d, which the epoch hasn't", id)
	}
	before := e.samples[id]
	if n := len(before); n > 0 && s.DTS < before[n-1].DTS {
		r.fault("track %d from %d to %d", id, before[n-1].DTS, s.DTS)
	}
	if s.Duration <= 0 || len(s.Data) == 0 || arrived.IsZero() {
		r.fault("track %d: duration %d, %d bytes, arrived %v", id, s.Duration, len(s.Data), arrived)
	}
	e.samples[id] = append(before, s)
	e.arrived = append(e.arrived, arrived)
	if r.onWrite != nil {
		return r.onWrite(ctx)
	}
	return nil
}

func (r *recording) WriteEvent(_ context.Context, e media.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.note()
	if r.ended || len(r.epochs) == 0 {
		r.fault("WriteEvent outside of Begin and End")
		return nil
	}
	if e.Scheme == "" || len(e.Data) == 0 {
		r.fault("event of scheme %q with %d bytes", e.Scheme, len(e.Data))
	}
	last := &r.epochs[len(r.epochs)-1]
	last.events = append(last.events, e)
	return nil
}

func (r *recording) End(_ context.Context, cause error) error {
	if r.onEnd != nil {
		r.onEnd()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.note()
	if r.ended {
		r.fault("End again")
	}
	r.ended, r.cause = true, cause
	return nil
}

// wait waits until the recording is as it should be.
func (r *recording) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		good, changed := ok(), r.changed
		faults := r.faults
		r.mu.Unlock()
		require.Empty(t, faults)
		if good {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// waitEnd waits for End and returns its cause.
func (r *recording) waitEnd(t testing.TB) error {
	t.Helper()
	r.wait(t, "the end", func() bool { return r.ended })
	return r.cause
}

func (r *recording) hasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// count returns how many samples of a track there are in all epochs.
func (r *recording) count(id media.TrackID) int {
	n := 0
	for _, e := range r.epochs {
		n += len(e.samples[id])
	}
	return n
}

// doorman admits keys that it knows, each to a stream of its own recordings.
type doorman struct {
	mu      sync.Mutex
	streams map[Key]string
	sinks   map[string][]*recording // by stream, one for each Admit
	asked   []Publish
	make    func() *recording
	came    chan string // a stream was granted
}

func newDoorman(streams map[Key]string) *doorman {
	return &doorman{streams: streams, sinks: map[string][]*recording{}, make: newRecording, came: make(chan string, 100)}
}

func (d *doorman) Admit(_ context.Context, p Publish) (Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, p)
	stream, ok := d.streams[p.Key]
	if !ok {
		return Grant{}, ErrUnknownKey
	}
	r := d.make()
	d.sinks[stream] = append(d.sinks[stream], r)
	d.came <- stream
	return Grant{Stream: stream, Sink: r}, nil
}

// giving sets what the next ones that come are given.
func (d *doorman) giving(make func() *recording) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.make = make
}

// sink waits for the n-th grant of a stream.
func (d *doorman) sink(t testing.TB, stream string, n int) *recording {
	t.Helper()
	for {
		d.mu.Lock()
		sinks := d.sinks[stream]
		d.mu.Unlock()
		if len(sinks) > n {
			return sinks[n]
		}
		select {
		case <-d.came:
		case <-time.After(20 * time.Second):
			t.Fatalf("nobody was admitted to %s", stream)
		}
	}
}

// logBook keeps log lines as text.
type logBook struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	grown chan struct{}
}

func newLogBook() *logBook { return &logBook{grown: make(chan struct{})} }

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
	return l.buf.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// wait waits for a text in the log.
func (l *logBook) wait(t testing.TB, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		found, grown := bytes.Contains(l.buf.Bytes(), []byte(text)), l.grown
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("no %q in the log:\n%s", text, l)
		}
	}
}

// harness is a server on real sockets.
type harness struct {
	*Server
	doorman *doorman
	log     *logBook
	plain   string // addresses
	secure  string
	roots   *x509.CertPool
}

func start(t testing.TB, o Options) *harness {
	t.Helper()
	h := &harness{log: newLogBook()}
	h.doorman = newDoorman(map[Key]string{"secret": "show", "other": "second"})
	if o.Admit == nil {
		o.Admit = h.doorman
	}
	o.Log = h.log.logger()
	h.Server = New(o)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.plain, h.secure = plain.Addr().String(), secure.Addr().String()
	config, roots := testTLS(t)
	h.roots = roots
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	errs := make(chan error, 2)
	wg.Go(func() { errs <- h.Serve(ctx, plain) })
	wg.Go(func() { errs <- h.ServeTLS(ctx, secure, config) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		require.NoError(t, <-errs)
		require.NoError(t, <-errs)
		h.doorman.mu.Lock()
		defer h.doorman.mu.Unlock()
		for _, sinks := range h.doorman.sinks {
			for _, r := range sinks {
				require.Empty(t, r.faults)
				require.True(t, r.ended || len(r.epochs) == 0, "a Sink was left without End")
			}
		}
		require.NotContains(t, h.log.String(), "secret")
	})
	return h
}

// testTLS makes a throw-away certificate for this machine.
func testTLS(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		SessionTicketsDisabled: true,
	}, roots
}
