package transcode

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// Options configure a Transcoder.
type Options struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: counted and shown nowhere
	Data    string                // folder in which measurements are kept; empty: nowhere
	FFmpeg  string                // the program; empty: found in PATH
	// Early makes Serve measure the machine at its start: a few seconds of a core, once.
	// Else the first ladder waits for that.
	Early bool
}

// Transcoder makes ladders for any number of streams on one machine.
type Transcoder struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	wanted  chan struct{} // closed when the first ladder is asked for
	want    sync.Once
	worn    int // wornAfter, but for tests
	// patience is for how long a rung may be too far behind; overloadFor but for
	// tests of something else on a busy machine.
	patience time.Duration
	// turn, end and drain are turnLimit, endLimit and drainLimit, but for such tests.
	turn, end, drain time.Duration
	advice           sync.Map // by stream, lists; at most all that there are

	mu      sync.Mutex
	state   readiness
	machine machine // nil while the state is unknown or unusable
	books   books
	tasks   map[task]struct{}
	last    map[line]task // the newest of each line
	closed  bool
	work    sync.WaitGroup // one for each of tasks
}

// New returns a Transcoder. It panics where o.Metrics has metrics of its names
// already.
func New(o Options) *Transcoder {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Transcoder{
		options: o, log: o.Log, metrics: newMetrics(o.Metrics), wanted: make(chan struct{}),
		worn: wornAfter, patience: overloadFor, turn: turnLimit, end: endLimit, drain: drainLimit, tasks: map[task]struct{}{}, last: map[line]task{},
	}
	t.books = books{total: cpuShare * float64(runtime.GOMAXPROCS(0)), taken: map[string]float64{}}
	t.metrics.capacity.Set(t.books.total)
	if o.Early {
		t.want.Do(func() { close(t.wanted) })
	}
	return t
}

// Serve finds ffmpeg, proves its encoders and measures the machine, and then
// waits until ctx ends and every ladder has ended, so that no process is left.
// Streams are passed on as they are until it is ready, and where there's no
// ffmpeg.
func (t *Transcoder) Serve(ctx context.Context) error {
	t.prepare(ctx)
	<-ctx.Done()
	t.shutdown()
	return ctx.Err()
}

// prepare finds out what there is to encode with. A machine without is no error.
func (t *Transcoder) prepare(ctx context.Context) {
	m, err := t.find(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.log.Warn("no ladders: streams are passed on as they come", "err", err)
		}
		t.use(nil, unusable)
		return
	}
	t.use(m, unmeasured)
	measured := *m
	measured.capacity = t.measure(ctx, m)
	if ctx.Err() == nil {
		t.use(&measured, ready)
		t.tellRungs()
	}
}

// usualSources are those of which the log and the metrics tell what they get.
var usualSources = []rung.Shape{
	{Width: 1280, Height: 720, FrameRate: 30}, {Width: 1920, Height: 1080, FrameRate: 30},
	{Width: 1920, Height: 1080, FrameRate: 60},
}

// tellRungs tells how many rungs the machine can encode in real time, if nothing
// else runs.
func (t *Transcoder) tellRungs() {
	var says []string
	for _, s := range usualSources {
		name := fmt.Sprintf("%dp%g", s.Height, s.FrameRate)
		p := t.plan("", rung.AutoSpec(), s)
		t.metrics.rungs.WithLabelValues(name).Set(float64(len(p.Outputs)))
		var rungs []string
		for _, o := range p.Outputs {
			rungs = append(rungs, o.Name)
		}
		says = append(says, name+": "+cmp.Or(strings.Join(rungs, " "), "none"))
	}
	t.log.Info("rungs that this machine can add to one stream by itself", "rung", strings.Join(says, ", "))
}

// find returns the machine, not measured yet.
func (t *Transcoder) find(ctx context.Context) (*tool, error) {
	found, err := ffmpeg.Find(ctx, t.options.FFmpeg)
	if err != nil {
		return nil, err
	}
	encoders, err := found.Encoders(ctx, t.log)
	if err != nil {
		return nil, err
	}
	codecs := encoders.Codecs(rung.AnyEncoder)
	for _, c := range codecs {
		name, _ := encoders.For(c, rung.AnyEncoder)
		t.metrics.encoders.WithLabelValues(string(c), name).Set(1)
	}
	if len(codecs) == 0 {
		return nil, fmt.Errorf("ffmpeg %s has no encoder that works", found.Version.Text)
	}
	return &tool{Tool: found, Encoders: encoders}, nil
}

// use makes ladders use a machine from now on.
func (t *Transcoder) use(m machine, s readiness) {
	t.mu.Lock()
	t.machine, t.state = m, s
	t.mu.Unlock()
}

// shutdown ends every ladder, and waits for that.
func (t *Transcoder) shutdown() {
	t.mu.Lock()
	t.closed = true
	tasks := slices.Collect(maps.Keys(t.tasks))
	t.mu.Unlock()
	for _, k := range tasks {
		k.close() // ends by itself within drainLimit
	}
	late := time.AfterFunc(shutdownLimit, func() {
		for _, k := range tasks {
			k.hired().stop()
		}
	})
	defer late.Stop()
	t.work.Wait()
}

