package packager

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/storage/journal"
)

// ErrClosed is returned by the Sinks of a Packager that was shut down.
var ErrClosed = errors.New("packager is shut down")

// Options configure a Packager. Zero values mean the defaults.
type Options struct {
	Settings
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: counted and shown nowhere
}

// Settings are what a stream may have for itself. Zero values mean those of the
// Packager; all are brought within bounds.
type Settings struct {
	Segment    time.Duration // target; 2 s
	Part       time.Duration // target; 200 ms
	Window     time.Duration // what playlists list at least; 30 s
	Grace      time.Duration // how long a publisher may be away; 30 s, negative: not at all
	MaxGOPWait time.Duration // the longest wait for a GOP before manifests go out; 10 s
}

// or fills what s leaves open from defaults.
func (s Settings) or(defaults Settings) Settings {
	pick := func(v, other time.Duration) time.Duration {
		if v == 0 {
			return other
		}
		return v
	}
	return Settings{
		Segment: pick(s.Segment, defaults.Segment), Part: pick(s.Part, defaults.Part),
		Window: pick(s.Window, defaults.Window), Grace: pick(s.Grace, defaults.Grace),
		MaxGOPWait: pick(s.MaxGOPWait, defaults.MaxGOPWait),
	}
}

func (s Settings) bounded() Settings {
	s.Segment = min(max(s.Segment, minSegment), maxTarget)
	s.Part = min(max(s.Part, minPart), s.Segment)
	s.Window = max(s.Window, s.Segment)
	s.Grace = max(s.Grace, 0)
	s.MaxGOPWait = min(max(s.MaxGOPWait, 0), maxSegmentLength)
	return s
}

// Packager packages any number of streams.
type Packager struct {
	options Options
	journal journal.Journal
	metrics *metrics
	wake    chan struct{} // a stream's due time changed

	mu      sync.Mutex
	streams map[string]*Stream
	closed  bool
}

// New returns a Packager that appends to j. It panics where o.Metrics has
// metrics of its names already.
func New(j journal.Journal, o Options) *Packager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Settings = o.or(Settings{
		Segment: defaultSegment, Part: defaultPart, Window: defaultWindow,
		Grace: defaultGrace, MaxGOPWait: defaultMaxGOPWait,
	})
	return &Packager{
		options: o, journal: j, metrics: newMetrics(o.Metrics),
		wake: make(chan struct{}, 1), streams: map[string]*Stream{},
	}
}

// Stream returns the stream of that name, the same one every time. Settings that
// differ from those of an earlier call hold from the next session on.
func (p *Packager) Stream(name string, s Settings) *Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.streams[name]
	if st == nil {
		st = &Stream{packager: p, name: name, closed: p.closed, log: p.options.Log.With("stream", name)}
		st.health.Store(&Health{})
		p.streams[name] = st
	}
	settings := s.or(p.options.Settings).bounded()
	st.settings.Store(&settings)
	return st
}

// Serve ends streams whose grace time is over, and clears them once their window
// has been played out, until ctx ends. Then it shuts down and returns ctx's error.
func (p *Packager) Serve(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.wake:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.Shutdown(context.WithoutCancel(ctx)))
		}
		now := time.Now()
		var next time.Time
		for _, s := range p.all() {
			if due := s.expire(ctx, now); !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(next.Sub(now), 0))
		}
	}
}

// Shutdown ends every stream, so that its manifests say so. Sessions that are
// still there get ErrClosed.
func (p *Packager) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	var errs []error
	for _, s := range p.all() {
		errs = append(errs, s.shutdown(ctx))
	}
	return errors.Join(errs...)
}

func (p *Packager) all() []*Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Stream, 0, len(p.streams))
	for _, s := range p.streams {
		all = append(all, s)
	}
	return all
}

// reschedule makes Serve look at the streams' due times again.
func (p *Packager) reschedule() {
	select {
	case p.wake <- struct{}{}:
	default: // it will
	}
}
