package packager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// errNoSession is a call out of order.
var errNoSession = errors.New("no session has begun")

// Stream packages one stream. Its Sink methods are called by one session at a
// time; the others by anyone at any time.
type Stream struct {
	packager *Packager
	name     string
	log      *slog.Logger
	settings atomic.Pointer[Settings] // of the next session
	health   atomic.Pointer[Health]

	// mu is held by the session for each call, by rungs, for as long as a part
	// takes to write, and by Serve for a timer, which runs while no session does.
	mu       sync.Mutex
	closed   bool
	record   *record  // nil until the first session
	session  *session // nil between sessions
	epoch    *epoch   // nil until a session's first picture
	trails   []*epoch // ended, with rungs that have something to come; oldest first
	expects  media.Expectation
	placed   media.Place // of the leading track's newest sample
	isPlaced bool
	last     remembered // of the last broadcast
	over     bool       // nobody is waited for
	due      time.Time  // when expire has something to do
	eventID  uint32     // the newest
	spliceID uint32     // of the newest splice that was made here
	long     bool       // the log says that segments are longer than promised
}

var _ media.Base = (*Stream)(nil)

// session is what lasts from Begin to Begin or End.
type session struct {
	settings Settings
	expected media.Expectation
	inputs   []*input       // video first
	events   []event        // that no epoch has come to, or that wait for its date
	splices  []sectionEvent // that wait for the epoch's first part
	began    time.Time      // arrival of the first sample
	err      error          // of a call that failed: nothing works after it
}

// Begin implements media.Sink.
func (s *Stream) Begin(ctx context.Context, tracks []media.Track) error {
	inputs, err := newInputs(tracks, s.packager.metrics)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.record == nil {
		feed, err := s.packager.journal.Follow(ctx, s.name)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		s.record = &record{journal: s.packager.journal, stream: s.name, feed: feed}
	}
	settings := *s.settings.Load()
	if err := s.endEpoch(ctx, settings); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var events []event // that the epoch before didn't come to
	if s.session != nil {
		events = s.session.events
		s.dropEvent(dropUnreached, len(s.session.splices))
		for i := range events {
			events[i].carried = true
		}
	}
	s.session, s.over = &session{settings: settings, expected: s.expects, inputs: inputs, events: events}, false
	s.schedule()
	s.report(time.Time{})
	return nil
}

// WriteSample implements media.Sink. It waits for the journal's append only.
func (s *Stream) WriteSample(ctx context.Context, id media.TrackID, sample media.Sample, arrived time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.session == nil:
		return errNoSession
	case s.session.err != nil:
		return s.session.err
	}
	in := s.session.input(id)
	if in == nil {
		return fmt.Errorf("sample of track %d, which the session doesn't have", id)
	}
	if err := s.write(ctx, in, sample, arrived); err != nil {
		s.session.err = fmt.Errorf("package %s: %w", s.name, err)
	}
	return s.session.err
}

// End implements media.Sink.
func (s *Stream) End(ctx context.Context, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil
	}
	// The end must be recorded even where the session's context is over.
	err := s.endEpoch(context.WithoutCancel(ctx), s.session.settings)
	s.dropEvent(dropUnreached, len(s.session.events)+len(s.session.splices))
	s.session, s.over = nil, errors.Is(cause, media.ErrOver)
	s.schedule()
	s.report(time.Time{})
	if err != nil {
		return fmt.Errorf("end: %w", err)
	}
	return nil
}

func (s *session) input(id media.TrackID) *input {
	for _, in := range s.inputs {
		if in.ID == id {
			return in
		}
	}
	return nil
}

// forgetClock lets the other tracks follow one whose clock jumped.
func (s *session) forgetClock(jumped *input) {
	for _, in := range s.inputs {
		in.early = nil
		in.started = in.started && in == jumped
	}
}

// silent reports whether nothing has come of the input for long.
func (s *session) silent(in *input, now time.Time) bool {
	since := in.seen
	if since.IsZero() {
		since = s.began
	}
	return now.Sub(since) > maxSilence
}

// present returns the inputs that aren't silent.
func (s *session) present(now time.Time) []*input {
	present := make([]*input, 0, len(s.inputs))
	for _, in := range s.inputs {
		if !s.silent(in, now) {
			present = append(present, in)
		}
	}
	return present
}

