package transcode

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/media"
)

// errShown says that a rung leads no more.
var errShown = errors.New("the source is shown")

// hidden is what is needed where the source isn't shown. The packager then has
// its Sink called by two goroutines: the engine's, which reads the leading rung
// and begins each run with that one's first picture, and that of the session on air,
// which brings the sound. The Ladder's mutex guards it.
type hidden struct {
	on         bool
	begun      *run        // the newest run that the packager knows of
	leader     media.Track // what leads it
	held       []heldSound // sound of a run that hasn't begun
	bytes      int         // of held
	events     []heldEvent // of a run that hasn't begun
	eventBytes int         // of events
}

// heldSound is a sample that waits for its run to begin.
type heldSound struct {
	run     *run
	id      media.TrackID
	sample  media.Sample
	arrived time.Time
}

// grid is the distance of keyframes that are made here.
func (l *Ladder) grid() media.Ticks { return media.TicksOf(l.timing.Segment, media.VideoClock) }

func (l *Ladder) hiding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hidden.on
}

// failure returns why the packager refused what leads in the present run, which the
// session didn't write itself.
func (l *Ladder) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.run.err
}

// enter makes a run the present one. An error of the run before ends with that: another
// session may have begun this one. An engine that has ended of it doesn't go on, though.
func (l *Ladder) enter(r *run) {
	l.mu.Lock()
	failed := l.run != nil && l.run.err != nil
	l.run = r
	l.mu.Unlock()
	if failed || l.engine != nil && l.engine.over() {
		l.retire()
	}
}

// hide lets the highest rung lead from now on.
func (l *Ladder) hide() {
	l.clock.grid = l.grid()
	l.mu.Lock()
	was := l.hidden.on
	l.hidden.on = true
	l.mu.Unlock()
	l.advise(true)
	if !was {
		l.log.Info("the source isn't shown as it is", "rung", l.plan.Outputs[0].Name, "err", l.plan.Why)
	}
}

// turn changes between a source that is shown and one that is hidden, where s is
// the place for that.
func (l *Ladder) turn(ctx context.Context, s media.Sample) error {
	long := l.gop.tooLong(s, l.timing.Segment)
	if l.deaf && s.Sync && l.transcoder.encodes() {
		return l.beginHearing(ctx)
	}
	switch {
	case l.gaveUp || l.spec.Untouched():
	case l.hiding():
		if s.Sync && l.engine != nil && l.engine.away(time.Now()) {
			return l.giveUp(ctx)
		}
	case l.plan.pending && s.Sync:
		l.draw()
		switch {
		case l.plan.pending:
		case l.plan.Hidden:
			l.hideFrom(ctx, nil)
		default:
			l.keepExpected()
		}
	case l.plan.Hidden && !l.plan.pending && s.Sync:
		l.hideFrom(ctx, nil)
	case long && !l.longGOP:
		l.longGOP = true
		before := l.engine
		l.draw()
		if l.plan.Hidden && before != nil {
			l.hideFrom(ctx, before)
		}
	}
	return nil
}

// hideFrom hides the source in the middle of what a session sends. The leading rung goes on
// where the source ends: it's made from what the engine before kept, or, where
// there was none, from the next picture on, which is a keyframe then.
func (l *Ladder) hideFrom(ctx context.Context, before *engine) {
	l.again(ctx)
	l.hide()
	l.begun = false
	if before == nil {
		l.clock.restart()
		return
	}
	frames, shown := before.tail()
	if len(frames) == 0 {
		return // the next keyframe begins
	}
	e := l.newEngine()
	for _, f := range frames {
		f.run = l.run
		e.push(f)
	}
	e.skip(shown)
	if l.transcoder.launch(ctx, l.line(), e, e.cost(nil)) {
		l.engine, l.led, l.begun = e, e, true
	}
}

