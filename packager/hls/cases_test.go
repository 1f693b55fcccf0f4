package hls_test

import (
	"slices"
	"testing"
	"time"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/timeline"
)

// cases are the moments of a stream that have a golden file.
var cases = []struct {
	name  string
	build func(*script)
}{
	{"steady", func(s *script) { s.start(bothTracks()...); s.segments(2); s.fix(); s.segments(18) }},
	{"mid_segment", func(s *script) { s.start(bothTracks()...); s.segments(1); s.fix(); s.segments(4); s.parts(4) }},
	{"first_segment", func(s *script) { s.start(bothTracks()...); s.segments(1); s.fix() }},
	{"away", func(s *script) { s.start(bothTracks()...); s.fix(); s.segments(6); s.parts(3); s.leave(time.Second) }},
	{"reconnect_started", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.leave(time.Second)
		s.start(bothTracks()...)
	}},
	{"reconnect_same", reconnect(videoCodec)},
	{"reconnect_changed", reconnect(smallCodec)},
	{"reconnect_skipped_epoch", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.leave(time.Second)
		s.t.Next.Epoch += 2
		s.start(bothTracks()...)
		s.segments(2)
		s.parts(2)
	}},
	{"reconnect_without_audio", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(4)
		s.leave(time.Second)
		s.start(videoTrack(timeline.Source, videoCodec))
		s.clock[timeline.Audio] = media.TicksOf(timeline.Origin, 48_000)
		for range 2 {
			s.segments(1)
			s.fillGap(audioTrack())
		}
		s.parts(2)
	}},
	{"reconnect_trimmed", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(12)
		s.leave(2 * time.Second)
		s.start(bothTracks()...)
		s.segments(14)
		s.parts(5)
	}},
	{"audio_only", func(s *script) { s.start(audioTrack()); s.fix(); s.segments(7); s.parts(4) }},
	{"video_only", func(s *script) {
		s.start(videoTrack(timeline.Source, videoCodec))
		s.fix()
		s.segments(7)
		s.parts(4)
	}},
	{"ladder", func(s *script) {
		s.start(videoTrack(timeline.Source, videoCodec), videoTrack("720p", smallCodec), audioTrack())
		s.fix()
		s.segments(7)
		s.parts(4)
	}},
	{"rungs", func(s *script) { s.laddered(); s.segments(7); s.parts(4); s.only(bothTracks()[0], 1) }},
	{"rungs_start_slow", func(s *script) { // 480p comes when viewers are watching already
		s.targets.Lag, s.targets.PartHoldBack = 100*time.Millisecond, 700*time.Millisecond
		s.bytes = 40_000
		s.expect(highRung, lowRung)
		s.start(bothTracks()...)
		s.join(highRung)
		s.fix()
		s.segments(3)
		s.join(lowRung)
		s.parts(3)
	}},
	{"rung_joined_late", func(s *script) {
		s.expect(highRung, lowRung)
		s.start(bothTracks()...)
		s.join(highRung)
		s.fix()
		s.segments(4)
		s.join(lowRung)
		s.segments(2)
		s.parts(2)
	}},
	{"rung_left", func(s *script) { s.laddered(); s.segments(5); s.parts(3); s.drop(highRung); s.parts(2) }},
	{"rung_is_back", func(s *script) {
		s.laddered()
		s.segments(3)
		s.parts(3)
		s.drop(highRung)
		s.parts(7)
		s.closeAll()
		s.segments(2)
		s.join(highRung)
		s.segments(2)
		s.parts(4)
	}},
	{"rung_behind", func(s *script) { // it gets a few parts of a segment, and then nothing
		s.laddered()
		s.segments(4)
		s.only(lowRung, 3)
		s.leadSegment(lowRung.Rendition)
		s.only(bothTracks()[0], 4)
	}},
	{"rung_caught_up", func(s *script) { // with a hole in a segment, and one that it has nothing of
		s.laddered()
		s.segments(3)
		s.only(lowRung, 3)
		s.leadSegment(lowRung.Rendition)
		s.catchUp(lowRung)
		s.leadSegment(lowRung.Rendition)
		s.fillGap(lowRung)
		s.segments(1)
		s.parts(2)
	}},
	{"rung_trails", func(s *script) { // in the epoch that has ended for the others
		s.laddered()
		s.segments(2)
		s.parts(3)
		s.only(bothTracks()[0], 1)
		s.only(highRung, 1)
		s.closeOf(bothTracks()[0])
		s.closeOf(audioTrack())
		s.closeOf(highRung)
		s.apply(timeline.EpochEnded{Epoch: s.epoch().Number, At: s.now})
		s.start(bothTracks()...)
		s.join(highRung)
		s.parts(2)
	}},
	{"rungs_reconnected", func(s *script) {
		s.laddered()
		s.segments(3)
		s.parts(4)
		s.leave(time.Second)
		s.start(bothTracks()...)
		s.join(highRung, lowRung)
		s.segments(2)
		s.parts(3)
	}},
	{"rungs_hidden_source", func(s *script) { // the top rung leads
		s.expect(lowRung)
		s.start(highRung, audioTrack())
		s.join(lowRung)
		s.fix()
		s.segments(7)
		s.parts(2)
	}},
	{"gap", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(5)
		s.gap(audioTrack())
		s.segments(2)
		s.parts(3)
	}},
	{"gap_at_edge", func(s *script) { s.start(bothTracks()...); s.fix(); s.segments(5); s.gap(audioTrack()) }},
	{"ended", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(6)
		s.parts(7)
		s.leave(time.Second)
		s.end()
	}},
	{"restarted", func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(6)
		s.leave(time.Second)
		s.end()
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.parts(2)
	}},
	{"ntsc", func(s *script) {
		s.frame = 3003
		s.targets.Part = media.Ticks(6 * 3003).Duration(media.VideoClock)
		s.targets.PartHoldBack = 3 * s.targets.Part
		s.start(bothTracks()...)
		s.fix()
		s.segments(9)
		s.parts(4)
	}},
	{"long_gop", func(s *script) {
		s.targets.Segment, s.targets.HoldBack = 4*time.Second, 12*time.Second
		s.perSeg = 20
		s.start(bothTracks()...)
		s.fix()
		s.segments(5)
		s.perSeg = 24 // longer than was promised
		s.segments(1)
		s.parts(2)
	}},
	{"splices", func(s *script) { // a break that is over, one that is on, and what is announced
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.mark(timeline.Splice{ID: "100-1", Kind: timeline.SpliceOut, EventID: 100, Planned: 5 * time.Second, Section: outSection}, s.now)
		s.segments(2)
		s.over("100-1", s.now)
		s.segments(4)
		s.mark(timeline.Splice{ID: "chapter", Planned: time.Minute, Section: chapterSection}, s.now)
		s.mark(timeline.Splice{ID: "open", Kind: timeline.SpliceOut, EventID: 101, Section: outSection}, s.now.Add(1500*time.Millisecond))
		s.mark(timeline.Splice{ID: "100-2", Kind: timeline.SpliceIn, EventID: 100, Section: inSection}, s.now.Add(4*time.Second))
		s.segments(2)
		s.parts(3)
	}},
	{"splices_leave", func(s *script) { // with the segments that they are about, but for the break that goes on
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.mark(timeline.Splice{ID: "gone", Kind: timeline.SpliceOut, EventID: 1, Planned: 4 * time.Second, Section: outSection}, s.now)
		s.mark(timeline.Splice{ID: "on", Kind: timeline.SpliceOut, EventID: 2, Section: outSection}, s.now)
		s.segments(24)
		s.parts(2)
	}},
	{"splices_reconnected", func(s *script) { // the break ends in the next epoch
		s.start(bothTracks()...)
		s.fix()
		s.segments(3)
		s.mark(timeline.Splice{ID: "break", Kind: timeline.SpliceOut, EventID: 1, Planned: 8 * time.Second, Section: outSection}, s.now)
		s.segments(1)
		s.leave(time.Second)
		s.start(bothTracks()...)
		s.segments(1)
		s.parts(2)
		s.over("break", s.now)
		s.parts(2)
	}},
	{"long_window", func(s *script) {
		s.window = 100 * time.Second
		s.start(bothTracks()...)
		s.fix()
		s.segments(60)
		s.parts(6)
	}},
}

