package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
	"sluice/ingest/playback"
	"sluice/packager/timeline"
)

// playCommand acts on a command of players; it is false for others.
func (s *session) playCommand(ctx context.Context, c message.Command) (known bool, err error) {
	switch c.Name {
	case "play", "play2":
		return true, s.play(ctx, c)
	case "FCSubscribe":
		if s.server.viewers == nil {
			return true, s.end(c.StreamID, errPlay)
		}
		return true, s.write(message.Command{Name: "onFCSubscribe", Args: []any{nil, statusObject(
			status{levelStatus, "NetStream.Play.Start", "Subscribed."})}})
	case "getStreamLength":
		return true, s.answer(c, nil, 0.0) // live
	}
	if s.player == nil {
		return false, nil
	}
	switch c.Name {
	case "pause", "pauseRaw":
		return true, s.pause(c)
	case "seek":
		// There is no past to go to. What comes next is the newest that there is.
		return true, s.player.post(order{resync: true, say: marshal(
			onStatus(c.StreamID, status{levelStatus, "NetStream.Seek.Notify", "Live: going on at the newest keyframe."}))})
	case "closeStream":
		return true, s.stopPlaying(c, c.StreamID == s.player.id)
	case "deleteStream":
		id, _ := c.Arg(0).(float64)
		return true, s.stopPlaying(c, uint32(id) == s.player.id)
	}
	return false, nil
}

// pause is NetStream.pause, section 7.2.2.9.
func (s *session) pause(c message.Command) error {
	if paused, _ := c.Arg(0).(bool); paused {
		return s.player.post(order{pause: true, say: marshal(
			onStatus(c.StreamID, status{levelStatus, "NetStream.Pause.Notify", "Paused."}))})
	}
	return s.player.post(order{unpause: true, say: marshal(
		onStatus(c.StreamID, status{levelStatus, "NetStream.Unpause.Notify", "Going on at the newest keyframe."}))})
}

// play is NetStream.play, section 7.2.2.1. Where to start, and for how long, mean
// nothing: a stream is live.
func (s *session) play(ctx context.Context, c message.Command) error {
	switch {
	case s.server.viewers == nil:
		return s.end(c.StreamID, errPlay)
	case !s.connected:
		return s.endPlay(c.StreamID, errOrder)
	case s.pub != nil:
		return s.write(onStatus(c.StreamID, status{levelError, "NetStream.Play.Failed", "This connection is publishing."}))
	case s.player != nil:
		s.leave(nil)
	}
	t := resolve(s.app, s.tcURL, c.StringArg(0))
	stream, rendition, _ := strings.Cut(string(t.key), "/")
	wish := Watch{
		Stream: stream, Rendition: rendition, Query: t.query, TCURL: s.tcURL, Player: s.encoder, Remote: s.remote,
		TLS: s.secure(),
	}
	seat, err := s.watch(ctx, t, wish)
	if err != nil {
		return s.endPlay(c.StreamID, err)
	}
	if err := s.place.Watch(); err != nil {
		return s.endPlay(c.StreamID, err)
	}
	s.watched = c.StreamID
	s.player = &player{
		session: s, id: c.StreamID, wish: wish, answers: make(chan error, 1), reset: asksForReset(c),
		feed: seat.Feed, until: seat.Until, began: time.Now(), before: s.socket.sent.Load(),
		source: playback.New(playback.Options{
			StreamID: c.StreamID, Rendition: timeline.RenditionID(rendition), Takes: s.enhanced.takes, MaxLag: s.limits.PlayLag,
		}),
		log: s.log.With("stream", stream), orders: make(chan order, maxOrders), done: make(chan struct{}),
	}
	if rendition != "" {
		s.player.log = s.player.log.With("rung", rendition)
	}
	s.server.counts.sessions.Dec()
	s.server.counts.players.Inc()
	s.socket.watch(s.server.counts.played)
	s.player.log.Info("playing over "+s.protocol(), "player", s.encoder)
	s.player.start(ctx)
	return nil
}

// endPlay tells a player why it can't play, which ends the session.
func (s *session) endPlay(stream uint32, err error) error {
	s.write(onStatus(stream, playEnd(err)))
	return told{err}
}

// asksForReset reads the fourth argument of play: a boolean, or a number of which the
// lowest bit counts. Without it, it is true.
func asksForReset(c message.Command) bool {
	switch v := c.Arg(3).(type) {
	case bool:
		return v
	case float64:
		return int64(v)&1 != 0
	}
	return true
}

// watch asks for a seat. What begins with a tilde is no rendition but a token, as in the
// URLs of HTTP; it belongs into the query, and not into the log.
func (s *session) watch(ctx context.Context, t target, w Watch) (Seat, error) {
	switch {
	case t.app != ServedApp:
		return Seat{}, ErrWrongApp
	case w.Rendition != printable(w.Rendition), strings.HasPrefix(w.Rendition, "~"):
		return Seat{}, ErrUnknownStream
	}
	asking, cancel := context.WithTimeout(ctx, s.limits.Publish)
	defer cancel()
	seat, err := s.server.viewers.Watch(asking, w)
	switch {
	case errors.Is(err, ErrUnknownStream), errors.Is(err, ErrForbidden):
		return Seat{}, fmt.Errorf("%w (%v)", err, t.key) // redacted: some type their key here
	case err != nil:
		return Seat{}, fmt.Errorf("%w: %w", errAdmission, err)
	}
	return seat, nil
}

// stopPlaying ends playing where the command means it.
func (s *session) stopPlaying(c message.Command, meant bool) error {
	if meant {
		s.leave(nil)
		s.socket.phase(s.limits.Publish)
	}
	return s.answer(c, nil, amf0.Undefined{})
}

// leave ends playing, and writes the line about it; cause is nil where the player
// wants it.
func (s *session) leave(cause error) {
	p := s.player
	p.end()
	s.player = nil
	for len(p.orders) > 0 { // answers that it had no time for
		if o := <-p.orders; p.err == nil || errors.Is(p.err, context.Canceled) {
			s.writer.WriteMessage(o.say...)
		}
	}
	s.socket.watch(nil)
	counts := s.server.counts
	counts.players.Dec()
	counts.sessions.Inc()
	s.place.Unwatch()
	r := "stopped"
	if cause != nil {
		r = reason(cause)
	}
	counts.watched.WithLabelValues(r).Inc()
	log := p.log.With("dur", time.Since(p.began).Round(time.Millisecond), "bytes", s.socket.sent.Load()-p.before, "skips", p.source.Skips())
	// Players just hang up: that needs no explanation.
	if cause != nil && !errors.Is(cause, errEnded) && !errors.Is(cause, errGone) {
		log = log.With("err", cause)
	}
	log.Log(context.Background(), levelOf(cause), "played")
}
