package packager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/timeline"
)

// errSplice is wrapped by what is wrong with a splice, beside the journal's failures.
var errSplice = errors.New("splice left out")

// sectionEvent is a section with its time on the clock of the session, in ticks of video.
type sectionEvent struct {
	at       media.Ticks
	id       string // its sender's; may be empty
	duration time.Duration
	section  *scte35.Section
	raw      []byte
}

// spliceAt is where a section belongs on the epoch's clock, and what its sender
// said beside it.
type spliceAt struct {
	media   time.Duration
	id      string
	planned time.Duration // where the section says nothing
}

// writeSplice takes a splice_info_section. It waits until manifests may tell of the
// epoch's dates, which is soon; the error is the journal's.
func (s *Stream) writeSplice(ctx context.Context, e media.Event) error {
	section, err := scte35.Parse(e.Data)
	switch {
	case err != nil, len(e.Data) > MaxSection, e.At > maxTime, e.At < -maxTime:
		s.dropEvent(dropMalformed, 1)
		return nil
	case len(s.session.splices) == maxHeldSplices:
		s.dropEvent(dropFull, 1)
		return nil
	}
	s.session.splices = append(s.session.splices, sectionEvent{e.At, e.Value, e.Duration, section, e.Data})
	return s.releaseSplices(ctx)
}

// releaseSplices marks the splices that waited, if they needn't any longer. Those that
// the journal didn't take wait on.
func (s *Stream) releaseSplices(ctx context.Context) error {
	if s.epoch == nil || !s.epoch.clock.settled {
		return nil
	}
	if s.epoch.zeroDate.IsZero() {
		s.epoch.inheritSplices()
	}
	if len(s.session.splices) == 0 {
		return nil
	}
	held := s.session.splices
	s.session.splices = nil
	for i, v := range held {
		at := spliceAt{s.epoch.onEventClock(v.at).Duration(media.VideoClock), v.id, v.duration}
		_, err := s.mark(ctx, v.section, v.raw, at)
		if errors.Is(err, errSplice) {
			s.log.Warn("splice left out", "epoch", s.epoch.number, "err", err)
			s.dropEvent(dropUnfit, 1)
		} else if err != nil {
			s.session.splices = append(held[i:], s.session.splices...)
			return err
		}
	}
	return nil
}

// lastSplices marks the splices that wait for the date of an epoch which is about to end:
// nobody corrects it any more. Those that the journal doesn't take even now are lost, since
// the next epoch has another clock.
func (s *Stream) lastSplices(ctx context.Context) {
	if s.epoch == nil || s.session == nil || len(s.session.splices) == 0 {
		return
	}
	err := s.epoch.date(ctx)
	if err == nil {
		err = s.releaseSplices(ctx)
	}
	if err != nil {
		s.log.Warn("splices left out", "epoch", s.epoch.number, "splices", len(s.session.splices), "err", err)
		s.dropEvent(dropUnreached, len(s.session.splices))
		s.session.splices = nil
	}
}

// inheritSplices wants segments to start at the splices of epochs before that are still to
// come, by their dates.
func (e *epoch) inheritSplices() {
	e.zeroDate = e.clock.at(0)
	for _, o := range e.record.now().Splices {
		if o.Epoch != e.number {
			e.recut(nil, o)
		}
	}
}

// recut has segments start where a splice wants it now, and not where it did before unless
// another is there. It was nil before it was known, and is nil once it is cancelled.
func (e *epoch) recut(before, now *timeline.Splice) {
	old := e.cutsOf(before)
	for _, at := range old {
		wanted := func(o *timeline.Splice) bool { return slices.Contains(e.cutsOf(o), at) }
		if !slices.ContainsFunc(e.record.now().Splices, wanted) {
			e.cutter.unsplice(at)
		}
	}
	for _, at := range e.cutsOf(now) {
		if !slices.Contains(old, at) { // else it may be served already
			e.cutter.splice(at)
		}
	}
}