// The sections of scripts.
var (
	outSection = section(scte35.Out(100, nil, 5*time.Second, false))
	inSection  = section(scte35.In(100, nil))
	// chapterSection says nothing that is known here.
	chapterSection = section(&scte35.Section{Tier: 0xABC, Command: &scte35.TimeSignal{}})
)

func section(s *scte35.Section) []byte {
	data, err := s.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return data
}

// mark marks a splice at a time of the open epoch.
func (s *script) mark(p timeline.Splice, at time.Time) {
	s.tb.Helper()
	p.Epoch, p.Time, p.Media = s.epoch().Number, at, timeline.Origin+at.Sub(s.epoch().Start)
	s.apply(timeline.SpliceMarked{Splice: p})
}

// over ends a break.
func (s *script) over(id string, at time.Time) {
	s.tb.Helper()
	s.apply(timeline.SpliceEnded{ID: id, End: timeline.SpliceEnd{
		Epoch: s.epoch().Number, Time: at, Media: timeline.Origin + at.Sub(s.epoch().Start), Section: inSection,
	}})
}

// The rungs of scripts.
var (
	highRung = videoTrack("720p", smallCodec)
	lowRung  = videoTrack("480p", lowCodec)
)

// laddered starts a broadcast whose rungs are there from its first segment on.
func (s *script) laddered() {
	s.targets.Lag, s.targets.PartHoldBack = 100*time.Millisecond, 700*time.Millisecond
	s.expect(highRung, lowRung)
	s.start(bothTracks()...)
	s.join(highRung, lowRung)
	s.fix()
}

