package dash_test

import (
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/timeline"
)

// tape records a stream entry by entry, as a packager would.
type tape struct {
	tb    testing.TB
	t     *timeline.Timeline
	start time.Time // of the epoch
	frame media.Ticks
	at    map[timeline.RenditionID]media.Ticks // where each rendition's media ends
	epoch uint64
	inits map[timeline.RenditionID]timeline.InitWritten
	drift time.Duration            // what the encoder's clock is behind the server's
	seen  func(*timeline.Timeline) // each timeline in turn
	// expected are the rungs of the epochs that begin, and lag is theirs.
	expected []timeline.ExpectedRendition
	lag      time.Duration
	stream   *tape // that holds the timeline, where it isn't this one
}

var (
	broadcastStart = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	partSpan       = 200 * time.Millisecond
)

func newTape(tb testing.TB) *tape {
	return &tape{
		tb: tb, t: timeline.New(timeline.Numbers{Epoch: 3, MSN: 41}), start: broadcastStart, frame: 3000,
		inits: map[timeline.RenditionID]timeline.InitWritten{},
	}
}

func video(width, height int) media.Track {
	return media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: &media.H264{
		SPS: []byte{0x67, 0x64, 0x00, 0x1f, byte(height)}, PPS: []byte{0x68, 1},
		Width: width, Height: height, SARWidth: 1, SARHeight: 1, FrameRate: 30,
	}}
}

func audio(rate int) media.Track {
	return media.Track{ID: 2, Kind: media.Audio, Timescale: media.Timescale(rate), Codec: &media.AAC{
		Config: mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: 2},
	}}
}

func sourceAnd(v media.Track, rest ...timeline.RenditionTrack) []timeline.RenditionTrack {
	return append([]timeline.RenditionTrack{{Rendition: timeline.Source, Track: v}}, rest...)
}

func both() []timeline.RenditionTrack {
	return sourceAnd(video(1280, 720), timeline.RenditionTrack{Rendition: timeline.Audio, Track: audio(48000)})
}

func (p *tape) apply(e timeline.Entry) {
	p.tb.Helper()
	root := p.root()
	next, err := timeline.Apply(root.t, e)
	require.NoError(p.tb, err)
	root.t, p.t = next, next
	if root.seen != nil {
		root.seen(next)
	}
}

// begin starts an epoch at the given time after the broadcast's start.
func (p *tape) begin(after time.Duration, window time.Duration, tracks []timeline.RenditionTrack) {
	p.tb.Helper()
	p.epoch, p.start = p.t.Next.Epoch, broadcastStart.Add(after)
	p.at = map[timeline.RenditionID]media.Ticks{}
	p.apply(timeline.EpochStarted{Epoch: p.epoch, At: p.start, Window: window, Tracks: tracks, Expected: p.expected})
	for _, rt := range tracks {
		p.at[rt.Rendition] = media.TicksOf(timeline.Origin, rt.Track.Timescale)
		p.init(rt)
	}
	if !p.t.Ready() {
		p.apply(timeline.TargetsFixed{Targets: timeline.Targets{
			Segment: 2 * time.Second, Part: partSpan, PartHoldBack: 3*partSpan + p.lag, Lag: p.lag,
		}})
	}
}

// init writes a rendition's init segment, a new one where its parameters have changed.
func (p *tape) init(rt timeline.RenditionTrack) {
	p.tb.Helper()
	init := timeline.InitWritten{Epoch: p.epoch, InitEpoch: p.epoch, Rendition: rt.Rendition, Data: []byte("init")}
	if old, ok := p.inits[rt.Rendition]; ok && p.t.Rendition(rt.Rendition).Init.Track.Equal(rt.Track) {
		init.InitEpoch = old.InitEpoch
	}
	p.inits[rt.Rendition] = init
	p.apply(init)
}

// expect lets the epochs that begin expect rungs.
func (p *tape) expect(lag time.Duration, rungs ...timeline.RenditionTrack) {
	p.expected, p.lag = nil, lag
	for _, rt := range rungs {
		p.expected = append(p.expected, timeline.ExpectedRendition{Rendition: rt.Rendition, Kind: rt.Track.Kind})
	}
}

// join adds rungs to the epoch, from the next segment of what leads on.
func (p *tape) join(rungs ...timeline.RenditionTrack) {
	p.tb.Helper()
	leader := p.t.Rendition(p.t.Current().Tracks[0].Rendition)
	for _, rt := range rungs {
		was := p.t.Rendition(rt.Rendition)
		again := was != nil && was.Epoch == p.epoch
		p.apply(timeline.RenditionJoined{Epoch: p.epoch, RenditionTrack: rt, MSN: leader.NextPosition(p.t).MSN})
		if !again {
			p.init(rt)
		}
		p.at[rt.Rendition] = p.at[leader.ID]
	}
}

