package transcode

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/media"
	"sluice/transcode/rung"
)

// Ladder offers one broadcast in several rungs. It is a media.Sink, which is called by
// the session that is on air, one after the other; what goes wrong with what one of
// them sends is told to that one, and ends with its run.
//
// Most of the time the source is shown: samples go on to the packager first, and
// then to the engine. Where the source can't be shown, its pictures go to the
// engine only, and those of the highest rung lead in their place (hidden.go).
type Ladder struct {
	transcoder *Transcoder
	stream     string
	spec       rung.Spec
	timing     Timing
	log        *slog.Logger

	// Of the goroutine that calls the Sink. It sets run with mu held.
	run     *run
	plan    planned
	decodes string  // the codec that the engine decodes
	engine  *engine // nil until the first picture that can be fed
	led     task    // what leads in a hidden source's place, or did last
	clock   feedClock
	gop     gop
	offsets offsets
	begun   bool    // a sync sample of this run has been fed
	longGOP bool    // keyframes are too far apart
	rate    float64 // of frames, as they came; 0: none has
	gaveUp  bool    // the broadcast goes on without a ladder
	told    bool    // the log says why there is none
	waits   bool    // the log says that there will be one
	deaf    bool    // sound should be made, and nothing could when the run began
	mute    bool    // nothing comes of making sound

	// mu keeps the calls of the base's Sink in order, where a hidden source makes
	// two goroutines of them.
	mu     sync.Mutex
	base   media.Base
	hidden hidden
}

// gop follows the distance between keyframes, on the run's clock.
type gop struct {
	known     bool
	sync, top media.Ticks // presentation times: of the newest keyframe, and the latest
}

// tooLong takes note of a picture, and reports that the GOP before it is longer
// than segments are promised to be. It does so between two pictures of which
// neither is shown before any that came before the other.
func (g *gop) tooLong(s media.Sample, segment time.Duration) bool {
	at := s.PTS()
	if s.Sync {
		*g = gop{known: true, sync: at, top: at}
		return false
	}
	if !g.known || at <= g.top {
		return false
	}
	g.top = at
	return at-g.sync > media.TicksOf(segment+segment/nearTarget, media.VideoClock)+s.Duration
}

// Begin implements media.Sink.
func (l *Ladder) Begin(ctx context.Context, tracks []media.Track) error {
	before := l.run
	l.enter(before.next(tracks))
	l.clock.restart()
	l.gop, l.offsets, l.begun = gop{}, offsets{}, false
	l.draw()
	l.beginSound(ctx, before)
	if l.plan.Hidden && !l.plan.pending {
		l.hide()
		return l.failure()
	}
	if !l.run.leadsBySound() {
		l.unhide(ctx)
		return l.beginShown(ctx)
	}
	if before == nil || !before.leadsBySound() {
		l.unhide(ctx)
	}
	l.hideSound()
	return l.failure()
}

// beginShown begins with the source's own tracks.
func (l *Ladder) beginShown(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base.Expect(l.run.expect)
	return l.base.Begin(ctx, l.run.offered())
}

// draw makes the plan for the present run.
func (l *Ladder) draw() {
	if l.run.video == nil || l.gaveUp || l.spec.Untouched() || len(l.run.others()) > 0 {
		l.retire()
		l.plan = planned{}
		return
	}
	rate := l.rate
	if c, ok := l.run.video.Codec.(media.Picture); ok && rate == 0 && c.Format().FrameRate <= maxFrameRate {
		rate = c.Format().FrameRate
	}
	if l.engine != nil && l.run.video.Codec.Name() != l.decodes {
		l.retire() // one decoder knows one codec
	}
	l.decodes = l.run.video.Codec.Name()
	shape := rung.ShapeOf(l.run.video.Codec, rate, l.longGOP)
	if l.engine != nil && shape == l.plan.shape {
		return // it goes on
	}
	l.plan = l.transcoder.plan(l.stream, l.spec, shape)
	if l.engine != nil && !l.plan.Equal(l.engine.plan) {
		l.retire()
	}
	l.tell()
}

