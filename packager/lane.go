package packager

import (
	"context"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// lane is one rendition in one epoch: it gathers samples into parts. Its times
// are on the epoch's media clock, in ticks of its track.
type lane struct {
	*input
	epoch *epoch

	shift       media.Ticks // from the session's decode times to the epoch's
	offsetShift media.Ticks // likewise for composition offsets
	limit       media.Ticks // the longest part

	msn      uint64      // of the segment that it is in
	start    media.Ticks // of that segment, once it has a part
	ahead    media.Ticks // that the segment's parts are listed ahead of their decode times (see leadVideo)
	parts    int         // published of it
	sequence uint32      // of the newest fragment
	newest   media.Ticks // decode time of the newest sample
	end      media.Ticks // its nominal end
	covered  media.Ticks // end of the newest part
	begun    bool        // it has had a sample
	hole     hole        // the newest
	longest  media.Ticks // of its parts
	wall     time.Time   // of the newest part's start

	pending  []media.Sample // not published yet, in decode order
	arrivals []time.Time    // theirs
	events   []event        // not published yet, in the order of their times
}

// hole is a time for which a lane got nothing, longer than maxHole.
type hole struct{ from, to media.Ticks }

// holeTo returns the hole that a sample at that decode time ends, or else the newest.
func (l *lane) holeTo(dts media.Ticks) hole {
	if l.begun && dts-l.end > media.TicksOf(maxHole, l.Timescale) {
		return hole{l.end, dts}
	}
	return l.hole
}

func (l *lane) setLimit(part time.Duration) {
	l.limit = max(media.Ticks(frameTime{1, uint64(l.Timescale)}.fit(part)), 1)
}

// push takes a sample, which it doesn't publish yet.
func (l *lane) push(s media.Sample, arrived time.Time) {
	if n := len(l.pending); n > 0 {
		// Inside a part the next sample's time counts, not the nominal duration.
		last := &l.pending[n-1]
		if real := s.DTS - last.DTS; real <= l.limit {
			last.Duration = max(real, 1)
		}
	}
	l.hole = l.holeTo(s.DTS)
	l.pending = append(l.pending, s)
	l.arrivals = append(l.arrivals, arrived)
	l.newest, l.end, l.begun = s.DTS, s.DTS+s.Duration, true
}

// full returns how many of the pending samples make a whole part, or zero. A
// part is whole when one more sample would make it too long.
func (l *lane) full() int {
	if len(l.pending) == 0 {
		return 0
	}
	start := l.pending[0].DTS
	for i := range l.pending {
		if i == maxPartSamples {
			return i
		}
		s := &l.pending[i]
		if i > 0 && s.DTS+min(s.Duration, l.frame)-start > l.limit {
			return i
		}
	}
	// A frame that isn't a whole number of ticks long may be one tick shorter
	// than the last one.
	last := &l.pending[len(l.pending)-1]
	if last.DTS+2*last.Duration-start > l.limit+1 {
		return len(l.pending)
	}
	return 0
}

// drain publishes the whole parts.
func (l *lane) drain(ctx context.Context) error {
	for n := l.full(); n > 0; n = l.full() {
		if err := l.publish(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// flush publishes the first n of the pending samples.
func (l *lane) flush(ctx context.Context, n int) error {
	for n > 0 {
		part := l.full()
		if part == 0 || part > n {
			part = n
		}
		if err := l.publish(ctx, part); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// publish makes a part of the first n pending samples.
func (l *lane) publish(ctx context.Context, n int) error {
	l.sequence++
	f := cmaf.Fragment{Sequence: l.sequence, TrackID: l.ID, Samples: l.pending[:n]}
	first, last := &l.pending[0], &l.pending[n-1]
	last.Duration = max(min(last.Duration, first.DTS+l.limit-last.DTS), 1)
	e := l.epoch
	if !e.clock.settled && e.cutter.promise > 0 && e.stop == 0 {
		if err := e.date(ctx); err != nil {
			return err
		}
	}
	start, end := first.DTS+l.ahead, last.DTS+last.Duration+l.ahead
	events := l.takeEvents(start, end)
	part := timeline.Part{
		Start:       start,
		Duration:    end - start,
		Samples:     n,
		Independent: first.Sync,
		Last:        e.likelyEnds(l, end),
		Time:        l.wallTime(start),
		Arrived:     l.arrivals[n-1],
		Data:        appendPart(events, &f),
	}
	if l.Kind == media.Video && first.Sync {
		part.Key = len(part.Data) - f.Size() + f.SizeToFirst()
	}
	err := e.record.append(ctx, timeline.PartWritten{
		Epoch: e.number, Rendition: l.rendition, MSN: l.msn, Index: l.parts, Part: part,
	})
	if err != nil {
		return err
	}
	if l.parts == 0 {
		l.start = part.Start
	}
	l.parts++
	l.covered = end
	l.longest = max(l.longest, part.Duration)
	l.metrics.latency.Observe(max(time.Since(part.Arrived), 0).Seconds())
	l.metrics.parts.Inc()
	if l == e.lanes[0] {
		l.metrics.told.Add(float64(len(events)))
	}
	l.metrics.bytes.Add(float64(len(part.Data)))
	rest := copy(l.pending, l.pending[n:])
	clear(l.pending[rest:]) // let go of the payloads
	l.pending = l.pending[:rest]
	l.arrivals = l.arrivals[:copy(l.arrivals, l.arrivals[n:])]
	return nil
}

// appendPart returns a part's bytes: its events, and then its samples.
func appendPart(events []cmaf.EventMessage, f *cmaf.Fragment) []byte {
	size := f.Size()
	for i := range events {
		size += events[i].Size()
	}
	b := make([]byte, 0, size)
	for i := range events {
		b = events[i].AppendTo(b)
	}
	return f.AppendTo(b)
}

// wallTime returns the time of a part's start. Parts are published behind the
// newest sample, by which the clock's correction goes: it must not take one
// back before the part that it follows.
func (l *lane) wallTime(start media.Ticks) time.Time {
	at := l.epoch.clock.at(l.epoch.mediaTime(l, start))
	if !at.After(l.wall) {
		at = l.wall.Add(1)
	}
	l.wall = at
	return at
}

// close ends the segment, of which the first n pending samples are the rest. It
// lasts until next, where the next one starts, but never over a long hole.
func (l *lane) close(ctx context.Context, n int, next media.Ticks) error {
	if err := l.flush(ctx, n); err != nil {
		return err
	}
	if next-l.covered > media.TicksOf(maxHole, l.Timescale) {
		next = l.covered
	}
	return l.closed(ctx, max(next-l.start, 1))
}

// closed records the segment's end, or, where it has no part, a gap.
func (l *lane) closed(ctx context.Context, duration media.Ticks) error {
	e := l.epoch
	var err error
	if l.parts == 0 {
		err = e.record.gap(ctx, e.number, l.rendition, timeline.SegmentClosed{
			Start: e.boundary(l, l.msn), Duration: media.TicksOf(e.settings.Segment, l.Timescale),
			Time: e.clock.at(e.mediaTime(l, e.boundary(l, l.msn))),
		})
	} else {
		err = e.record.append(ctx, timeline.SegmentClosed{
			Epoch: e.number, Rendition: l.rendition, MSN: l.msn, Duration: duration,
		})
	}
	if err != nil {
		return err
	}
	l.metrics.segments.Inc()
	l.msn++
	l.parts = 0
	return nil
}
