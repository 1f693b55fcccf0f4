package transcode

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sluice/media"
	"sluice/transcode/ffmpeg"
	"sluice/transcode/rung"
)

// state is what an engine is doing.
//
//	starting ──first frame out──▶ running ──no more frames in──▶ draining ──all out──▶ ended
//	   │  ▲                         │ │                             │
//	   │  └───a rung is dropped─────┘ │                             │
//	   │  │   or tried again, or the  │                             │
//	   │  │   process is worn         │                             │
//	   └──┼────── crash, hang ────────┴─────────────────────────────┤
//	      │                                                         ▼
//	      └──────────────────────pause is over──────────────────backoff
//
//	starting ──every rung dropped──▶ resting ──one is tried again──▶ starting
//	any state ──drainLimit is over, or Serve ends──▶ ended
type state string

const (
	starting state = "starting"
	running  state = "running"
	draining state = "draining"
	backing  state = "backoff"
	resting  state = "resting"
	ended    state = "ended"
)

// noTime is before all times of the feed's clock.
const noTime media.Ticks = -1

// Reasons for which a process ends that isn't at its end.
var (
	errHang     = errors.New("no frame comes out while frames go in")
	errOverload = errors.New("a rung falls behind")
	errRoom     = errors.New("there is room for another rung")
	errLate     = errors.New("what was left took too long")
	errEarly    = errors.New("the process ended before its input did")
	errWorn     = errors.New("the process has had as much as one may")
)

// engine makes the rungs of one plan out of the frames that are pushed into it.
// One goroutine, in serve, owns the processes, one after the other; those that
// feed one and read its outputs live as long as it does.
type engine struct {
	worker
	base      media.Base
	plan      rung.Plan
	full      float64 // what all outlets cost, in CPU-seconds a second; 0: unknown
	family    rung.Encoder
	grid      media.Ticks // hidden: where keyframes are forced
	frameRate float64
	part      time.Duration
	most      int // frames that a process gets, but for the rest of a GOP
	log       *slog.Logger
	counts    engineMetrics

	// lead writes a frame of the rung that takes a hidden source's place, and
	// returns where that went; false where it was dropped.
	lead func(ctx context.Context, f *frame, t media.Track, s media.Sample) (media.Place, bool, error)
	// book renews what the machine gives to the engine, and refuses what is too much.
	book func(cost float64) bool

	outlets []*outlet     // the highest first
	more    chan struct{} // there are frames, or there will be none

	backoff backoff
	retry   retry

	mu       sync.Mutex
	state    state
	backlog  backlog
	newest   media.Ticks   // the latest frame that was pushed
	span     media.Ticks   // its duration
	closed   time.Time     // no frames come after that; zero: they do
	owing    time.Time     // since when more is owed than there may be, and nothing came; zero: it isn't
	leading  bool          // the present process's leading rung is still read
	progress chan struct{} // closed and renewed when the leading rung gets on
	cut      bool          // the backlog overflows, and the log says so
	worn     media.Ticks   // the present process gets nothing from there on; 0: it does
}

// push takes the next frame. It never waits.
func (e *engine) push(f *frame) {
	e.mu.Lock()
	if e.newest == noTime {
		for _, o := range e.outlets {
			o.done = f.at - 1
		}
	}
	taken, lost := e.backlog.push(f, e.owed())
	if taken && f.at > e.newest {
		e.newest, e.span = f.at, f.duration
	}
	first := e.lose(lost)
	if e.owing.IsZero() && e.owes() {
		e.owing = time.Now()
	}
	e.mu.Unlock()
	e.counts.in.Inc()
	if first {
		e.log.Warn("ladder can't keep up: frames are left out", "bytes", backlogBytes, "dur", backlogTime)
	}
	e.signal()
}

// lose counts frames that rungs owe and that aren't kept any more: what is left
// is owed. It reports whether an episode begins. The engine's mutex is held.
func (e *engine) lose(lost int) (first bool) {
	if lost == 0 {
		return false
	}
	e.counts.lost.Add(float64(lost))
	left := e.newest
	if len(e.backlog.frames) > 0 {
		left = e.backlog.frames[0].at - 1
	}
	for _, o := range e.outlets {
		o.done = max(o.done, left)
	}
	if !e.owes() {
		e.owing = time.Time{}
	}
	first, e.cut = !e.cut, true
	return first
}

// tail returns what another engine needs to go on from here: copies of the newest
// GOP's frames, and the time of the latest.
func (e *engine) tail() ([]*frame, media.Ticks) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.backlog.tail(), e.newest
}

// skip makes every rung begin after a time on the feed's clock. No process runs.
func (e *engine) skip(done media.Ticks) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.owing = time.Time{}
	for _, o := range e.outlets {
		o.done = done
	}
}

