package transcode

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sluice/media"
)

// own is the ladder that a publisher sends itself: one picture in several sizes, of
// which the first leads and the others are rungs of it. Nothing is encoded. It belongs
// to one run, and to the goroutine that calls the Ladder.
//
// Sizes may be coded with different numbers of B-frames, and come in any order. So
// each sample has a decode time that counts from its keyframe's presentation
// ("level"), and waits until the leading track has come as far: then it's known
// where segments start.
type own struct {
	base   media.Base
	log    *slog.Logger
	leader ownTrack
	marks  []mark        // places, by the level from which on they hold
	syncs  []media.Ticks // presentation times of the leading track's last keyframes
	rungs  []*ownRung
}

// ownTrack follows the levels of a track.
type ownTrack struct {
	begun  bool
	offset media.Ticks // of the newest keyframe
	top    media.Ticks // the newest sample's level
}

// level returns a sample's; false before the first keyframe.
func (t *ownTrack) level(s media.Sample) (media.Ticks, bool) {
	if s.Sync {
		t.begun, t.offset = true, s.CTSOffset
	}
	t.top = s.DTS + t.offset
	return t.top, t.begun
}

// ownRung is one of the other tracks.
type ownRung struct {
	ownTrack
	track media.Track
	way   media.Rung // nil until its first sample
	held  []ownSample
	bytes int
	over  bool // the stream is closed
	// Of the newest sample that was written.
	epoch uint64
	offs  media.Ticks // its keyframe's composition offset
	moved media.Ticks // by which its GOP was moved onto the leading track's
}

// ownSample is a sample that waits for the leading track.
type ownSample struct {
	media.Sample
	level   media.Ticks
	arrived time.Time
}

// newOwn makes rungs of the tracks beside the leading one.
func newOwn(base media.Base, log *slog.Logger, tracks []media.Track) *own {
	o := &own{base: base, log: log}
	taken := map[string]bool{}
	for _, t := range tracks {
		t.Name = ownName(t.Codec, taken)
		o.rungs = append(o.rungs, &ownRung{track: t})
	}
	return o
}

// ownName names a rung for its picture's height, as in "720p"; of several with the
// same, the second is "720p-2".
func ownName(c media.Codec, taken map[string]bool) string {
	name := "video"
	if p, ok := c.(media.Picture); ok {
		name = fmt.Sprintf("%dp", min(p.Format().Width, p.Format().Height))
	}
	for n, first := 2, name; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	taken[name] = true
	return name
}

// expected is what the packager is told of the rungs, beside a leading track.
func (o *own) expected(leader media.Codec) []media.ExpectedRung {
	rate := func(c media.Codec) float64 {
		if p, ok := c.(media.Picture); ok {
			return p.Format().FrameRate
		}
		return 0
	}
	var all []media.ExpectedRung
	for _, r := range o.rungs {
		x := media.ExpectedRung{Name: r.track.Name, Kind: media.Video}
		if own := rate(r.track.Codec); own > 0 && own < maxFrameRate && own != rate(leader) {
			x.Frame = time.Duration(float64(time.Second) / own)
		}
		all = append(all, x)
	}
	return all
}

// rung returns that of a track, or nil. It may be called on nil.
func (o *own) rung(id media.TrackID) *ownRung {
	if o == nil {
		return nil
	}
	for _, r := range o.rungs {
		if r.track.ID == id {
			return r
		}
	}
	return nil
}

// take takes a sample of a rung. It never waits.
func (o *own) take(ctx context.Context, r *ownRung, s media.Sample, arrived time.Time) {
	level, begun := r.level(s)
	if !begun || r.over {
		return
	}
	if len(r.held) == maxOwnSamples || r.bytes+len(s.Data) > maxOwnBytes {
		// The leading track has stopped, or is another picture altogether.
		r.held, r.bytes, r.begun = nil, 0, false
		return
	}
	r.held = append(r.held, ownSample{s, level, arrived})
	r.bytes += len(s.Data)
	o.release(ctx, r)
}

