package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"sluice/media"
	"sluice/transcode/ffmpeg"
)

// feedTrack is the only track of what is fed and of what comes out.
const feedTrack media.TrackID = 1

// errClosed wraps an error of the packager, after which nothing works any more.
type errClosed struct{ error }

func (e errClosed) Unwrap() error { return e.error }

// attempt runs one process until all frames have come out, which returns nil, or
// until something is wrong with it.
func (e *engine) attempt(outer context.Context) error {
	outlets := e.active()
	job, from, err := e.job(outlets)
	if err != nil {
		return err
	}
	p, err := e.machine.Start(outer, job)
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	ctx, cancel := context.WithCancelCause(outer)
	var feeding, reading sync.WaitGroup
	feeding.Go(func() {
		if err := safely(func() error { return e.feed(ctx, p, from) }); err != nil {
			cancel(err)
		}
	})
	for i, o := range outlets {
		reading.Go(func() {
			if err := safely(func() error { return e.read(ctx, o, p.Packets(i)) }); err != nil {
				cancel(err)
			}
			if o.leads {
				e.leadEnded()
			}
		})
	}
	read := make(chan struct{})
	go func() { reading.Wait(); close(read) }()
	err = e.watch(ctx, p, outlets, read)
	cancel(err)
	p.Close() // lets go of who waits for the process
	<-read
	feeding.Wait()
	if errors.Is(err, errOverload) {
		e.shed(outer)
	}
	return err
}

// safely makes an error of a panic: a bug of ours costs rungs.
func safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// watch waits for a process's end, and brings it about where it must.
func (e *engine) watch(ctx context.Context, p process, outlets []*outlet, read <-chan struct{}) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	w := newWatch(time.Now(), e.skipped())
	for {
		select {
		case <-read:
			return e.verdict(ctx, bury(p))
		case <-ctx.Done():
			p.Stop(0)
			return firstOf(context.Cause(ctx), p.Wait())
		case <-look.C:
		}
		now := time.Now()
		if !e.first() {
			w.start = now // the rungs aren't this engine's yet
		}
		e.counts.report(p.Progress())
		err := e.judge(w, now, outlets)
		if err == nil && e.takeBack(now) {
			err = errRoom
		}
		if err != nil {
			p.Stop(0)
			return err
		}
	}
}

// verdict is what there is to say of a process whose outputs have ended, given
// what it says itself.
func (e *engine) verdict(ctx context.Context, err error) error {
	e.mu.Lock()
	over, worn := !e.closed.IsZero(), e.worn
	e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return firstOf(context.Cause(ctx), err)
	case err == nil && worn > 0:
		e.skip(worn - 1)
		return errWorn
	case err == nil && !over:
		return errEarly
	}
	return err
}

// firstOf prefers what a process said of its end to an error that followed from it.
func firstOf(cause, exit error) error {
	var said *ffmpeg.ExitError
	if errors.As(exit, &said) {
		return exit
	}
	return cause
}

// job returns what a process is to do, and the number of the frame that it starts with.
func (e *engine) job(outlets []*outlet) (ffmpeg.Job, int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leading, e.worn = true, 0
	e.freshen(outlets)
	start, lost := e.backlog.restart(e.owed())
	e.lose(lost)
	v := &ffmpeg.VideoJob{Grid: e.grid, FrameRate: e.frameRate}
	for _, o := range outlets {
		encoder, ok := e.machine.For(o.Codec, e.family)
		if !ok {
			return ffmpeg.Job{}, 0, fmt.Errorf("rung %s: nothing encodes %s", o.Name, o.Codec)
		}
		v.Outputs = append(v.Outputs, ffmpeg.Output{Output: o.Output, Encoder: encoder, From: o.done + 1})
	}
	if f, _ := e.backlog.get(start); f != nil {
		v.First = f.at
	}
	return ffmpeg.Job{Video: v}, start, nil
}

// freshen makes the rungs that no manifest names begin with a keyframe that came
// lately: what is older would only make them late. Where the source is hidden, the
// leading rung's frames are all that there is. The engine's mutex is held.
func (e *engine) freshen(outlets []*outlet) {
	key := e.backlog.syncSince(time.Now().Add(-fresh))
	if e.plan.Hidden || key == nil {
		return
	}
	for _, o := range outlets {
		if !o.joined {
			o.done = max(o.done, key.at-1)
		}
	}
}

// skipped is the media that has to be decoded before something can come out.
func (e *engine) skipped() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	done := e.owed()
	f, _ := e.backlog.get(e.backlog.start(done))
	if f == nil {
		return 0
	}
	return max(done-f.at, 0).Duration(media.VideoClock)
}

// feed writes frames from number n on, until there are no more, or the process has
// had enough of them and another can go on with a keyframe.
func (e *engine) feed(ctx context.Context, p process, n int) error {
	defer p.CloseInput()
	var out fragments
	for fed := 0; ; n++ {
		f, at, err := e.await(ctx, n)
		if err != nil || f == nil {
			return err
		}
		if fed >= e.most && f.sync {
			e.wear(f.at)
			return nil
		}
		n = at
		if fed++; fed == 1 {
			if err := out.begin(*f.run.video); err != nil {
				return err
			}
		}
		sample := media.Sample{DTS: f.dts, CTSOffset: f.at - f.dts, Duration: f.duration, Sync: f.sync, Data: f.data}
		if _, err := p.Write(out.next(n, sample)); err != nil {
			return nil //nolint:nilerr // the process has ended, and says why itself
		}
	}
}

