package packager

import (
	"bytes"
	"context"
	"time"

	"sluice/media"
	"sluice/media/sei"
	"sluice/packager/timeline"
)

// epoch is the open epoch of a stream, from its first sample on.
type epoch struct {
	record   *record
	settings Settings
	number   uint64
	lanes    []*lane // the leading one first
	rungs    []*lane // those that joined; they may outlast the others
	expected media.Expectation
	start    uint64 // its first segment
	stop     uint64 // once the epoch has ended, the segment after its last
	clock    wallClock
	before   time.Time // when the media of the epoch before ended
	cutter   cutter
	bounds   []bound // where segments start, the last few; rising
	first    media.Ticks
	shown    media.Ticks            // end of the leading video's newest picture
	frames   frameStats             // of the leading video's first GOP
	long     bool                   // the last segment was longer than promised
	inits    []timeline.RenditionID // of which the init segment is written
	told     []event                // that a rung which joins may still have to tell
	changed  []timeline.RenditionID // rungs that the log says have another track now
	faults   []fault                // of rungs, not dealt with yet
	captions sei.Captions           // of the leading video
	// zeroDate is that of media time zero, from which splices of epochs before are placed
	// on the epoch's clock; not set until the epoch is dated.
	zeroDate time.Time
}

// bound is where the leading rendition starts segment msn, as a presentation
// time in its ticks.
type bound struct {
	msn uint64
	at  media.Ticks
}

// keptBounds is enough of them: no lane is further behind than a rung may be.
const keptBounds = maxRungBehind + 3

// mediaTime is the time since the epoch's first picture.
func (e *epoch) mediaTime(l *lane, at media.Ticks) time.Duration {
	return at.Duration(l.Timescale) - timeline.Origin
}

// boundary returns where lane l should start segment msn; of one that is not
// begun yet, the largest time there is.
func (e *epoch) boundary(l *lane, msn uint64) media.Ticks {
	for i := len(e.bounds) - 1; i >= 0; i-- {
		if b := e.bounds[i]; b.msn == msn {
			return b.at.Rescale(e.lanes[0].Timescale, l.Timescale)
		}
	}
	return maxTime
}

// likelyEnds reports whether lane l's open segment is whole with a part that
// ends at end, should keyframes come as regularly as they did.
func (e *epoch) likelyEnds(l *lane, end media.Ticks) bool {
	leader := e.lanes[0]
	at := e.boundary(l, l.msn+1)
	if at == maxTime {
		if e.cutter.nextCut == 0 || l.msn != leader.msn {
			return false
		}
		if l != leader && leader.newest+leader.frame/2 >= e.cutter.nextCut {
			return false // no keyframe came there
		}
		at = e.cutter.nextCut.Rescale(leader.Timescale, l.Timescale)
	}
	return end+l.frame/2 >= at
}

func (e *epoch) addBound(b bound) {
	if len(e.bounds) == keptBounds {
		e.bounds = e.bounds[:copy(e.bounds, e.bounds[1:])]
	}
	e.bounds = append(e.bounds, b)
}

// startEpoch appends the epoch's head. The leading input's first sample, s, is to
// stand at timeline.Origin; nothing of it is taken yet. usual is the longest GOP of the
// epoch before, on media.VideoClock.
func startEpoch(ctx context.Context, r *record, ss *session, inputs []*input, s arrival, usual media.Ticks) (*epoch, error) {
	st := ss.settings
	before := r.reached()
	s.arrived = later(s.arrived, before) // another publisher's media follows without a pause
	e := &epoch{
		before: before,
		record: r, settings: st, number: r.now().Next.Epoch, clock: newWallClock(s.arrived), expected: ss.expected,
	}
	start := timeline.EpochStarted{Epoch: e.number, At: s.arrived, Window: st.Window, Expected: expectedRenditions(ss.expected)}
	if inputs[0].Kind == media.Video {
		start.Delay = max(s.CTSOffset.Duration(inputs[0].Timescale), 0)
	}
	for _, in := range inputs {
		start.Tracks = append(start.Tracks, timeline.RenditionTrack{Rendition: in.rendition, Track: in.Track})
	}
	if err := r.append(ctx, start); err != nil {
		return nil, err
	}
	msn := r.now().Next.MSN
	e.start = msn
	leader := inputs[0].Timescale
	for i, in := range inputs {
		l := &lane{input: in, epoch: e, msn: msn}
		origin := media.TicksOf(timeline.Origin, in.Timescale)
		l.shift = origin - s.PTS().Rescale(leader, in.Timescale)
		if i == 0 {
			// Decode times move by the first picture's offset, so that tfdt is
			// the earliest presentation time, and offsets move back.
			l.shift, l.offsetShift = origin-s.DTS, -s.CTSOffset
		}
		e.lanes = append(e.lanes, l)
		if err := e.writeInit(ctx, in); err != nil {
			return nil, err
		}
	}
	e.first = media.TicksOf(timeline.Origin, leader)
	e.cutter = cutter{
		target:   media.TicksOf(st.Segment, leader),
		least:    media.TicksOf(min(leastSegment, st.Segment), leader),
		frame:    s.Duration,
		usual:    usual.Rescale(media.VideoClock, leader),
		shortest: media.TicksOf(leastSpliced, leader),
	}
	e.cutter.begin(e.first)
	e.addBound(bound{msn: msn, at: e.first})
	return e, nil
}