// close says that no frames follow.
func (e *engine) close() {
	e.mu.Lock()
	if e.closed.IsZero() {
		e.closed = time.Now()
	}
	e.mu.Unlock()
	e.signal()
}

func (e *engine) signal() {
	select {
	case e.more <- struct{}{}:
	default: // it's known
	}
}

func (e *engine) enter(s state) {
	e.mu.Lock()
	before := e.state
	e.state = s
	e.mu.Unlock()
	if before != s {
		e.log.Debug("ladder", "state", string(s))
	}
}

// serve makes rungs until all frames have come out, or ctx ends.
func (e *engine) serve(ctx context.Context) {
	defer close(e.gone)
	if len(e.active()) < len(e.outlets) {
		e.mu.Lock()
		e.retry.lack(time.Now())
		e.mu.Unlock()
	}
	for ctx.Err() == nil {
		if len(e.active()) == 0 {
			if !e.rest(ctx) {
				break
			}
			continue
		}
		e.enter(starting)
		err := e.attempt(ctx)
		if e.finished(ctx, err) {
			break
		}
	}
	e.enter(ended)
	e.counts.report(ffmpeg.Progress{At: time.Now()})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	for _, o := range e.outlets {
		if err := o.end(ctx); err != nil {
			e.log.Debug("end of a rung", "rung", o.Name, "err", err)
		}
	}
}

// finished decides what comes after a process, and waits for that. It reports
// whether nothing does.
func (e *engine) finished(ctx context.Context, err error) bool {
	var closed errClosed
	switch {
	case ctx.Err() != nil || err == nil:
		return true
	case errors.As(err, &closed):
		e.log.Debug("ladder's stream is closed", "err", err)
		return true
	case errors.Is(err, errLate):
		e.log.Warn("ladder ended early", "err", err)
		return true
	case errors.Is(err, errOverload), errors.Is(err, errRoom), errors.Is(err, errWorn):
		e.log.Debug("ladder", "err", err)
		return false // the next process has other rungs, or is just another
	}
	now := time.Now()
	pause := e.backoff.fail(now)
	e.counts.restart(err)
	e.log.Warn("ladder's process failed", "err", err, "dur", pause)
	return !e.pause(ctx, now.Add(pause))
}

// pause waits until then, and takes rungs out of the manifests that have been
// away for long. It reports whether there is still something to do.
func (e *engine) pause(ctx context.Context, until time.Time) bool {
	e.enter(backing)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		now := time.Now()
		if e.away(now) {
			e.leave(ctx)
		}
		if e.late(now) {
			return false
		}
		if !now.Before(until) {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// rest waits until a rung is to be tried again. It's false where the end came first.
func (e *engine) rest(ctx context.Context) bool {
	e.enter(resting)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		now := time.Now()
		e.mu.Lock()
		over := !e.closed.IsZero()
		e.backlog.release(e.newest)
		e.mu.Unlock()
		if over {
			return false
		}
		if e.takeBack(now) {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// active returns the outlets that are to be made.
func (e *engine) active() []*outlet {
	e.mu.Lock()
	defer e.mu.Unlock()
	active := make([]*outlet, 0, len(e.outlets))
	for _, o := range e.outlets {
		if !o.outside {
			active = append(active, o)
		}
	}
	return active
}

// owed is the least that the active outlets have done. The engine's mutex is held.
func (e *engine) owed() media.Ticks {
	done, any := e.newest, false
	for _, o := range e.outlets {
		if !o.outside && (!any || o.done < done) {
			done, any = o.done, true
		}
	}
	return done
}

// behind is the media that an outlet owes. The engine's mutex is held.
func (e *engine) behind(o *outlet) time.Duration {
	return max(e.newest-o.done, 0).Duration(media.VideoClock)
}

// bound is how much of it is too much. The engine's mutex is held.
func (e *engine) bound() time.Duration {
	return overloadParts*e.part + (reorderFrames * e.span).Duration(media.VideoClock)
}

// owes reports whether more is owed than decoders may hold back. The engine's
// mutex is held.
func (e *engine) owes() bool { return (e.newest - e.owed()).Duration(media.VideoClock) > e.bound() }

// late reports whether the time is over that there is after the last frame.
func (e *engine) late(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.closed.IsZero() && now.Sub(e.closed) > e.drain
}

// away reports whether rungs should come and have not for long.
func (e *engine) away(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.owing.IsZero() && now.Sub(e.owing) > leaveAfter
}

// leave takes every rung out of the manifests, until its next frame. No process
// is running.
func (e *engine) leave(ctx context.Context) {
	var names []string
	for _, o := range e.outlets {
		if !o.joined {
			continue
		}
		names = append(names, o.Name)
		if err := o.leave(ctx); err != nil {
			e.log.Debug("rung leaves", "rung", o.Name, "err", err)
		}
	}
	if names != nil {
		e.log.Warn("rungs are away", "rung", strings.Join(names, " "))
	}
}