// lead implements the engine's: it writes a picture of the rung that takes the
// source's place.
func (l *Ladder) lead(ctx context.Context, f *frame, t media.Track, s media.Sample) (media.Place, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.ID = f.run.video.ID
	if written, err := l.leads(ctx, f.run, t, s, f.arrived); !written {
		return media.Place{}, false, err
	}
	place, placed := l.base.Placed()
	if placed && f.run.sound != nil {
		f.run.sound.place(f.pts, place)
	}
	return place, placed, nil
}

// leads writes a sample of what takes a run's source's place. Of a run that is over
// what comes after an error is left out, and no error: there's nobody to tell, and who
// writes it may have more, of the present run. The mutex is held.
func (l *Ladder) leads(ctx context.Context, r *run, t media.Track, s media.Sample, arrived time.Time) (written bool, err error) {
	h := &l.hidden
	if !h.on {
		return false, errShown
	}
	if r.err == nil {
		if h.begun != r || !h.leader.Equal(t) {
			r.err = l.beginHidden(ctx, r, t)
		}
		if r.err == nil {
			r.err = l.base.WriteSample(ctx, t.ID, s, arrived)
		}
		if r.err != nil && r != l.run {
			l.log.Warn("the end of what was shown before is lost", "err", r.err)
		}
	}
	if r != l.run {
		return r.err == nil, nil
	}
	return r.err == nil, r.err
}

// beginHidden begins a run with what leads in the source's place, and writes the sound that waited for it. The mutex is held.
func (l *Ladder) beginHidden(ctx context.Context, r *run, leader media.Track) error {
	tracks := []media.Track{leader}
	for _, t := range r.offered() {
		if t.ID != leader.ID {
			tracks = append(tracks, t)
		}
	}
	l.base.Expect(r.expect)
	if err := l.base.Begin(ctx, tracks); err != nil {
		return err
	}
	h := &l.hidden
	h.begun, h.leader = r, leader
	held := h.held
	h.held, h.bytes = nil, 0
	for _, s := range held {
		switch {
		case s.run.number > r.number:
			h.held, h.bytes = append(h.held, s), h.bytes+len(s.sample.Data)
		case s.run == r:
			if err := l.base.WriteSample(ctx, s.id, s.sample, s.arrived); err != nil {
				return err
			}
		}
	}
	return l.releaseEvents(ctx, r)
}

// hold passes on sound beside a hidden source, or keeps it until its run has begun.
func (l *Ladder) hold(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.hidden
	if l.run.err != nil {
		return l.run.err
	}
	if h.begun == l.run {
		return l.base.WriteSample(ctx, id, s, arrived)
	}
	h.held, h.bytes = append(h.held, heldSound{l.run, id, s, arrived}), h.bytes+len(s.Data)
	for len(h.held) > maxHeldSound || h.bytes > maxHeldBytes {
		h.bytes -= len(h.held[0].sample.Data)
		h.held = slices.Delete(h.held, 0, 1)
	}
	return nil
}

// giveUp shows the source as it is, after no rung has come for long.
func (l *Ladder) giveUp(ctx context.Context) error {
	l.log.Warn("nothing could be encoded: the source is shown as it is")
	l.gaveUp = true
	l.engine.stop()
	l.draw()
	return l.showAgain(ctx)
}

// unhide shows the source again, once the pictures that led have all been
// written. It waits for them, though not for long, and returns the events that
// wait even then.
func (l *Ladder) unhide(ctx context.Context) []heldEvent { return l.endHidden(ctx, l.transcoder.turn) }

// unhideAtEnd does so at the end of a broadcast.
func (l *Ladder) unhideAtEnd(ctx context.Context) {
	if l.hiding() {
		l.endSound() // it may be what leads
	}
	l.endHidden(ctx, l.transcoder.end)
}

func (l *Ladder) endHidden(ctx context.Context, limit time.Duration) (waiting []heldEvent) {
	if !l.hiding() {
		return nil
	}
	l.advise(false)
	l.retire()
	if l.led != nil {
		w := l.led.hired()
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case <-w.gone:
		case <-timer.C:
			w.stop()
		case <-ctx.Done():
			w.stop()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting = l.hidden.events
	l.hidden, l.led = hidden{}, nil
	l.clock.grid = 0
	return waiting
}