func (s *Stream) write(ctx context.Context, in *input, sample media.Sample, arrived time.Time) error {
	if in.Kind == media.Video || s.epoch != nil && s.epoch.laneOf(in) == s.epoch.lanes[0] {
		s.isPlaced = false
	}
	verdict, repaired := in.take(&sample)
	if repaired {
		s.packager.metrics.repaired.Inc()
	}
	if verdict == unusable {
		s.drop(dropMalformed, 1)
		return nil
	}
	if s.session.began.IsZero() {
		s.session.began = arrived
	}
	in.seen = arrived
	if s.epoch != nil && s.mustEnd(in, sample, verdict, arrived) {
		if err := s.endEpoch(ctx, s.session.settings); err != nil {
			return err
		}
	}
	if verdict == jumped && s.epoch == nil {
		s.session.forgetClock(in)
	}
	if s.epoch == nil {
		return s.await(ctx, in, sample, arrived)
	}
	l := s.epoch.laneOf(in)
	switch {
	case l == nil:
		s.drop(dropAbsent, 1)
	case l == s.epoch.lanes[0]:
		s.place(l)
		if err := s.epoch.lead(ctx, l.onClock(sample), arrived); err != nil {
			return err
		}
		s.expelFailed(ctx, s.epoch)
		if err := s.releaseSplices(ctx); err != nil {
			return err
		}
		if s.epoch.clock.settled && len(s.session.events) > 0 {
			s.tellKept()
		}
		if len(s.trails) > 0 && l.msn > s.epoch.start {
			s.finishTrails(ctx) // a segment later nothing more is going to come
		}
		if s.newsworthy(l, sample) {
			s.report(arrived)
		}
	default:
		return s.follow(ctx, l, sample, arrived)
	}
	return nil
}

// newsworthy reports whether health is to be renewed: at a keyframe, and every
// second of a segment that is longer than promised.
func (s *Stream) newsworthy(l *lane, sample media.Sample) bool {
	if l.Kind != media.Video {
		return false
	}
	ts := media.Ticks(l.Timescale)
	return sample.Sync || s.epoch.isLong() && (!s.long || l.end/ts != (l.end-sample.Duration)/ts)
}

func (s *Stream) follow(ctx context.Context, l *lane, sample media.Sample, arrived time.Time) error {
	taken, err := s.epoch.follow(ctx, l, l.onClock(sample), arrived)
	switch {
	case taken || err != nil:
	case l.begun || l.msn > s.epoch.bounds[0].msn:
		s.drop(dropLate, 1)
	default:
		s.drop(dropBeforePicture, 1)
	}
	return err
}

// mustEnd reports whether a sample can't be of the open epoch.
func (s *Stream) mustEnd(in *input, sample media.Sample, v verdict, arrived time.Time) bool {
	e := s.epoch
	l := e.laneOf(in)
	switch {
	case l == nil: // a picture came back, or came at last
		return in.Kind == media.Video && sample.Sync
	case v == jumped:
		s.log.Info("the publisher's clock jumped", "epoch", e.number, "track", in.rendition)
		return true
	case !(l == e.lanes[0] && sample.Sync) && e.interrupted(l, l.onClock(sample)):
		s.log.Info("nothing came for a while: the stream goes on with the next keyframe", "epoch", e.number)
		return true
	case l != e.lanes[0]: // the leading track has stopped
		return s.session.silent(e.lanes[0].input, arrived)
	case l.Kind != media.Video:
		return false
	}
	at := l.onClock(sample).PTS()
	if !sample.Sync {
		tooLong := (at - e.cutter.start).Duration(l.Timescale) > maxSegmentLength
		if tooLong {
			s.log.Warn("no keyframe: the stream pauses until one comes", "epoch", e.number, "dur", maxSegmentLength)
		}
		return tooLong
	}
	// At a segment's start a track that fell silent is left out, and one that
	// came back is taken in.
	if len(e.lanes) == len(s.session.inputs) && len(e.lanes) == 1 || !e.cutter.cuts(at) {
		return false
	}
	present := s.session.present(arrived)
	if len(present) != len(e.lanes) {
		return true
	}
	for i, in := range present {
		if in != e.lanes[i].input {
			return true
		}
	}
	return false
}