// tell logs what a plan lacks.
func (l *Ladder) tell() {
	switch {
	case l.plan.pending && l.waits:
	case l.plan.pending:
		l.waits = true
		l.log.Info("no rungs yet: it is being found out what this machine can encode")
	case l.plan.unusable && !l.told:
		l.told = true
		l.log.Info("no rungs: there is nothing to encode with")
	case len(l.plan.noRoom) > 0:
		l.log.Warn("this machine can't encode the whole ladder", "rung", strings.Join(l.plan.noRoom, " "))
		for _, name := range l.plan.noRoom {
			l.transcoder.metrics.sheds.WithLabelValues(l.stream, name, shedCapacity).Inc()
		}
	}
	for _, d := range l.plan.Dropped {
		l.log.Debug("rung isn't made", "rung", d.Name, "err", d.Why)
	}
}

// expectation is what the packager is told about the plan.
func (l *Ladder) expectation() media.Expectation {
	var x media.Expectation
	if l.run.own != nil {
		x.Rungs, x.Lag = l.run.own.expected(l.run.video.Codec), leastLag
		return l.withSound(x)
	}
	follow := l.plan.all
	if l.plan.Hidden {
		if l.plan.pending {
			return l.withSound(x) // the source leads until all is known
		}
		follow = follow[min(1, len(follow)):]
	}
	for _, o := range follow {
		r := media.ExpectedRung{Name: o.Name, Kind: media.Video, Maybe: !slices.Contains(l.plan.Outputs, o)}
		if rate := o.Rate(l.plan.shape.FrameRate); o.Every > 1 && rate > 0 {
			r.Frame = time.Duration(float64(time.Second) / rate)
		}
		x.Rungs = append(x.Rungs, r)
	}
	if len(x.Rungs) > 0 {
		x.Lag = lagOf(l.plan.full)
	}
	return l.withSound(x)
}

// lagOf is what rungs are going to be behind the source, for work of that cost
// in CPU-seconds a second; zero is unknown.
func lagOf(cost float64) time.Duration {
	if cost <= 0 {
		return mostLag
	}
	lag := time.Duration(cost * float64(lagForCPU))
	return min(max((lag+lagStep-1).Truncate(lagStep), leastLag), mostLag)
}

// WriteSample implements media.Sink.
func (l *Ladder) WriteSample(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	switch {
	case l.run == nil:
	case l.run.own.rung(id) != nil:
		l.run.own.take(ctx, l.run.own.rung(id), s, arrived)
		return l.failure()
	case l.run.video != nil && l.run.video.ID == id:
		return l.picture(ctx, s, arrived)
	case l.run.sound != nil && l.run.sound.track.ID == id:
		return l.hear(ctx, id, s, arrived)
	case l.hiding():
		return l.hold(ctx, id, s, arrived)
	case l.deaf && l.run.video == nil && l.transcoder.encodes():
		if err := l.beginHearing(ctx); err != nil || l.run.sound == nil {
			return err
		}
		return l.hear(ctx, id, s, arrived)
	}
	return l.pass(ctx, id, s, arrived)
}

// pass hands on a sample as it is.
func (l *Ladder) pass(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base.WriteSample(ctx, id, s, arrived)
}

// picture takes a sample of the source's picture.
func (l *Ladder) picture(ctx context.Context, raw media.Sample, arrived time.Time) error {
	s := l.offsets.repair(raw)
	if err := l.turn(ctx, s); err != nil {
		return err
	}
	if l.hiding() {
		l.tee(ctx, s, arrived, media.Place{}, false)
		return l.failure()
	}
	l.mu.Lock()
	err := l.base.WriteSample(ctx, l.run.video.ID, raw, arrived)
	place, placed := l.base.Placed()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if placed && l.run.sound != nil {
		l.run.sound.place(s.PTS(), place)
	}
	if l.run.own != nil {
		l.run.own.lead(ctx, s, place, placed)
	}
	l.tee(ctx, s, arrived, place, placed)
	return nil
}

