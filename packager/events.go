package packager

import (
	"context"
	"slices"
	"strings"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// event is timed metadata that some rendition still has to carry.
type event struct {
	media.Event
	id uint32
	at media.Ticks // on the epoch's clock, in ticks of video
	// carried says that it came before the session that is, whose clock may be another.
	carried bool
	// date is when it is on the server's clock, if it was meant for an epoch before: that
	// one's clock is over. It's zero for others.
	date time.Time
}

// WriteEvent implements media.Sink. An event becomes an emsg box in front of the part
// in whose time it lies, in every rendition of the leading kind: players read it
// from the one that they play. What comes after its part went out is told with the
// next one.
func (s *Stream) WriteEvent(ctx context.Context, e media.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.session == nil:
		return errNoSession
	case s.session.err != nil:
		return s.session.err
	case e.Scheme == media.SchemeSCTE35:
		return s.writeSplice(ctx, e)
	case e.Scheme == "", strings.ContainsRune(e.Scheme, 0), strings.ContainsRune(e.Value, 0),
		e.At > maxTime, e.At < -maxTime, len(e.Data) > maxEventSize:
		s.dropEvent(dropMalformed, 1)
		return nil
	}
	v := event{Event: e, id: s.nextEventID()}
	if s.epoch == nil {
		s.keepEvent(v)
		return nil
	}
	v.at = s.epoch.onEventClock(v.At)
	s.dropEvent(s.epoch.tell(v))
	return nil
}

// nextEventID returns a number that no event of the stream has had: players take an
// event that they know for the same one. It goes on after a restart of the process
// too, since it starts at the time, and events are rarer than its ticks.
func (s *Stream) nextEventID() uint32 {
	const tick = 10 * time.Millisecond
	if s.eventID == 0 {
		s.eventID = uint32(time.Now().UnixNano() / int64(tick))
	}
	s.eventID++
	return s.eventID
}

// keepEvent keeps an event for the session's next epoch.
func (s *Stream) keepEvent(v event) {
	kept := append(s.session.events, v)
	for tooMany(kept) {
		kept = slices.Delete(kept, 0, 1)
		s.dropEvent(dropFull, 1)
	}
	s.session.events = kept
}

// dropEvent counts events that no viewer is told of.
func (s *Stream) dropEvent(reason string, n int) {
	if n > 0 {
		s.packager.metrics.events.WithLabelValues(reason).Add(float64(n))
	}
}

// tellKept gives the open epoch the events that waited for it: those that came before
// its first picture, which are told with it, and, as soon as it has its date, those that the
// epoch before didn't come to.
func (s *Stream) tellKept() {
	kept := s.session.events
	s.session.events = nil
	e := s.epoch
	first := media.TicksOf(timeline.Origin, media.VideoClock)
	for _, v := range kept {
		switch {
		case v.date.IsZero():
			v.at = e.onEventClock(v.At)
		case e.clock.settled:
			v.at = first + media.TicksOf(v.date.Sub(e.clock.at(0)), media.VideoClock)
		default:
			s.session.events = append(s.session.events, v)
			continue
		}
		if v.at < first-media.TicksOf(maxEventLate, media.VideoClock) ||
			v.carried && v.date.IsZero() && v.at > first+media.TicksOf(maxForward, media.VideoClock) {
			s.dropEvent(dropLate, 1)
			continue
		}
		s.dropEvent(e.tell(v))
	}
}

// keepUnreached takes the events back that the leading rendition of an epoch that
// has ended hasn't come to. The next one is given them by their dates, as splices are.
func (s *Stream) keepUnreached(e *epoch) {
	leader := e.lanes[0]
	unreached := leader.events
	leader.events = nil
	for _, l := range e.all() {
		l.events = slices.DeleteFunc(l.events, func(v event) bool {
			return slices.ContainsFunc(unreached, func(u event) bool { return u.id == v.id })
		})
	}
	if s.session == nil {
		s.dropEvent(dropUnreached, len(unreached))
		return
	}
	for _, v := range unreached {
		v.date = e.exactDate(v.at.Duration(media.VideoClock))
		s.keepEvent(v)
	}
}

// onEventClock moves a time of the session onto the epoch's clock, in ticks of video.
func (e *epoch) onEventClock(at media.Ticks) media.Ticks {
	leader := e.lanes[0]
	return at + (leader.shift+leader.offsetShift).Rescale(leader.Timescale, media.VideoClock)
}

// tell gives an event, whose time is on the epoch's clock, to all renditions that carry
// them. It returns how many events were dropped, and why.
func (e *epoch) tell(v event) (reason string, n int) {
	leader := e.lanes[0]
	v.at = max(v.at, media.TicksOf(timeline.Origin, media.VideoClock))
	if leader.covered.Rescale(leader.Timescale, media.VideoClock)-v.at > media.TicksOf(maxEventLate, media.VideoClock) {
		return dropLate, 1
	}
	if tooMany(append(leader.events, v)) {
		return dropFull, 1
	}
	for _, l := range e.all() {
		if l.Kind == leader.Kind {
			l.addEvent(v)
		}
	}
	e.told = append(slices.DeleteFunc(e.told, func(old event) bool { return old.at < e.oldestBound() }), v)
	for tooMany(e.told) {
		e.told = slices.Delete(e.told, 0, 1)
	}
	return "", 0
}

// oldestBound is where the oldest segment starts that a rung may still join.
func (e *epoch) oldestBound() media.Ticks {
	return e.bounds[0].at.Rescale(e.lanes[0].Timescale, media.VideoClock)
}

// tellJoined gives a rung that joins at a bound the events since.
func (e *epoch) tellJoined(l *lane, b bound) {
	if l.Kind != e.lanes[0].Kind {
		return
	}
	from := b.at.Rescale(e.lanes[0].Timescale, media.VideoClock)
	for _, v := range e.told {
		if v.at >= from {
			l.addEvent(v)
		}
	}
}

// addEvent puts an event among those that the lane will come to, in their order.
func (l *lane) addEvent(v event) {
	at, _ := slices.BinarySearchFunc(l.events, v, func(a, b event) int {
		if a.at <= b.at {
			return -1 // behind those of the same time
		}
		return 1
	})
	l.events = slices.Insert(l.events, at, v)
	for tooMany(l.events) { // of a rung that gets nothing
		l.events = slices.Delete(l.events, 0, 1)
	}
}

// takeEvents takes the events of a part: those before its end that haven't been told,
// unless they are too old for it.
func (l *lane) takeEvents(start, end media.Ticks) []cmaf.EventMessage {
	n := 0
	var taken []cmaf.EventMessage
	for ; n < len(l.events); n++ {
		v := &l.events[n]
		at := v.at.Rescale(media.VideoClock, l.Timescale)
		if at >= end {
			break
		}
		if start-at > media.TicksOf(maxEventLate, l.Timescale) {
			continue // a rung that was away
		}
		taken = append(taken, cmaf.EventMessage{
			Timescale: l.Timescale, Time: at, Duration: media.TicksOf(v.Duration, l.Timescale),
			ID: v.id, Scheme: v.Scheme, Value: v.Value, Data: v.Data,
		})
	}
	l.events = slices.Delete(l.events, 0, n)
	return taken
}

// tooMany says that more events wait than may.
func tooMany(events []event) bool {
	bytes := 0
	for _, v := range events {
		bytes += len(v.Data)
	}
	return len(events) > maxEvents || bytes > maxEventBytes
}