// cutsOf returns where segments are to start for a splice: at it, and where a break ends
// that has an end, or else ends by itself. What lies in epochs before counts by its date,
// as soon as this one has its own.
func (e *epoch) cutsOf(o *timeline.Splice) (cuts []media.Ticks) {
	leader := e.lanes[0]
	if o == nil || o.Kind == timeline.SpliceCommand || leader.Kind != media.Video {
		return nil
	}
	add := func(epoch uint64, at time.Duration, date time.Time) {
		if epoch != e.number {
			if e.zeroDate.IsZero() {
				return
			}
			at = timeline.Origin + date.Sub(e.zeroDate)
		}
		cuts = append(cuts, media.TicksOf(at, leader.Timescale))
	}
	add(o.Epoch, o.Media, o.Time)
	switch {
	case o.End != nil:
		add(o.End.Epoch, o.End.Media, o.End.Time)
	case returns(o):
		add(o.Epoch, o.Media+o.Planned, o.Time.Add(o.Planned))
	}
	return cuts
}

// returns reports whether a break ends by itself.
func returns(o *timeline.Splice) bool {
	if o.Planned == 0 {
		return false
	}
	section, err := scte35.Parse(o.Section)
	return err == nil && slices.ContainsFunc(section.Points(), func(p scte35.Point) bool {
		return p.Role == scte35.RoleOut && p.Returns && p.EventID == o.EventID && p.Type == o.Type
	})
}

// mark records what a section says: all of it, or nothing where it is left out. It
// returns the IDs of the splices that it is about; none where all of it was known, or
// says nothing. The cutter hears of what the journal has taken.
func (s *Stream) mark(ctx context.Context, section *scte35.Section, raw []byte, at spliceAt) (ids []string, err error) {
	e := s.epoch
	date := e.dateAt(at.media)
	ahead := at.media - e.lanes[0].end.Duration(e.lanes[0].Timescale)
	switch t := s.record.now(); {
	case ahead > maxSpliceAhead:
		return nil, fmt.Errorf("%w: it is %v ahead", errSplice, ahead.Round(time.Millisecond))
	case at.media < timeline.Origin, -ahead > max(t.Window, maxSpliceLate):
		return nil, fmt.Errorf("%w: it is %v late", errSplice, -ahead.Round(time.Millisecond))
	}
	points, isNew := section.Points(), 0
	of := func(i int) (timeline.Entry, string) {
		id := at.id
		if i > 0 && id != "" {
			id = fmt.Sprintf("%s.%d", id, i)
		}
		return s.entryOf(points[i], id, at.media, date, raw)
	}
	for i := range points {
		if points[i].Duration == 0 {
			points[i].Duration = at.planned
		}
		entry, _ := of(i)
		if _, ok := entry.(timeline.SpliceMarked); ok {
			isNew++
		}
	}
	if !s.record.now().FitsSplices(isNew) {
		return nil, fmt.Errorf("%w: %d are listed already", errSplice, timeline.MaxSplices)
	}
	for i := range points {
		entry, told := of(i)
		if entry == nil {
			continue
		}
		before := s.record.now().Splice(told)
		if err := s.record.append(ctx, entry); err != nil {
			return ids, err
		}
		ids = append(ids, told)
		e.recut(before, s.record.now().Splice(told))
	}
	return ids, nil
}

// entryOf returns what to record of a point at that time, and the ID of the splice that
// it is about; nil where it is known, or is about nothing.
func (s *Stream) entryOf(p scte35.Point, id string, at time.Duration, date time.Time, raw []byte) (timeline.Entry, string) {
	switch p.Role {
	case scte35.RoleNothing:
		return nil, ""
	case scte35.RoleCancel:
		o := s.ahead(p.EventID)
		if o == nil {
			return nil, ""
		}
		return timeline.SpliceCancelled{ID: o.ID}, o.ID
	case scte35.RoleIn:
		o, known := s.began(p, date)
		if known {
			return nil, ""
		}
		if o != nil {
			if date.Before(o.Time) {
				date = o.Time
			}
			return timeline.SpliceEnded{ID: o.ID, End: timeline.SpliceEnd{
				Epoch: s.epoch.number, Media: at, Time: date, Section: raw,
			}}, o.ID
		}
	}
	return s.markPoint(p, id, at, date, raw)
}

