package hls_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
)

// clock is the server's when the first epoch of a script starts.
var clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	videoCodec = &media.H264{
		SPS: []byte{0x67, 0x64, 0x00, 0x28}, PPS: []byte{0x68},
		Width: 1920, Height: 1080, SARWidth: 1, SARHeight: 1, FrameRate: 30,
	}
	smallCodec = &media.H264{
		SPS: []byte{0x67, 0x4d, 0x40, 0x1f}, PPS: []byte{0x68},
		Width: 1280, Height: 720, SARWidth: 1, SARHeight: 1, FrameRate: 30,
	}
	lowCodec = &media.H264{
		SPS: []byte{0x67, 0x64, 0x00, 0x1e}, PPS: []byte{0x68},
		Width: 854, Height: 480, SARWidth: 1, SARHeight: 1, FrameRate: 30,
	}
	audioCodec = mustAAC([]byte{0x11, 0x90}) // LC, 48 kHz, stereo
)

func mustAAC(raw []byte) *media.AAC {
	c, err := media.NewAAC(raw)
	if err != nil {
		panic(err)
	}
	return c
}

// defaults are the targets of a script.
var defaults = timeline.Targets{
	Segment: 2 * time.Second, Part: 200 * time.Millisecond,
	HoldBack: 6 * time.Second, PartHoldBack: 600 * time.Millisecond,
}

// script builds a timeline entry by entry, as a packager would.
type script struct {
	tb      testing.TB
	t       *timeline.Timeline
	window  time.Duration
	targets timeline.Targets
	now     time.Time
	frame   media.Ticks // of video
	perPart int         // frames
	perSeg  int         // parts
	// onChange sees each timeline, where it isn't nil.
	onChange func(*timeline.Timeline)
	bytes    int                          // of a video part; the first of a segment has three times as many
	unknown  bool                         // nothing is told of where its first picture ends
	expected []timeline.ExpectedRendition // of the epochs that start
	clock    map[timeline.RenditionID]media.Ticks
	inits    map[timeline.RenditionID]timeline.InitWritten
}

// newScript returns a script of 30 frames a second, six frames a part, ten
// parts a segment.
func newScript(tb testing.TB) *script {
	return &script{
		tb: tb, t: timeline.New(timeline.Numbers{}), window: 30 * time.Second, targets: defaults, now: clock,
		frame: 3000, perPart: 6, perSeg: 10, bytes: 100_000,
		clock: map[timeline.RenditionID]media.Ticks{}, inits: map[timeline.RenditionID]timeline.InitWritten{},
	}
}

func (s *script) apply(e timeline.Entry) {
	s.tb.Helper()
	next, err := timeline.Apply(s.t, e)
	require.NoError(s.tb, err, "%T", e)
	s.t = next
	if s.onChange != nil {
		s.onChange(next)
	}
}

func videoTrack(id timeline.RenditionID, c media.Codec) timeline.RenditionTrack {
	return timeline.RenditionTrack{Rendition: id, Track: media.Track{
		ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: c,
	}}
}

func audioTrack() timeline.RenditionTrack {
	return timeline.RenditionTrack{Rendition: timeline.Audio, Track: media.Track{
		ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: audioCodec,
	}}
}

func bothTracks() []timeline.RenditionTrack {
	return []timeline.RenditionTrack{videoTrack(timeline.Source, videoCodec), audioTrack()}
}

// start begins an epoch and writes its init segments: new ones where the codec
// isn't that of the rendition's last epoch.
func (s *script) start(tracks ...timeline.RenditionTrack) {
	s.tb.Helper()
	epoch := s.t.Next.Epoch
	last := map[timeline.RenditionID]media.Track{}
	for _, r := range s.t.Renditions {
		last[r.ID] = r.Track
	}
	s.apply(timeline.EpochStarted{Epoch: epoch, At: s.now, Window: s.window, Tracks: tracks, Expected: s.expected})
	for _, rt := range tracks {
		s.init(rt, last[rt.Rendition])
		s.clock[rt.Rendition] = media.TicksOf(timeline.Origin, rt.Track.Timescale)
	}
}

// init writes a rendition's init segment; was is its last track.
func (s *script) init(rt timeline.RenditionTrack, was media.Track) {
	s.tb.Helper()
	epoch := s.epoch().Number
	w, ok := s.inits[rt.Rendition]
	if !ok || !was.Equal(rt.Track) {
		w = timeline.InitWritten{InitEpoch: epoch, Rendition: rt.Rendition, Data: []byte("init")}
	}
	w.Epoch = epoch
	s.inits[rt.Rendition] = w
	s.apply(w)
}

// expect lets the epochs that start expect rungs.
func (s *script) expect(rungs ...timeline.RenditionTrack) {
	s.expected = nil
	for _, rt := range rungs {
		s.expected = append(s.expected, timeline.ExpectedRendition{Rendition: rt.Rendition, Kind: rt.Track.Kind})
	}
}

// join adds rungs to the open epoch, from its leading rendition's next segment on.
func (s *script) join(rungs ...timeline.RenditionTrack) {
	s.tb.Helper()
	lead := s.epoch().Tracks[0]
	leader := s.t.Rendition(lead.Rendition)
	require.Nil(s.tb, leader.Open, "rungs join between segments")
	for _, rt := range rungs {
		var was media.Track
		inEpoch := false
		if r := s.t.Rendition(rt.Rendition); r != nil {
			was, inEpoch = r.Track, r.Epoch == s.epoch().Number
		}
		s.apply(timeline.RenditionJoined{
			Epoch: s.epoch().Number, RenditionTrack: rt, MSN: leader.NextPosition(s.t).MSN,
		})
		if !inEpoch {
			s.init(rt, was)
		}
		s.clock[rt.Rendition] = s.clock[lead.Rendition]
	}
}