// only lets one rendition but not the others have n parts.
func (s *script) only(rt timeline.RenditionTrack, n int) {
	for range n {
		s.partsOf(rt)
	}
}

// leadSegment lets all but some rungs have a segment.
func (s *script) leadSegment(but ...timeline.RenditionID) {
	s.tb.Helper()
	tracks := slices.DeleteFunc(s.tracks(), func(rt timeline.RenditionTrack) bool {
		return slices.Contains(but, rt.Rendition)
	})
	for range s.perSeg {
		for _, rt := range tracks {
			s.partsOf(rt)
		}
	}
	for _, rt := range tracks {
		s.closeOf(rt)
	}
}

// catchUp ends a rung's segment where the leading rendition's ended: what it
// doesn't have is missing.
func (s *script) catchUp(rt timeline.RenditionTrack) {
	s.tb.Helper()
	lead := s.t.Rendition(s.epoch().Tracks[0].Rendition)
	g := s.t.Rendition(rt.Rendition).Open
	led := lead.Segment(g.MSN)
	s.clock[rt.Rendition] = led.Start + led.Duration
	s.apply(timeline.SegmentClosed{Epoch: g.Epoch, Rendition: rt.Rendition, MSN: g.MSN, Duration: led.Duration})
}

func reconnect(c media.Codec) func(*script) {
	return func(s *script) {
		s.start(bothTracks()...)
		s.fix()
		s.segments(4)
		s.parts(4)
		s.leave(1500 * time.Millisecond)
		s.start(videoTrack(timeline.Source, c), audioTrack())
		s.segments(2)
		s.parts(3)
	}
}

// gap lets every rendition but one get a segment, and records that nothing came
// for that one.
func (s *script) gap(missing timeline.RenditionTrack) {
	s.tb.Helper()
	tracks := slices.DeleteFunc(slices.Clone(s.epoch().Tracks), func(rt timeline.RenditionTrack) bool {
		return rt.Rendition == missing.Rendition
	})
	for range s.perSeg {
		for _, rt := range tracks {
			s.partsOf(rt)
		}
	}
	for _, rt := range tracks {
		s.closeOf(rt)
	}
	s.fillGap(missing)
}

// fillGap records a gap of one rendition up to the leading one's end.
func (s *script) fillGap(missing timeline.RenditionTrack) {
	s.tb.Helper()
	start := s.clock[missing.Rendition]
	length := s.leadEnd(missing) - start
	if missing.Track.Kind == media.Audio {
		length = (length + 512) / 1024 * 1024
	}
	s.clock[missing.Rendition] = start + length
	s.apply(timeline.SegmentClosed{
		Epoch: s.epoch().Number, Rendition: missing.Rendition,
		MSN:   s.t.Rendition(missing.Rendition).NextPosition(s.t).MSN,
		Start: start, Duration: length, Time: s.at(start, missing.Track.Timescale),
	})
}

func build(tb testing.TB, name string) *timeline.Timeline {
	tb.Helper()
	for _, c := range cases {
		if c.name == name {
			s := newScript(tb)
			c.build(s)
			return s.t
		}
	}
	tb.Fatalf("no case %q", name)
	return nil
}
