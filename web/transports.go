package web

import (
	"container/list"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// transports makes segments of MPEG-TS, each once for all who ask at the same time, and
// keeps the newest asked for within a bound. The work is done by the goroutine of a
// request: none outlives those who asked.
type transports struct {
	limit int
	turns chan struct{} // takes a token from who makes a segment
	reads chan struct{} // and from who reads what it's made of from storage

	mu    sync.Mutex // guards what follows
	known map[transportKey]*transport
	order *list.List // of *transport that are made, the newest asked for first
	bytes int

	made, cached, shared prometheus.Counter
	seconds, written     prometheus.Counter
}

// transportKey names a segment.
type transportKey struct {
	stream string
	place  place
}

// errLost says that whoever was to make a segment went away before it was its turn.
var errLost = errors.New("nobody makes it")

// transport is a segment that is being made, or is.
type transport struct {
	key  transportKey
	done chan struct{} // closed when body and err are there
	body []byte
	err  error
	at   *list.Element // nil until it is made
}

// newTransports returns one that keeps so many bytes.
func newTransports(limit int, registry prometheus.Registerer) *transports {
	c := &transports{
		limit: limit, turns: make(chan struct{}, runtime.GOMAXPROCS(0)), reads: make(chan struct{}, transportReads),
		known: map[transportKey]*transport{}, order: list.New(),
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ts_segments_total",
		Help: "MPEG-TS segments asked for: made, shared with a request that was making it, or cached.",
	}, []string{"source"})
	c.made, c.shared, c.cached = requests.WithLabelValues("made"), requests.WithLabelValues("shared"), requests.WithLabelValues("cached")
	c.seconds = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ts_make_seconds_total", Help: "Time spent making MPEG-TS segments.",
	})
	c.written = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ts_made_bytes_total", Help: "Bytes of the MPEG-TS segments that were made.",
	})
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sluice_ts_cache_bytes", Help: "Bytes of the MPEG-TS segments that are kept.",
	}, func() float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return float64(c.bytes)
	})
	registry.MustRegister(requests, c.seconds, c.written, size)
	return c
}

// get returns a segment, which write makes if nobody has. Nobody may write to it.
func (c *transports) get(ctx context.Context, key transportKey, write func() ([]byte, error)) ([]byte, error) {
	for {
		c.mu.Lock()
		s := c.known[key]
		if s == nil {
			s = &transport{key: key, done: make(chan struct{}), err: errLost}
			c.known[key] = s
			c.mu.Unlock()
			return c.make(ctx, s, write)
		}
		if s.at != nil {
			c.order.MoveToFront(s.at)
			c.mu.Unlock()
			c.cached.Inc()
			return s.body, nil
		}
		c.mu.Unlock()
		select {
		case <-s.done:
			if !errors.Is(s.err, errLost) {
				c.shared.Inc()
				return s.body, s.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// make makes s, when it is its turn: as many are made at once as there are processors.
func (c *transports) make(ctx context.Context, s *transport, write func() ([]byte, error)) ([]byte, error) {
	defer c.keep(s)
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx) // s.err is errLost: somebody else takes over
	}
	defer func() { <-c.turns }()
	began := time.Now()
	body, err := write()
	c.seconds.Add(time.Since(began).Seconds())
	if err != nil && ctx.Err() != nil {
		return nil, err // storage was read for who has gone: somebody else takes over, likewise
	}
	s.body, s.err = body, err
	if s.err == nil {
		c.made.Inc()
		c.written.Add(float64(len(s.body)))
	}
	return s.body, s.err
}

// apart does what takes no processor, in the middle of making a segment: others have the turn
// meanwhile, so that storage which is slow holds up nobody who is at the live edge.
func (c *transports) apart(ctx context.Context, do func() error) error {
	<-c.turns
	select {
	case c.reads <- struct{}{}:
	case <-ctx.Done():
		c.turns <- struct{}{}
		return context.Cause(ctx)
	}
	defer func() {
		c.turns <- struct{}{} // what was read counts until it's this one's turn again
		<-c.reads
	}()
	return do()
}

// keep tells those who wait for s, and keeps it if it could be made.
func (c *transports) keep(s *transport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(s.done)
	if s.err != nil || len(s.body) > c.limit {
		delete(c.known, s.key)
		return
	}
	s.at = c.order.PushFront(s)
	c.bytes += len(s.body)
	for c.bytes > c.limit {
		oldest := c.order.Remove(c.order.Back()).(*transport)
		c.bytes -= len(oldest.body)
		delete(c.known, oldest.key)
	}
}