// writeInit repeats the rendition's last init segment where it is the same.
func (e *epoch) writeInit(ctx context.Context, in *input) error {
	entry := timeline.InitWritten{Epoch: e.number, InitEpoch: e.number, Rendition: in.rendition, Data: in.init}
	if old := e.record.now().Rendition(in.rendition).Init; old != nil &&
		old.Track.Equal(in.Track) && bytes.Equal(old.Data, in.init) {
		entry.InitEpoch, entry.Data = old.Epoch, old.Data
	}
	if err := e.record.append(ctx, entry); err != nil {
		return err
	}
	e.inits = append(e.inits, in.rendition)
	return nil
}

// onClock moves a sample onto the epoch's clock.
func (l *lane) onClock(s media.Sample) media.Sample {
	s.DTS += l.shift
	s.CTSOffset += l.offsetShift
	return s
}

// leadVideo takes a sample of the leading video.
func (e *epoch) leadVideo(ctx context.Context, s media.Sample, arrived time.Time) error {
	l := e.lanes[0]
	e.clock.observe(e.mediaTime(l, s.DTS), arrived)
	if err := e.lookForCaptions(ctx, s.Data); err != nil {
		return err
	}
	if at := s.PTS(); s.Sync && at > e.cutter.sync {
		e.cutter.frame = s.Duration
		e.cutter.keyframe(at)
		if err := e.fixTargets(ctx); err != nil {
			return err
		}
		if e.cutter.cuts(at) {
			if err := e.cut(ctx, at); err != nil {
				return err
			}
			// A segment is listed from when its first picture is presented. Where frames come
			// when they come, or GOPs are open, that isn't the same time after it is decoded as at
			// the epoch's start. All its parts are moved alike: they last as long as their samples.
			l.ahead = at - s.DTS
		}
	}
	if e.cutter.known == 0 {
		e.frames.add(s.Duration)
	}
	last := e.cutter.count()
	e.shown = max(e.shown, s.PTS()+s.Duration)
	l.push(s, arrived)
	if e.mediaTime(l, s.DTS) >= e.settings.MaxGOPWait {
		if err := e.fixTargets(ctx); err != nil {
			return err
		}
	}
	if last {
		if err := l.flush(ctx, len(l.pending)); err != nil {
			return err
		}
	}
	if err := l.drain(ctx); err != nil {
		return err
	}
	return e.releaseHeld(ctx)
}

// leadAudio takes a sample of sound that has no picture to follow: segments
// start at the frames nearest to a grid of whole target durations.
func (e *epoch) leadAudio(ctx context.Context, s media.Sample, arrived time.Time) error {
	l := e.lanes[0]
	e.clock.observe(e.mediaTime(l, s.DTS), arrived)
	if err := e.fixTargets(ctx); err != nil {
		return err
	}
	if at := e.grid(); l.begun && s.DTS >= at-s.Duration/2 && l.end < at-s.Duration/2 {
		// A hole in the sound reaches over the boundary.
		if err := e.cut(ctx, s.DTS); err != nil {
			return err
		}
	}
	l.push(s, arrived)
	if at := e.grid(); l.end >= at-s.Duration/2 {
		if err := l.flush(ctx, len(l.pending)); err != nil {
			return err
		}
		return e.cut(ctx, l.end)
	}
	return l.drain(ctx)
}

// interrupted reports whether a sample of lane l would make the open segment longer than
// promised, because nothing came of any track for long. Where sound goes on the picture
// just stood still; without sound nobody knows.
func (e *epoch) interrupted(l *lane, s media.Sample) bool {
	leader, h := e.lanes[0], l.holeTo(s.DTS)
	if h == (hole{}) || leader.Kind != media.Video || e.cutter.promise == 0 || len(e.lanes) == 1 {
		return false
	}
	start := e.mediaTime(leader, e.cutter.start)
	from, to := e.mediaTime(l, h.from)+maxHole, e.mediaTime(l, h.to)-maxHole
	if to+maxHole <= start || e.mediaTime(l, s.PTS())-start <= e.cutter.promise.Duration(leader.Timescale) {
		return false
	}
	for _, o := range e.lanes {
		if o != l && e.mediaTime(o, o.end) > from && (e.mediaTime(o, o.hole.from) > from || e.mediaTime(o, o.hole.to) < to) {
			return false
		}
	}
	return true
}