// leave takes a rung out, wherever it is.
func (p *tape) leave(id timeline.RenditionID) {
	p.tb.Helper()
	if p.t.Rendition(id).Open != nil {
		p.shut(0, id)
	}
	p.apply(timeline.RenditionLeft{Rendition: id})
}

// tail returns a tape of the present epoch, for rungs that go on in it when the
// next one has begun: they have shares of the same stream.
func (p *tape) tail(ids ...timeline.RenditionID) *tape {
	old := *p
	old.at = map[timeline.RenditionID]media.Ticks{}
	for _, id := range ids {
		old.at[id] = p.at[id]
	}
	old.stream = p.root()
	return &old
}

// root is the tape that holds the timeline.
func (p *tape) root() *tape {
	if p.stream != nil {
		return p.stream
	}
	return p
}

// wall is the time on the server's clock at media time at.
func (p *tape) wall(at media.Ticks, ts media.Timescale) time.Time {
	return p.start.Add(at.Duration(ts) - timeline.Origin + p.drift)
}

// grid is where a track is cut for the boundary b (since the epoch's origin):
// the nearest access unit.
func (p *tape) grid(track media.Track, b time.Duration) media.Ticks {
	unit := p.frame
	if track.Kind == media.Audio {
		unit = 1024
	}
	n := (media.TicksOf(b, track.Timescale) + unit/2) / unit
	return media.TicksOf(timeline.Origin, track.Timescale) + n*unit
}

// part writes one part of rendition id, from where it stands to boundary b.
func (p *tape) part(id timeline.RenditionID, b time.Duration) {
	p.tb.Helper()
	r := p.t.Rendition(id)
	start, end := p.at[id], p.grid(r.Track, b)
	if end <= start {
		return
	}
	next := r.NextPosition(p.t)
	unit, bytes := p.frame, 2000
	if r.Track.Kind == media.Audio {
		unit, bytes = 1024, 340
	}
	samples := int((end - start) / unit)
	p.apply(timeline.PartWritten{Epoch: p.epoch, Rendition: id, MSN: next.MSN, Index: next.Part, Part: timeline.Part{
		Start: start, Duration: end - start, Samples: samples, Independent: next.Part == 0,
		Time: p.wall(start, r.Track.Timescale), Arrived: p.wall(end, r.Track.Timescale),
		Data: make([]byte, samples*bytes),
	}})
	p.at[id] = end
}

// parts writes what all the given renditions have from..to, part by part.
func (p *tape) parts(from, to time.Duration, ids ...timeline.RenditionID) {
	p.tb.Helper()
	for b := from; b < to; {
		b = min(b+partSpan, to)
		for _, id := range ids {
			p.part(id, b)
		}
	}
}

// shut closes the open segment of each rendition, or records a gap up to b.
func (p *tape) shut(b time.Duration, ids ...timeline.RenditionID) {
	p.tb.Helper()
	for _, id := range ids {
		r := p.t.Rendition(id)
		closed := timeline.SegmentClosed{Epoch: p.epoch, Rendition: id, MSN: r.NextPosition(p.t).MSN}
		if r.Open != nil {
			closed.Duration = p.at[id] - r.Open.Start
		} else {
			end := p.grid(r.Track, b)
			closed.Start, closed.Duration = p.at[id], end-p.at[id]
			closed.Time = p.wall(p.at[id], r.Track.Timescale)
			p.at[id] = end
		}
		p.apply(closed)
	}
}

// segments writes n whole segments of that length, the first at from.
func (p *tape) segments(from, length time.Duration, n int, ids ...timeline.RenditionID) time.Duration {
	p.tb.Helper()
	for range n {
		p.parts(from, from+length, ids...)
		from += length
		p.shut(from, ids...)
	}
	return from
}

func (p *tape) away(after time.Duration) {
	p.tb.Helper()
	p.apply(timeline.EpochEnded{Epoch: p.epoch, At: broadcastStart.Add(after)})
}

func (p *tape) over(after time.Duration) {
	p.tb.Helper()
	p.apply(timeline.StreamEnded{At: broadcastStart.Add(after)})
}

func splice(s *scte35.Section) []byte {
	data, err := s.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return data
}

// mark marks a splice at so long after the epoch's origin.
func (p *tape) mark(s timeline.Splice, at time.Duration) {
	p.tb.Helper()
	s.Epoch, s.Media, s.Time = p.epoch, timeline.Origin+at, p.start.Add(at+p.drift).Truncate(time.Millisecond)
	p.apply(timeline.SpliceMarked{Splice: s})
}

// spliceOver ends a break there.
func (p *tape) spliceOver(id string, at time.Duration) {
	p.tb.Helper()
	p.apply(timeline.SpliceEnded{ID: id, End: timeline.SpliceEnd{
		Epoch: p.epoch, Media: timeline.Origin + at, Time: p.start.Add(at + p.drift).Truncate(time.Millisecond), Section: splice(scte35.In(1, nil)),
	}})
}
