package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sluice/ingest/chunk"
	"sluice/ingest/message"
	"sluice/ingest/playback"
	"sluice/packager/timeline"
)

// player is a session while it plays. Its goroutine alone writes to the connection,
// until it is done: the session's own reads, and posts what it has to say.
//
//	waiting ──a keyframe──▶ playing ──stream ended, or an error──▶ over
type player struct {
	session *session
	id      uint32 // the message stream
	reset   bool   // the player asked for a new list
	feed    *timeline.Feed
	until   time.Time // when it may play no more; zero: never
	source  *playback.Player
	log     *slog.Logger
	began   time.Time
	before  int64 // bytes that the connection had been sent

	wish    Watch
	asking  bool       // whether that is still granted
	answers chan error // has room for one

	orders  chan order
	stop    context.CancelFunc
	done    chan struct{}
	started bool  // something was sent
	skips   int   // of those that source counts, the ones that metrics know of
	err     error // why it ended; to be read after done
}

// order is what the session's goroutine wants of the player's.
type order struct {
	say     []chunk.Message
	pause   bool
	unpause bool
	resync  bool
}

const (
	// maxOrders bounds the answers that wait while a write is under way.
	maxOrders = 32
	// endWrite is what a write may still take when the session ends.
	endWrite = 500 * time.Millisecond
)

// start starts the goroutine that plays.
func (p *player) start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		p.err = p.session.guarded(func() error { return p.run(ctx) })
		if ctx.Err() == nil {
			p.session.cancel(p.err) // the session ends with it
		}
	}()
}

// end stops it, and waits for it.
func (p *player) end() {
	p.stop()
	select {
	case <-p.done:
	case <-time.After(endWrite):
		p.session.socket.interruptWrites()
		<-p.done
	}
}

// post hands on an order. A peer that asks faster than it reads is ended.
func (p *player) post(o order) error {
	select {
	case p.orders <- o:
		return nil
	case <-p.done:
		return nil // it's over, which the session will know at once
	default:
		return fmt.Errorf("%w: more than %d answers that aren't read", errLimit, maxOrders)
	}
}

// run sends what the feed brings until there is an end, which it returns.
func (p *player) run(ctx context.Context) error {
	limits := p.session.limits
	ping := time.NewTicker(limits.Idle / pingShare)
	defer ping.Stop()
	late := time.NewTimer(limits.PlayStart)
	defer late.Stop()
	again := time.NewTicker(limits.PlayPermit)
	defer again.Stop()
	var lapses <-chan time.Time
	if !p.until.IsZero() {
		lapse := time.NewTimer(time.Until(p.until))
		defer lapse.Stop()
		lapses = lapse.C
	}
	for {
		video, audio := p.source.Awaits()
		first, second := p.feed.Changed(video), p.feed.Changed(audio)
		outcome, err := p.next()
		if err != nil {
			return err
		}
		switch outcome {
		case playback.Over:
			return p.finish()
		case playback.Missing:
			return ErrUnknownStream
		case playback.Foreign:
			return errForeign
		}
		if v, a := p.source.Awaits(); outcome == playback.More || v != video || a != audio {
			if err := p.obeyWaiting(ctx, again.C); err != nil {
				return err
			}
			if !p.until.IsZero() && !time.Now().Before(p.until) {
				return errLapsed // there may always be more for one that reads slowly
			}
			continue
		}
		select {
		case <-first:
		case <-second:
		case o := <-p.orders:
			err = p.obey(o)
		case <-ping.C:
			err = p.send(message.UserControl{Event: message.EventPingRequest, Value: uint32(time.Since(p.began).Milliseconds())}.Marshal())
		case <-again.C:
			p.askAgain(ctx)
		case err = <-p.answers:
			p.asking = false
		case <-late.C:
			if !p.started {
				err = errNotLive
			}
		case <-lapses:
			return errLapsed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// next sends what there is now.
func (p *player) next() (playback.Outcome, error) {
	ms, outcome, err := p.source.Next(p.feed.Current())
	if err != nil {
		return outcome, fmt.Errorf("%w: %w", errSink, err)
	}
	if n := p.source.Skips(); n > p.skips {
		p.session.server.counts.skips.Add(float64(n - p.skips))
		p.skips = n
	}
	if len(ms) == 0 {
		return outcome, nil
	}
	if !p.started {
		p.started = true
		if err := p.greet(); err != nil {
			return outcome, err
		}
	}
	return outcome, p.send(ms...)
}

// obeyWaiting does what came up meanwhile: one that is behind may never be idle.
func (p *player) obeyWaiting(ctx context.Context, again <-chan time.Time) error {
	for {
		var err error
		select {
		case o := <-p.orders:
			err = p.obey(o)
		case <-again:
			p.askAgain(ctx)
		case err = <-p.answers:
			p.asking = false
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *player) obey(o order) error {
	switch {
	case o.pause:
		p.source.Pause(true)
	case o.unpause:
		p.source.Pause(false)
	case o.resync:
		p.source.Resync()
	}
	if len(o.say) == 0 {
		return nil
	}
	return p.send(o.say...)
}

// greet says that playing starts, section 7.2.2.1.
func (p *player) greet() error {
	ms := []chunk.Message{message.UserControl{Event: message.EventStreamBegin, Value: p.id}.Marshal()}
	if p.reset {
		ms = append(ms, onStatus(p.id, status{levelStatus, "NetStream.Play.Reset", "Playing and resetting."}).Marshal())
	}
	return p.send(append(ms, onStatus(p.id, status{levelStatus, "NetStream.Play.Start", "Playing."}).Marshal())...)
}

// finish says that the broadcast is over.
func (p *player) finish() error {
	err := p.send(
		message.UserControl{Event: message.EventStreamEOF, Value: p.id}.Marshal(),
		onStatus(p.id, status{levelStatus, "NetStream.Play.UnpublishNotify", "The broadcast is over."}).Marshal(),
	)
	if err != nil {
		return err
	}
	return told{errEnded}
}

// send writes messages. A peer that takes none of them for as long as a write may
// take is ended.
func (p *player) send(ms ...chunk.Message) error {
	switch err := p.session.writer.WriteMessage(ms...); {
	case err == nil:
		return nil
	case isTimeout(err):
		return fmt.Errorf("%w: %w", errSlow, err)
	default:
		return fmt.Errorf("%w: %w", errGone, err)
	}
}