// tee gives a picture to the engine, and starts one with the first that a
// decoder can start at.
func (l *Ladder) tee(ctx context.Context, s media.Sample, arrived time.Time, place media.Place, placed bool) {
	if !l.begun && (!s.Sync || !placed && !l.plan.Hidden) {
		return
	}
	if !l.begun {
		l.clockRate(s)
	}
	e := l.engine
	if e == nil {
		if !s.Sync || l.plan.pending || len(l.plan.all) == 0 {
			return
		}
		e = l.newEngine()
	}
	l.begun = true
	f := newFrame(l.run, s, arrived, &l.clock)
	f.place, f.placed = place, placed
	e.push(f)
	if l.engine == nil && l.transcoder.launch(ctx, l.line(), e, e.cost(nil)) {
		l.engine = e
		if e.plan.Hidden {
			l.led = e
		}
	}
}

// clockRate looks how fast a run's frames come. Where that isn't what the plan was
// made for, since parameter sets needn't tell, or be right, the plan is made again.
func (l *Ladder) clockRate(s media.Sample) {
	if s.Duration <= 0 || l.plan.pending {
		return
	}
	rate := float64(media.VideoClock) / float64(s.Duration)
	if was := l.plan.shape.FrameRate; was > 0 && math.Abs(rate/was-1) < sameRate {
		rate = was
	}
	if l.rate = rate; rate != l.plan.shape.FrameRate {
		l.draw()
		l.keepExpected()
	}
}

// keepExpected adjusts what the packager expects to a plan that was made in the
// middle of a run, while that can be done; else it takes out of the plan what
// isn't expected.
func (l *Ladder) keepExpected() {
	if l.hiding() {
		l.run.expect = l.expectation() // it's told with the leading rung's first picture
		return
	}
	unexpected := func(o rung.Output) bool {
		return !slices.ContainsFunc(l.run.expect.Rungs, func(x media.ExpectedRung) bool { return x.Name == o.Name })
	}
	l.plan.Outputs = slices.DeleteFunc(slices.Clone(l.plan.Outputs), unexpected)
	l.plan.all = slices.DeleteFunc(slices.Clone(l.plan.all), unexpected)
}

// retire lets the engine end when it has put out all that it has.
func (l *Ladder) retire() {
	if l.engine != nil {
		l.engine.close()
		l.engine = nil
	}
}

// End implements media.Sink.
func (l *Ladder) End(ctx context.Context, cause error) error {
	l.unhideAtEnd(ctx)
	var own *own
	if l.run != nil {
		own = l.run.own
	}
	own.flush(ctx)
	l.mu.Lock()
	err := l.base.End(ctx, cause)
	l.mu.Unlock()
	own.end(context.WithoutCancel(ctx))
	l.retire()
	l.endSound()
	return err
}

// line is where the ladder's engines follow one another.
func (l *Ladder) line() line { return line{l.stream, media.Video} }

// newEngine makes the engine of the present plan.
func (l *Ladder) newEngine() *engine {
	t := l.transcoder
	e := &engine{
		base: l.base, plan: l.plan.Plan, full: l.plan.full, family: l.spec.Encoder, frameRate: l.plan.shape.FrameRate, part: l.timing.Part,
		log: l.log, counts: t.metrics.ofStream(l.stream), lead: l.lead,
		book:   func(cost float64) bool { return t.book(l.stream, cost) },
		worker: newWorker(), more: make(chan struct{}, 1), progress: make(chan struct{}), newest: noTime,
		backlog: newBacklog(), most: t.worn,
	}
	if e.plan.Hidden {
		e.grid = l.grid()
	}
	for i, o := range l.plan.all {
		out := &outlet{
			Output: o, leads: e.plan.Hidden && i == 0, done: noTime, outside: !slices.Contains(e.plan.Outputs, o),
			counts: t.metrics.ofRung(l.stream, o),
		}
		if rate := l.plan.shape.FrameRate; rate > 0 {
			out.regular = media.Ticks(float64(media.VideoClock)*float64(max(o.Every, 1))/rate + 0.5)
		}
		if l.plan.costs != nil {
			out.price = l.plan.costs.Encode(o, o.Rate(l.plan.shape.PricedRate()))
		}
		e.outlets = append(e.outlets, out)
	}
	return e
}