// drop takes a rung out, in the middle of what it has.
func (s *script) drop(rt timeline.RenditionTrack) {
	s.tb.Helper()
	s.closeOf(rt)
	s.apply(timeline.RenditionLeft{Rendition: rt.Rendition, At: s.now})
}

// tracks are those of the open epoch that haven't left.
func (s *script) tracks() []timeline.RenditionTrack {
	return slices.DeleteFunc(slices.Clone(s.epoch().Tracks), func(rt timeline.RenditionTrack) bool {
		return s.t.Rendition(rt.Rendition).Left
	})
}

func (s *script) fix() { s.apply(timeline.TargetsFixed{Targets: s.targets}) }

func (s *script) epoch() *timeline.Epoch { return s.t.Current() }

// at is the wall time of a moment on the open epoch's clock.
func (s *script) at(ticks media.Ticks, ts media.Timescale) time.Time {
	return s.epoch().Start.Add(ticks.Duration(ts) - timeline.Origin)
}

// audioPart is the number of AAC frames in a whole part.
const audioPart = 9

// part writes the next part of every rendition of the open epoch.
func (s *script) part() {
	s.tb.Helper()
	for _, rt := range s.tracks() {
		s.partsOf(rt)
	}
}

// partsOf writes a part of video, or as many whole parts of audio as the
// leading rendition's end allows.
func (s *script) partsOf(rt timeline.RenditionTrack) {
	s.tb.Helper()
	if rt.Track.Kind == media.Video {
		s.partOf(rt, s.perPart)
		return
	}
	end := s.leadEnd(rt)
	for s.clock[rt.Rendition]+audioPart*1024 <= end {
		s.partOf(rt, audioPart)
	}
}

// leadEnd is where the leading rendition has got to, on rt's clock; where rt
// leads itself, it is the end of its next part.
func (s *script) leadEnd(rt timeline.RenditionTrack) media.Ticks {
	lead := s.epoch().Tracks[0]
	if lead.Rendition == rt.Rendition {
		return s.clock[rt.Rendition] + audioPart*1024
	}
	return s.clock[lead.Rendition].Rescale(lead.Track.Timescale, rt.Track.Timescale)
}

// sizes are by how much less a rendition's parts hold than a script says.
var sizes = map[timeline.RenditionID]int{timeline.Source: 1, "720p": 2, "480p": 4}

// partOf writes the next part of one rendition.
func (s *script) partOf(rt timeline.RenditionTrack, samples int) {
	s.tb.Helper()
	r, ts := s.t.Rendition(rt.Rendition), rt.Track.Timescale
	start := s.clock[rt.Rendition]
	next := r.NextPosition(s.t)
	p := timeline.Part{Start: start, Time: s.at(start, ts), Samples: samples}
	if rt.Track.Kind == media.Video {
		p.Duration = media.Ticks(samples) * s.frame
		p.Independent = next.Part == 0
		size := s.bytes / sizes[rt.Rendition]
		p.Data = bytes.Repeat([]byte{1}, size)
		if p.Independent {
			p.Data = bytes.Repeat([]byte{1}, 3*size)
			if !s.unknown {
				p.Key = 2 * size
			}
		}
	} else {
		p.Duration = media.Ticks(samples) * 1024
		p.Independent = true
		p.Data = bytes.Repeat([]byte{2}, 400*samples)
	}
	s.clock[rt.Rendition] = start + p.Duration
	if end := s.at(s.clock[rt.Rendition], ts); end.After(s.now) {
		s.now = end
	}
	s.apply(timeline.PartWritten{Epoch: s.epoch().Number, Rendition: rt.Rendition, MSN: next.MSN, Index: next.Part, Part: p})
}

// closeAll closes the open segment of every rendition.
func (s *script) closeAll() {
	s.tb.Helper()
	for _, rt := range s.tracks() {
		s.closeOf(rt)
	}
}

// closeOf closes the open segment of one; audio runs to the frame boundary
// nearest to the leading rendition's end.
func (s *script) closeOf(rt timeline.RenditionTrack) {
	s.tb.Helper()
	if rt.Track.Kind == media.Audio && s.epoch().Tracks[0].Rendition != rt.Rendition {
		rest := int((s.leadEnd(rt) - s.clock[rt.Rendition] + 512) / 1024)
		for ; rest > 0; rest -= audioPart {
			s.partOf(rt, min(rest, audioPart))
		}
	}
	if g := s.t.Rendition(rt.Rendition).Open; g != nil {
		s.apply(timeline.SegmentClosed{
			Epoch: s.epoch().Number, Rendition: rt.Rendition, MSN: g.MSN, Duration: s.clock[rt.Rendition] - g.Start,
		})
	}
}

func (s *script) parts(n int) {
	s.tb.Helper()
	for range n {
		s.part()
	}
}

func (s *script) segments(n int) {
	s.tb.Helper()
	for range n {
		s.parts(s.perSeg)
		s.closeAll()
	}
}

// leave ends the open epoch; the server notices after a while.
func (s *script) leave(after time.Duration) {
	s.tb.Helper()
	s.closeAll()
	s.now = s.now.Add(after)
	s.apply(timeline.EpochEnded{Epoch: s.epoch().Number, At: s.now})
}

func (s *script) end() { s.apply(timeline.StreamEnded{At: s.now}) }

func segmentName(g *timeline.Segment) string { return fmt.Sprintf("%d/%d.m4s", g.Epoch, g.MSN) }

func partName(g *timeline.Segment, i int) string {
	return fmt.Sprintf("%d/%d.%d.m4s", g.Epoch, g.MSN, i)
}
