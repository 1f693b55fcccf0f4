package onair

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/media"
)

// Clip is a slate that was made for a stream's tracks.
type Clip interface {
	// Play calls Begin with tracks of the same ids, and then WriteSample in real time
	// from start on, until ctx ends or a call fails. It doesn't call End.
	Play(ctx context.Context, sink media.Sink, start time.Time) error
}

// Slates makes them. Neither method waits. rates are how many pictures come in a second, as
// they were measured; of tracks that aren't in it nothing is known but what they declare.
type Slates interface {
	// Prepare has what such tracks need made.
	Prepare(tracks []media.Track, rates map[media.TrackID]float64)
	// Clip returns the slate for such tracks; false while it isn't ready, or can't be.
	Clip(tracks []media.Track, rates map[media.TrackID]float64) (Clip, bool)
}

// Settings are those of a stream. Zero values mean the defaults.
type Settings struct {
	// After is how long the primary sends nothing before a backup goes on air: 1 s.
	After time.Duration
	// Stay leaves a backup on air until it stops, when the primary is well again.
	Stay bool
	// SlateAfter is how long there has been nothing before the slate is shown: 3 s.
	SlateAfter time.Duration
	// Grace is how long a stream goes on, with a slate, after the last media of a publisher.
	Grace time.Duration
	// Slates makes the slate; nil: there is none.
	Slates Slates
}

func (s Settings) withDefaults() Settings {
	if s.After <= 0 {
		s.After = defaultAfter
	}
	if s.SlateAfter <= 0 {
		s.SlateAfter = defaultSlateAfter
	}
	return s
}

// Options of a Control.
type Options struct {
	Log     *slog.Logger          // nil: nothing is logged
	Metrics prometheus.Registerer // nil: nothing is registered
}

// Control decides for any number of streams.
type Control struct {
	log    *slog.Logger
	counts *counters
	wake   chan struct{} // an air has something to do at another time

	mu     sync.Mutex
	airs   map[string]*air
	closed bool
}

// New returns a Control. It starts nothing.
func New(o Options) *Control {
	c := &Control{log: o.Log, counts: newCounters(o.Metrics), wake: make(chan struct{}, 1), airs: map[string]*air{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(collector{c})
	}
	return c
}

// Input returns the Sink of one session, which nothing is known of before its Begin.
// The output is opened when the stream's broadcast begins, with the open of whoever begins
// it, and ended once. Of each role there is one session at a time: a newer one takes
// the place of one that hasn't ended.
func (c *Control) Input(stream string, role Role, s Settings, open func() media.Sink) media.Sink {
	return &input{control: c, stream: stream, role: role, settings: s.withDefaults(), open: open}
}

// enter gives an input its stream's air.
func (c *Control) enter(in *input) *air {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.airs[in.stream]
	if a == nil {
		a = &air{
			control: c, stream: in.stream, log: c.log.With("stream", in.stream), turn: make(chan struct{}, 1),
		}
		c.airs[in.stream] = a
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settings, a.open = in.settings, in.open
	a.inputs[in.role] = in
	return a
}

// leave forgets an air that nobody needs any more.
func (c *Control) leave(a *air) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.airs[a.stream] == a && a.idle(time.Now(), c.closed) {
		delete(c.airs, a.stream)
	}
}

func (c *Control) all() []*air {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*air, 0, len(c.airs))
	for _, a := range c.airs {
		all = append(all, a)
	}
	return all
}

// changed makes Serve look again.
func (c *Control) changed() {
	select {
	case c.wake <- struct{}{}:
	default: // it will
	}
}

// Serve shows slates, and ends broadcasts that nobody comes back to, until ctx ends.
// Then it ends those that a slate is on air of, and returns ctx's error.
func (c *Control) Serve(ctx context.Context) error {
	playing, stop := context.WithCancel(ctx)
	var players sync.WaitGroup
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-timer.C:
		case <-c.wake:
		case <-ctx.Done():
			continue
		}
		now := time.Now()
		var next time.Time
		for _, a := range c.all() {
			due := a.look(playing, now, &players)
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
			c.leave(a)
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(next.Sub(now), time.Millisecond))
		}
	}
	stop()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	players.Wait()
	for _, a := range c.all() {
		if err := a.finish(context.WithoutCancel(ctx), context.Cause(ctx)); err != nil {
			a.log.Error("end of a stream", "err", err)
		}
		c.leave(a)
	}
	return ctx.Err()
}