// Timing is how a stream is cut. Zero fields mean what is usual.
type Timing struct {
	Segment time.Duration // target of a segment
	Part    time.Duration // target of a part
}

// Ladder returns the way into a stream for one broadcast, whichever sessions it has.
func (t *Transcoder) Ladder(stream string, spec rung.Spec, timing Timing, out media.Base) media.Sink {
	if timing.Segment <= 0 {
		timing.Segment = defaultSegment
	}
	if timing.Part <= 0 {
		timing.Part = defaultPart
	}
	if !spec.Untouched() {
		t.want.Do(func() { close(t.wanted) })
	}
	return &Ladder{
		transcoder: t, stream: stream, spec: spec, timing: timing, base: out,
		log: t.log.With("stream", stream), clock: newFeedClock(),
	}
}

// readiness is how much is known of the machine.
type readiness uint8

const (
	unknown    readiness = iota // it is being found out
	unmeasured                  // but for what work costs
	ready                       // all is known
	unusable                    // there is nothing to encode with
)

// planned is what a Transcoder makes of a source.
type planned struct {
	rung.Plan
	shape    rung.Shape
	costs    rung.Costs // nil where they aren't known
	pending  bool       // the machine isn't known yet: it is what the plan may become
	unusable bool       // there is nothing to encode with
	noRoom   []string   // rungs that the machine can't carry
	// all are the outputs, with those that it could carry if nothing else ran, in
	// their order; and what they cost together.
	all  []rung.Output
	full float64
}

// plan says what a stream's ladder makes of a source.
func (t *Transcoder) plan(stream string, spec rung.Spec, shape rung.Shape) planned {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := planned{shape: shape, pending: t.state < ready, unusable: t.state == unusable || t.closed}
	if p.unusable {
		return p
	}
	if _, shared := t.books.free(stream); t.state == unmeasured && !spec.Auto && !shared {
		p.pending = false // a list is taken at its word, whatever it costs
	}
	o := rung.Offer{Codecs: []rung.Codec{rung.H264}}
	if t.machine != nil {
		o.Codecs = t.machine.Codecs(spec.Encoder)
	}
	p.Plan = spec.Plan(shape, o)
	p.all = p.Outputs
	if t.state < ready {
		return p
	}
	if c := t.machine.Capacity(); c != nil {
		wish := p.Plan
		o.Costs, o.Process, o.Overhead = c, c.Process(), c.Overhead()
		o.Free, o.Shared = t.books.free(stream)
		p.Plan, p.costs = spec.Plan(shape, o), c
		p.noRoom = missing(wish, p.Plan)
		p.all, p.full = p.Outputs, p.Cost
		if !p.Hidden { // else the highest leads, and none comes above it
			o.Free, o.Shared = t.books.total, false
			alone := spec.Plan(shape, o)
			p.all, p.full = alone.Outputs, alone.Cost
		}
	}
	return p
}

// missing returns the names of the outputs that a plan has and another hasn't.
func missing(wish, plan rung.Plan) []string {
	var names []string
	for _, o := range wish.Outputs {
		same := func(other rung.Output) bool { return other.Name == o.Name }
		if !slices.ContainsFunc(plan.Outputs, same) {
			names = append(names, o.Name)
		}
	}
	return names
}

// launch starts a task, which takes that much of the machine. It's false where no
// more are started. The task outlives ctx, which is that of the session on air.
func (t *Transcoder) launch(ctx context.Context, in line, k task, cost float64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.machine == nil {
		return false
	}
	w := k.hired()
	w.machine, w.after, w.patience, w.drain = t.machine, closedChannel, t.patience, t.drain
	if before := t.last[in]; before != nil {
		w.after = before.hired().gone
	}
	t.tasks[k], t.last[in] = struct{}{}, k
	if in.kind == media.Video {
		t.books.take(in.stream, cost)
		t.metrics.booked.Set(t.books.sum())
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.work.Go(func() {
		defer w.stop()
		if err := safely(func() error { k.serve(ctx); return nil }); err != nil {
			t.log.Error("ladder broke", "stream", in.stream, "err", err)
		}
		t.ended(in, k)
	})
	return true
}

// closedChannel is one that is closed.
var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// ended forgets a task that has.
func (t *Transcoder) ended(in line, k task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tasks, k)
	if t.last[in] != k {
		return
	}
	delete(t.last, in)
	if in.kind == media.Video {
		t.books.give(in.stream)
		t.metrics.booked.Set(t.books.sum())
	}
}

// newest returns the task of a line that was started last, if it still works.
func (t *Transcoder) newest(in line) task {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[in]
}

// encodes reports whether there is something to encode with.
func (t *Transcoder) encodes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.machine != nil && !t.closed
}

// book changes what a stream takes; it's false where there isn't that much.
func (t *Transcoder) book(stream string, cost float64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.books.change(stream, cost) {
		return false
	}
	t.metrics.booked.Set(t.books.sum())
	return true
}