// wear notes that the process gets nothing from a time on, though there is more.
func (e *engine) wear(at media.Ticks) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.worn = at
}

// await returns frame n or the first one after it that is left, and its number;
// nil where there are no more.
func (e *engine) await(ctx context.Context, n int) (*frame, int, error) {
	for {
		e.mu.Lock()
		f, at := e.backlog.get(n)
		over := !e.closed.IsZero()
		e.mu.Unlock()
		if f != nil || over {
			return f, at, nil
		}
		select {
		case <-e.more:
		case <-ctx.Done():
			return nil, at, nil
		}
	}
}

// read takes what comes out of a process for one outlet.
func (e *engine) read(ctx context.Context, o *outlet, in packets) error {
	h, err := in.Header()
	if err != nil {
		return endOf(o.Name, err)
	}
	select {
	case <-e.after: // the engine before this one may still write to the rung
	case <-ctx.Done():
	}
	for {
		p, err := in.Next()
		if err != nil {
			return endOf(o.Name, err)
		}
		a, err := o.unpack(p, h.TimeBase)
		if err != nil {
			return fmt.Errorf("rung %s: %w", o.Name, err)
		}
		if ctx.Err() != nil {
			continue // drained, so that the process can end
		}
		if err := e.take(ctx, o, a); err != nil {
			return errClosed{fmt.Errorf("rung %s: %w", o.Name, err)}
		}
	}
}

// endOf tells the end of an output from one that is broken.
func endOf(name string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrClosed) {
		return nil // the process says why
	}
	return fmt.Errorf("rung %s: %w", name, err)
}

// take finds the frame that a picture was made from, and hands the picture on.
func (e *engine) take(ctx context.Context, o *outlet, a access) error {
	e.mu.Lock()
	f := e.backlog.at[a.at]
	again := a.at <= o.done
	captions := e.captionsUpTo(o, f)
	e.mu.Unlock()
	switch {
	case again: // with a grid, what is decoded first comes out too
		return nil
	case f == nil:
		o.counts.unknown.Inc()
		return nil
	case o.codec == nil:
		return nil // not before its first parameter sets
	}
	a.data = withCaptions(o.Codec, a.data, captions)
	if o.leads {
		return e.takeLead(ctx, o, a, f)
	}
	place, placed, ok := e.placeOf(ctx, f)
	if !ok {
		return nil
	}
	if placed {
		if err := o.write(whole(ctx), e.base, a, f, place); err != nil {
			return err
		}
	}
	e.deliver(o, f, placed)
	return nil
}

// whole is the context of calls of the packager, which don't wait: what a process
// put out before its end is no error.
func whole(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// takeLead hands on a picture of the rung that takes the source's place.
func (e *engine) takeLead(ctx context.Context, o *outlet, a access, f *frame) error {
	place, placed, err := e.lead(whole(ctx), f, o.track(), o.sample(a, f, 0))
	if err != nil {
		return err
	}
	e.mu.Lock()
	// Frames that this rung leaves out go where it goes.
	for _, g := range e.backlog.frames {
		if g.run == f.run && g.at > o.done && g.at <= f.at {
			g.place, g.placed = place, placed
		}
	}
	e.mu.Unlock()
	e.deliver(o, f, placed)
	return nil
}

// placeOf returns where a frame went. Where the source is hidden it waits until
// the leading rung has put it there. ok is false where that isn't going to be.
func (e *engine) placeOf(ctx context.Context, f *frame) (place media.Place, placed, ok bool) {
	for {
		e.mu.Lock()
		place, placed = f.place, f.placed
		known := placed || !e.plan.Hidden || e.outlets[0].done >= f.at
		leading, progress := e.leading, e.progress
		e.mu.Unlock()
		if known || !leading {
			return place, placed, known
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return place, false, false
		}
	}
}

// deliver notes that a frame has come out of an outlet.
func (e *engine) deliver(o *outlet, f *frame, placed bool) {
	now := time.Now()
	lag := now.Sub(f.arrived)
	e.mu.Lock()
	o.done = max(o.done, f.at) // it may have been moved on, over frames that are lost
	e.owing = time.Time{}
	if e.owes() {
		e.owing = now
	}
	if e.state == starting {
		e.state = running
	}
	e.backlog.release(e.owed())
	if e.cut && !e.owes() {
		e.cut = false
	}
	if o.leads {
		e.advance()
	}
	e.mu.Unlock()
	if placed {
		o.counts.out.Inc()
		o.counts.lag.Observe(max(lag, 0).Seconds())
	}
}

// leadEnded lets go of those who wait for the leading rung.
func (e *engine) leadEnded() {
	e.mu.Lock()
	e.leading = false
	e.advance()
	e.mu.Unlock()
}

// advance wakes who waits for the leading rung. The engine's mutex is held.
func (e *engine) advance() {
	close(e.progress)
	e.progress = make(chan struct{})
}