// lead is told of a sample of the leading track, and where it went.
func (o *own) lead(ctx context.Context, s media.Sample, place media.Place, placed bool) {
	level, begun := o.leader.level(s)
	if !begun || !placed {
		return
	}
	if s.Sync {
		if len(o.syncs) == maxMarks {
			o.syncs = append(o.syncs[:0], o.syncs[1:]...)
		}
		o.syncs = append(o.syncs, s.PTS())
	}
	if n := len(o.marks); n == 0 || o.marks[n-1].Place != place {
		if n == maxMarks {
			o.marks = append(o.marks[:0], o.marks[1:]...)
		}
		o.marks = append(o.marks, mark{level, place})
	}
	for _, r := range o.rungs {
		o.release(ctx, r)
	}
}

// release writes what the leading track has come to.
func (o *own) release(ctx context.Context, r *ownRung) {
	n := 0
	for n < len(r.held) && o.leader.begun && r.held[n].level <= o.leader.top+sameTime {
		o.write(ctx, r, &r.held[n])
		r.bytes -= len(r.held[n].Data)
		n++
	}
	if n > 0 {
		rest := copy(r.held, r.held[n:])
		clear(r.held[rest:])
		r.held = r.held[:rest]
	}
}

// sameTime is how far the clocks of two tracks may be apart, in ticks of
// media.VideoClock: timestamps are milliseconds.
const sameTime = media.Ticks(media.VideoClock) / 500

func (o *own) write(ctx context.Context, r *ownRung, s *ownSample) {
	place, ok := o.placeOf(s.level)
	if !ok || r.over {
		return
	}
	if s.Sync {
		r.offs, r.moved = s.CTSOffset, o.nearest(s)
	}
	out := s.Sample
	out.DTS = s.DTS + r.offs + r.moved + place.Shift
	out.CTSOffset = s.CTSOffset - r.offs
	if r.way == nil {
		r.way = o.base.Open(r.track)
	}
	if err := r.way.WriteSample(ctx, place.Epoch, out, s.arrived); err != nil {
		r.over = true
		o.log.Debug("rung ends", "rung", r.track.Name, "err", err)
		return
	}
	r.epoch = place.Epoch
}

// nearest returns by how much a keyframe is to be moved to stand where the leading
// track's does; zero where that has none nearby.
func (o *own) nearest(s *ownSample) media.Ticks {
	most := max(s.Duration/2, sameTime)
	for i := len(o.syncs) - 1; i >= 0; i-- {
		if d := o.syncs[i] - s.PTS(); -most <= d && d <= most {
			return d
		}
	}
	return 0
}

// placeOf returns where samples of a level go; false of those before the first that
// was placed.
func (o *own) placeOf(level media.Ticks) (media.Place, bool) {
	for i := len(o.marks) - 1; i >= 0; i-- {
		if o.marks[i].from <= level+sameTime {
			return o.marks[i].Place, true
		}
	}
	return media.Place{}, false
}

// flush writes what is still held, but for what would be far ahead: no more of the
// leading track comes. It may be called on nil.
func (o *own) flush(ctx context.Context) {
	if o == nil {
		return
	}
	for _, r := range o.rungs {
		for i := range r.held {
			if r.held[i].level-o.leader.top > media.TicksOf(maxOwnAhead, media.VideoClock) {
				break
			}
			o.write(ctx, r, &r.held[i])
		}
		r.held, r.bytes = nil, 0
	}
}

// end says that nothing more comes of the rungs. It may be called on nil.
func (o *own) end(ctx context.Context) {
	if o == nil {
		return
	}
	for _, r := range o.rungs {
		if r.way == nil || r.over {
			continue
		}
		if err := r.way.End(ctx, r.epoch); err != nil {
			o.log.Debug("end of a rung", "rung", r.track.Name, "err", err)
		}
	}
}
