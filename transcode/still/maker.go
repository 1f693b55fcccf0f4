package still

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/stills"
	"sluice/transcode/ffmpeg"
)

// Options configure a Maker.
type Options struct {
	FFmpeg  string // the program; empty: found in PATH
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: counted nowhere
}

// Maker makes stills.
type Maker struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	encode  encode // ffmpeg's, but for tests
	limit   int    // maxKept, likewise

	mu      sync.Mutex // guards what follows
	known   map[string]*still
	waiting [2]*list.List // of *still: single pictures, sheets; the one that is made next in front
	wake    [2]chan struct{}
	kept    *list.List // of *still, the last one that was asked for in front
	bytes   int
	failed  map[string]failure

	finding   chan struct{} // takes a token from who reads or writes these
	tool      *ffmpeg.Tool
	toolErr   error
	toolAfter time.Time // when ffmpeg is looked for again
}

// encode makes a JPEG.
type encode func(ctx context.Context, j ffmpeg.Still, fragments io.Reader) ([]byte, error)

// still is a picture: waiting → being made → there, or failed. One for which nobody waits any more
// before it is made is forgotten.
type still struct {
	job    stills.Job
	asked  int           // who waits for it
	place  *list.Element // in waiting, or in kept; nil while it is made
	done   chan struct{} // closed when body and err are there
	body   []byte
	err    error
	isKept bool
}

// failure is one that isn't tried again until then.
type failure struct {
	err   error
	until time.Time
}

// New returns a Maker. It panics where o.Metrics has metrics of its names already.
func New(o Options) *Maker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Maker{
		options: o, log: o.Log, metrics: newMetrics(o.Metrics), limit: maxKept,
		known: map[string]*still{}, kept: list.New(), failed: map[string]failure{},
		finding: make(chan struct{}, 1),
	}
	m.encode = m.ffmpeg
	for i := range m.waiting {
		m.waiting[i], m.wake[i] = list.New(), make(chan struct{}, 1)
	}
	return m
}

// lane is in which of two queues a job waits.
func lane(j *stills.Job) int {
	if j.Columns*j.Rows > 1 {
		return 1
	}
	return 0
}

// Make returns the JPEG of a job, which nobody may write to. It waits until Serve has made it, or
// ctx ends. The error wraps stills.ErrNone or stills.ErrBusy, or is the cause of ctx's end.
func (m *Maker) Make(ctx context.Context, j stills.Job) ([]byte, error) {
	m.mu.Lock()
	s, err := m.find(&j)
	if err != nil || s.isKept {
		m.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return s.body, nil
	}
	s.asked++
	m.mu.Unlock()
	select {
	case <-s.done:
		return s.body, s.err
	case <-ctx.Done():
		m.leave(s)
		return nil, context.Cause(ctx)
	}
}

// find returns a job's picture, which it puts into the queue where it isn't known. The mutex is held.
func (m *Maker) find(j *stills.Job) (*still, error) {
	if s := m.known[j.ID]; s != nil {
		m.metrics.made.WithLabelValues(cached).Inc()
		if s.isKept {
			m.kept.MoveToFront(s.place)
		}
		return s, nil
	}
	if len(j.Keys) == 0 {
		return nil, stills.ErrNone
	}
	if f, ok := m.failed[j.ID]; ok && time.Now().Before(f.until) {
		return nil, f.err
	}
	at := lane(j)
	if m.waiting[at].Len() >= maxWaiting {
		m.metrics.made.WithLabelValues(refused).Inc()
		return nil, stills.ErrBusy
	}
	s := &still{job: *j, done: make(chan struct{})}
	s.place = m.waiting[at].PushBack(s)
	m.known[j.ID] = s
	select {
	case m.wake[at] <- struct{}{}:
	default: // it's known
	}
	return s, nil
}

// leave is told by who doesn't wait any more.
func (m *Maker) leave(s *still) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.asked--; s.asked > 0 || s.place == nil || s.isKept {
		return
	}
	m.waiting[lane(&s.job)].Remove(s.place)
	delete(m.known, s.job.ID)
	s.place = nil
}

// Serve makes what is asked for until ctx ends.
func (m *Maker) Serve(ctx context.Context) error {
	var all sync.WaitGroup
	for at := range m.waiting {
		all.Go(func() { m.serve(ctx, at) })
	}
	all.Wait()
	return ctx.Err()
}

// serve makes what waits in one of the queues.
func (m *Maker) serve(ctx context.Context, at int) {
	for {
		s := m.next(at)
		if s == nil {
			select {
			case <-m.wake[at]:
				continue
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil {
			m.finish(s, nil, fmt.Errorf("%w: the server is stopping", stills.ErrBusy))
			continue // until nobody waits
		}
		began := time.Now()
		body, err := m.make(ctx, &s.job)
		if err == nil {
			m.metrics.seconds.Observe(time.Since(began).Seconds())
		}
		m.finish(s, body, err)
	}
}

// next takes a picture out of a queue; nil where there is none.
func (m *Maker) next(at int) *still {
	m.mu.Lock()
	defer m.mu.Unlock()
	front := m.waiting[at].Front()
	if front == nil {
		return nil
	}
	s := m.waiting[at].Remove(front).(*still)
	s.place = nil
	return s
}

// make makes a picture.
func (m *Maker) make(ctx context.Context, j *stills.Job) ([]byte, error) {
	fragments, err := keyframes(j)
	if err == nil {
		var body []byte
		size := ffmpeg.Still{Width: j.Width, Height: j.Height, Columns: j.Columns, Rows: j.Rows}
		if body, err = m.encode(ctx, size, fragments); err == nil {
			return body, nil
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: the server is stopping", stills.ErrBusy)
	}
	return nil, err
}

// finish tells those who wait, and keeps the picture, or the failure for a while.
func (m *Maker) finish(s *still, body []byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.body = body; err != nil {
		s.err = m.fail(s.job.ID, err)
		delete(m.known, s.job.ID)
	} else {
		m.metrics.made.WithLabelValues(encoded).Inc()
		m.keep(s)
	}
	s.job.Init, s.job.Keys = nil, nil
	close(s.done)
}

// keep keeps a picture, and lets go of those that were asked for longest ago. The mutex is held.
func (m *Maker) keep(s *still) {
	s.place, s.isKept = m.kept.PushFront(s), true
	m.bytes += len(s.body)
	for m.bytes > m.limit {
		oldest := m.kept.Remove(m.kept.Back()).(*still)
		m.bytes -= len(oldest.body)
		delete(m.known, oldest.job.ID)
	}
	m.metrics.bytes.Set(float64(m.bytes))
}
