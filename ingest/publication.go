package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/ingest/clock"
	"sluice/ingest/flv"
	"sluice/ingest/vitals"
	"sluice/media"
)

// adoptAfter is how long new tracks wait for a picture that a decoder can start
// at: the longest distance between keyframes in the field.
const adoptAfter = 10 * time.Second

// publication is a session while it publishes: it makes samples of tags, and
// epochs of what the tags say about their tracks.
//
//	holding ──tracks known, or waited for long enough──▶ running
//
// While running, tracks that are new or have changed are pending until they can
// be adopted without a hole in the picture: at the next sync sample of video.
type publication struct {
	stream  string
	sink    media.Sink
	release func()
	done    func(cause error)
	log     *slog.Logger
	counts  *counters
	limits  *Limits
	start   time.Time

	clock *clock.Clock
	meter *vitals.Meter
	meta  flv.Metadata

	// What the publisher has sent of each track, by rising numbers.
	video    []*pictures
	audio    []*sounds
	confused bool // a configuration made no sense, and the log says so

	tracks []media.Track // of the present epoch

	budget       int       // epochs that may still begin, as of budgetAt
	budgetAt     time.Time // see Limits.Epochs
	pending      bool      // what the publisher said isn't what the epoch has
	pendingSince time.Time

	events    announcements
	held      []unit // until the first epoch begins
	heldBytes int
}

// unit is an access unit whose time isn't known yet.
type unit struct {
	id        media.TrackID
	timestamp uint32      // ms
	nanos     uint32      // beyond the millisecond
	cts       int32       // ms
	frame     media.Ticks // of sound, how long it lasts
	sync      bool
	told      bool // the picture may tell something itself
	hevc      bool // and is one of H.265
	data      []byte
	arrived   time.Time
}

// enter admits a publisher and makes the session its stream's owner.
func (s *session) enter(ctx context.Context, p Publish) error {
	switch {
	case p.App != ServedApp:
		return ErrWrongApp
	case p.Key == "" && len(p.Query) == 0 && len(p.Peer.Names) == 0:
		return ErrUnknownKey // a token in the query may name the stream
	}
	asking, cancel := context.WithTimeout(ctx, s.limits.Publish)
	defer cancel()
	g, err := s.server.admit.Admit(asking, p)
	switch {
	case refusedKey(err), errors.Is(err, ErrWrongApp), errors.Is(err, ErrBusy):
		return fmt.Errorf("%w (%v)", err, p.Key)
	case err != nil:
		return fmt.Errorf("%w: %w", errAdmission, err)
	}
	done := func(error) {}
	if g.Bind != nil {
		done = g.Bind(s.evict)
	}
	release, err := s.server.owners.claim(ctx, seat{g.Stream, g.Backup}, s)
	if err != nil {
		done(err)
		return fmt.Errorf("stream %s: %w", g.Stream, err)
	}
	if err := s.place.Pass(); err != nil {
		release()
		done(err)
		return err
	}
	now := time.Now()
	s.pub = &publication{
		stream: g.Stream, sink: g.Sink, release: release, done: done,
		log: s.log.With("stream", g.Stream), counts: s.server.counts, limits: s.limits,
		start: now, clock: clock.New(s.server.forward), meter: vitals.New(now),
	}
	s.once = true
	s.reader.SetLimits(s.limits.publisher())
	s.socket.phase(0)
	s.socket.expect()
	s.server.counts.publishing.Inc()
	args := []any{"encoder", s.encoder}
	if len(p.Peer.Names) > 0 {
		args = append(args, "client", p.Peer)
	}
	if g.Key != "" {
		args = append(args, "key", g.Key)
	}
	s.publishing.Store(&publishing{backup: g.Backup, encoder: s.encoder, over: s.protocol(), since: now, meter: s.pub.meter})
	as := ""
	if g.Backup {
		as = " as backup"
	}
	s.pub.log.Info("publishing"+as+" over "+s.protocol(), args...)
	return nil
}

// unpublish ends the publication, and writes the line about it; cause is nil
// where the publisher wants it.
func (s *session) unpublish(ctx context.Context, cause error) {
	p := s.pub
	s.pub = nil
	s.publishing.Store(nil)
	defer func() { p.done(cause) }()
	defer p.release()
	defer s.server.counts.publishing.Dec()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.SinkEnd)
	defer cancel()
	if cause == nil && len(p.held) > 0 {
		cause = p.begin(ctx) // what is held was all that there was
	}
	p.forsakeEvents()
	err := p.sink.End(ctx, cause)
	log := p.log.With("dur", time.Since(p.start).Round(time.Millisecond))
	if cause != nil {
		log = log.With("err", cause)
	}
	log.Log(ctx, levelOf(cause), "published")
	if err != nil {
		p.log.Error("end of a stream", "err", err)
	}
}

func (p *publication) drop(reason string) {
	p.counts.dropped.WithLabelValues(reason).Inc()
	p.meter.Dropped(reason)
}

// await notes that new tracks are wanted.
func (p *publication) await(wanted bool, now time.Time) {
	if wanted && !p.pending {
		p.pending, p.pendingSince = true, now
	}
}

// puzzled reports a configuration that makes no sense; another may follow.
func (p *publication) puzzled(kind string, err error) {
	p.drop(dropMalformed)
	if !p.confused {
		p.confused = true
		p.log.Warn("configuration of "+kind+" not understood", "err", err)
	}
}