// await takes a sample while no epoch is open, and opens one if it can.
func (s *Stream) await(ctx context.Context, in *input, sample media.Sample, arrived time.Time) error {
	present := s.session.present(arrived)
	if in != present[0] {
		s.drop(dropBeforePicture, in.keepEarly(sample, arrived))
		return nil
	}
	if in.Kind == media.Video && !sample.Sync {
		s.drop(dropBeforeKeyframe, 1)
		return nil
	}
	if err := s.finishNamesakes(ctx, present); err != nil {
		return err
	}
	e, err := startEpoch(ctx, s.record, s.session, present, arrival{sample, arrived}, s.last.gop)
	if err != nil {
		return err
	}
	s.leaveUnexpected(ctx, e)
	if err := e.firstTargets(ctx, s.last); err != nil {
		return err
	}
	s.epoch = e
	s.tellKept()
	s.place(e.lanes[0])
	s.log.Info("stream is live", "epoch", e.number)
	if err := e.lead(ctx, e.lanes[0].onClock(sample), arrived); err != nil {
		return err
	}
	for _, l := range e.lanes[1:] {
		for _, early := range l.early {
			if err := s.follow(ctx, l, early.Sample, later(early.arrived, arrived)); err != nil {
				return err
			}
		}
	}
	for _, in := range s.session.inputs {
		in.early = nil
	}
	s.schedule()
	s.report(arrived)
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Stream) drop(reason string, n int) {
	if n > 0 {
		s.packager.metrics.dropped.WithLabelValues(reason).Add(float64(n))
	}
}

// endEpoch ends the open epoch, be it this process's or one that a dead one left.
func (s *Stream) endEpoch(ctx context.Context, settings Settings) error {
	e, now := s.epoch, time.Now()
	s.lastSplices(ctx)
	s.epoch, s.isPlaced = nil, false
	if e == nil {
		return s.record.endEpoch(ctx, now, 0, settings.Segment)
	}
	s.finishTrails(ctx)
	err := e.end(ctx, now)
	if err != nil { // of what could be published: the epoch ends all the same
		err = errors.Join(err, s.record.endEpoch(ctx, now, e.shownUntil(), settings.Segment))
	}
	s.keepUnreached(e)
	s.trail(e)
	s.last = remembered{
		settings: e.settings, targets: s.record.now().Targets,
		gop: e.cutter.longest().Rescale(e.lanes[0].Timescale, media.VideoClock),
	}
	s.log.Info("epoch ended", "epoch", e.number, "dur", e.reached().Round(time.Millisecond))
	return err
}

// schedule sets the time at which the stream has to end or to be cleared.
func (s *Stream) schedule() {
	s.due = time.Time{}
	settings := *s.settings.Load()
	switch t := s.record.now(); {
	case t.State == timeline.Away && s.session == nil:
		grace := settings.Grace
		if s.over {
			grace = 0
		}
		if len(s.trails) > 0 {
			grace = max(grace, maxTrail)
		}
		s.due = t.Since.Add(grace)
	case t.State == timeline.Ended:
		s.due = t.Since.Add(t.Window)
	}
	s.packager.reschedule()
}

// expire does what is due, and returns when there will be more to do.
func (s *Stream) expire(ctx context.Context, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.due.IsZero() && !now.Before(s.due) {
		var err error
		switch t := s.record.now(); t.State {
		case timeline.Away:
			err = s.endStream(ctx, now)
		case timeline.Ended:
			err = s.record.append(ctx, timeline.Cleared{})
		}
		if err != nil {
			s.log.Error("stream could not be ended", "err", err)
			s.due = now.Add(expireRetry)
			break
		}
		s.schedule()
	}
	return s.due
}

func (s *Stream) endStream(ctx context.Context, now time.Time) error {
	s.finishTrails(ctx)
	if err := s.closeOrphans(ctx); err != nil {
		return err
	}
	s.log.Info("stream ended")
	return s.record.append(ctx, timeline.StreamEnded{At: now})
}

// shutdown ends the stream for good.
func (s *Stream) shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.record == nil {
		return nil
	}
	err := s.endEpoch(ctx, *s.settings.Load())
	s.session = nil
	if err == nil && s.record.now().State == timeline.Away {
		err = s.endStream(ctx, time.Now())
	}
	s.due = time.Time{}
	return err
}