// grid returns where the audio that leads should end its open segment.
func (e *epoch) grid() media.Ticks {
	c := &e.cutter
	half := c.frame / 2
	return e.first + ((c.start+half-e.first)/c.target+1)*c.target
}

// cut ends the segment of the leading rendition. The next one starts with what is
// presented at at.
func (e *epoch) cut(ctx context.Context, at media.Ticks) error {
	leader := e.lanes[0]
	msn := leader.msn
	// No track of the session may fall further behind than one segment.
	for _, l := range e.lanes[1:] {
		for l.msn < msn {
			if err := l.closeLate(ctx); err != nil {
				return err
			}
		}
	}
	if err := leader.close(ctx, len(leader.pending), at); err != nil {
		return err
	}
	e.long = e.cutter.promise > 0 && at-e.cutter.start > e.cutter.promise
	if err := e.gapAbsent(ctx, msn); err != nil {
		return err
	}
	e.cutter.cut(at)
	e.addBound(bound{msn: msn + 1, at: at})
	for _, l := range e.lanes[1:] {
		if err := l.advance(ctx); err != nil {
			return err
		}
	}
	e.cutRungs(ctx)
	return nil
}

// date corrects the epoch's start on the server's clock while nobody can have
// read it, which is until the targets are fixed and there is a part: what a
// publisher had waiting comes all at once, and its times would lie in the future.
func (e *epoch) date(ctx context.Context) error {
	if e.clock.settled {
		return nil
	}
	before := e.before
	if all := e.record.now().Epochs; len(all) > 1 {
		before = later(before, all[len(all)-2].Ended)
	}
	by := e.clock.settle(before)
	if by == 0 {
		return nil
	}
	for _, l := range e.all() {
		l.wall = l.wall.Add(by)
	}
	return e.record.append(ctx, timeline.EpochDated{Epoch: e.number, At: e.clock.anchor})
}

// all are the epoch's lanes and rungs.
func (e *epoch) all() []*lane { return append(e.lanes[:len(e.lanes):len(e.lanes)], e.rungs...) }

// hasPart reports whether anything of the epoch is published.
func (e *epoch) hasPart() bool {
	for _, l := range e.all() {
		if l.longest > 0 {
			return true
		}
	}
	return false
}

// gapAbsent records segment msn for the renditions that viewers may still play
// and that this epoch lacks. Rungs that haven't joined yet have a segment's time,
// those that still come from an earlier epoch all of it.
func (e *epoch) gapAbsent(ctx context.Context, msn uint64) error {
	t := e.record.now()
	ended := msn
	for _, r := range t.Renditions {
		msn := ended
		if r.Follows {
			msn--
		}
		if t.Current().Has(r.ID) || r.Follows && r.NextPosition(t).MSN < e.start || r.NextPosition(t).MSN > msn || !r.IsListed(t) || !hasMedia(t, r) {
			continue
		}
		for {
			now := e.record.now()
			if r = now.Rendition(r.ID); r == nil || !r.IsListed(now) || r.NextPosition(now).MSN > msn {
				break
			}
			err := e.record.gap(ctx, e.number, r.ID, gapAt(r, e.clock.at(0), e.settings.Segment))
			if err != nil && r.Follows {
				e.fail(r.ID, err)
				break
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// length is how long the open segment is by now.
func (e *epoch) length() media.Ticks { return e.lanes[0].end - e.cutter.start }

// isLong reports whether segments are longer than promised.
func (e *epoch) isLong() bool {
	return e.long || e.cutter.promise > 0 && e.length() > e.cutter.promise
}

// laneOf returns the input's lane, or nil where the epoch was made without it.
func (e *epoch) laneOf(in *input) *lane {
	for _, l := range e.lanes {
		if l.input == in {
			return l
		}
	}
	return nil
}

// lead takes a sample of the leading lane.
func (e *epoch) lead(ctx context.Context, s media.Sample, arrived time.Time) error {
	if e.lanes[0].Kind == media.Video {
		return e.leadVideo(ctx, s, arrived)
	}
	return e.leadAudio(ctx, s, arrived)
}

// shownUntil is the media time at which the newest picture ends.
func (e *epoch) shownUntil() time.Duration { return e.shown.Duration(e.lanes[0].Timescale) }

// end publishes all that is pending and ends the epoch.
func (e *epoch) end(ctx context.Context, at time.Time) error {
	for _, l := range e.lanes {
		if err := l.flush(ctx, len(l.pending)); err != nil {
			return err
		}
	}
	if err := e.fixTargets(ctx); err != nil {
		return err
	}
	return e.record.endEpoch(ctx, at, e.shownUntil(), e.settings.Segment)
}