// planned is how long manifests say that a break is meant to last.
func planned(d time.Duration) time.Duration { return min(d, maxPlanned).Truncate(time.Millisecond) }

// markPoint returns the entry of a new splice, or nil where it is one that is known:
// encoders repeat what they announce.
func (s *Stream) markPoint(p scte35.Point, id string, at time.Duration, date time.Time, raw []byte) (timeline.Entry, string) {
	t := s.record.now()
	kind := timeline.SpliceCommand
	switch p.Role {
	case scte35.RoleOut:
		kind = timeline.SpliceOut
	case scte35.RoleIn:
		kind = timeline.SpliceIn
	}
	for _, known := range t.Splices {
		if known.Kind != kind || known.EventID != p.EventID || known.Type != p.Type {
			continue
		}
		near := date.Sub(known.Time).Abs() < repeatSpan
		over, ends := known.Over()
		if near && bytes.Equal(raw, known.Section) || kind == timeline.SpliceOut && known.End == nil && (!ends || date.Before(over)) {
			return nil, ""
		}
	}
	if !validSpliceID(id) {
		id = ""
	}
	if id == "" || t.Splice(id) != nil {
		id = spliceID(id, p, date)
	}
	if t.Splice(id) != nil {
		return nil, ""
	}
	return timeline.SpliceMarked{Splice: timeline.Splice{
		ID: id, Kind: kind, EventID: p.EventID, Type: p.Type, Epoch: s.epoch.number, Media: at, Time: date,
		Planned: planned(p.Duration), Section: raw,
	}}, id
}

// validSpliceID reports whether an ID can be written into any manifest.
func validSpliceID(id string) bool {
	return len(id) <= maxSpliceID && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:/@ ", r)
	}) < 0
}

// spliceID makes an ID that is unique in the playlist, as event ids are not
// (RFC 8216bis §4.4.5.1.1).
func spliceID(id string, p scte35.Point, date time.Time) string {
	switch {
	case id != "":
	case p.Type != 0:
		id = fmt.Sprintf("%d.%d", p.EventID, p.Type)
	default:
		id = fmt.Sprint(p.EventID)
	}
	return fmt.Sprintf("%s-%d", id, date.UnixMilli())
}

// began returns the break that a point at that date ends; nil where there is none.
// known says that it was told before.
func (s *Stream) began(p scte35.Point, date time.Time) (o *timeline.Splice, known bool) {
	splices := s.record.now().Splices
	for i := len(splices) - 1; i >= 0; i-- {
		o := splices[i]
		switch {
		case o.Kind != timeline.SpliceOut || o.EventID != p.EventID || o.Type != p.Type:
		case o.End == nil:
			return o, false
		case date.Sub(o.End.Time).Abs() < repeatSpan:
			return nil, true
		}
	}
	return nil, false
}

// ahead returns the splice of that event that is still to come, or nil.
func (s *Stream) ahead(event uint32) *timeline.Splice {
	e := s.epoch
	edge := e.dateAt(e.lanes[0].end.Duration(e.lanes[0].Timescale))
	for _, o := range s.record.now().Splices {
		if o.EventID == event && o.Time.After(edge) {
			return o
		}
	}
	return nil
}

// dateAt is when a media time of the epoch is on the server's clock, to the
// millisecond, as playlists say it.
func (e *epoch) dateAt(at time.Duration) time.Time {
	return e.exactDate(at).UTC().Truncate(time.Millisecond)
}

// exactDate is as playlists date it: by the newest segment that began before.
func (e *epoch) exactDate(at time.Duration) time.Time {
	const near = 32 // segments: what is older is dated as these are, to a hair
	date := e.clock.at(at - timeline.Origin)
	r := e.record.now().Rendition(e.lanes[0].rendition)
	look := func(g *timeline.Segment) {
		start := g.Start.Duration(e.lanes[0].Timescale)
		if g.Epoch == e.number && start <= at {
			date = g.Time.Add(at - start)
		}
	}
	if last := r.Segments.Last(); last != nil {
		for g := range r.Segments.From(last.MSN - min(near, last.MSN)) {
			look(g)
		}
	}
	if r.Open != nil {
		look(r.Open)
	}
	return date
}
