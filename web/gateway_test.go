package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
	"sluice/storage/journal/memory"
)

// names is a directory that can be changed.
type names struct {
	mu   sync.Mutex
	list []string
	err  error
}

func (n *names) Names(context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.list...), n.err
}

func (n *names) set(err error, list ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list, n.err = list, err
}

// gateway is a server over a journal in memory, which a test writes to.
type gateway struct {
	tb testing.TB
	*Server
	journal *memory.Journal
	names   *names
	logged  *strings.Builder
}

func newGateway(tb testing.TB, change ...func(*Options)) *gateway {
	g := &gateway{
		tb: tb, journal: memory.New(memory.Options{}), names: &names{list: []string{"live", "empty"}},
		logged: &strings.Builder{},
	}
	o := Options{
		Journal: g.journal, Streams: g.names,
		Log: slog.New(slog.NewTextHandler(&locked{w: g.logged}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, f := range change {
		f(&o)
	}
	g.Server = New(o)
	return g
}

// locked lets several goroutines write.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// do sends a request straight to the handler. Headers are given as "Name: value".
func (g *gateway) do(method, url string, headers ...string) *httptest.ResponseRecorder {
	g.tb.Helper()
	return g.doWith(context.Background(), method, url, headers...)
}

func (g *gateway) doWith(ctx context.Context, method, url string, headers ...string) *httptest.ResponseRecorder {
	g.tb.Helper()
	r := httptest.NewRequestWithContext(ctx, method, url, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func (g *gateway) get(url string, headers ...string) *httptest.ResponseRecorder {
	g.tb.Helper()
	return g.do(http.MethodGet, url, headers...)
}

// start is when the first epoch of a test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var targets = timeline.Targets{
	Segment: 2 * time.Second, Part: 200 * time.Millisecond,
	HoldBack: 6 * time.Second, PartHoldBack: 600 * time.Millisecond,
}

const partsInSegment = 10

// publisher writes a stream's entries as a packager would: parts of 200 ms,
// segments of 2 s, video and audio in step.
type publisher struct {
	g      *gateway
	stream string
	epoch  uint64
	msn    uint64
	part   int
	clock  time.Duration // of the epoch's media
	size   int           // bytes of a video part
	began  time.Time
	tracks []timeline.RenditionTrack
	// expected are rungs of the epochs that begin, and rungs those that have joined.
	expected []timeline.ExpectedRendition
	rungs    []timeline.RenditionTrack
	window   time.Duration
	// bytes, if given, are those of a part; else they are what data gives.
	bytes func(rt timeline.RenditionTrack, start time.Duration, first bool) []byte
}

func mustAAC(raw []byte) *media.AAC {
	c, err := media.NewAAC(raw)
	if err != nil {
		panic(err)
	}
	return c
}

var (
	videoTrack = timeline.RenditionTrack{Rendition: timeline.Source, Track: media.Track{
		ID: 1, Kind: media.Video, Timescale: media.VideoClock, Codec: &media.H264{
			SPS: []byte{0x67, 0x64, 0x00, 0x28}, PPS: []byte{0x68},
			Width: 1920, Height: 1080, SARWidth: 1, SARHeight: 1, FrameRate: 30,
		},
	}}
	audioTrack = timeline.RenditionTrack{Rendition: timeline.Audio, Track: media.Track{
		ID: 2, Kind: media.Audio, Timescale: 48_000, Codec: mustAAC([]byte{0x11, 0x90}),
	}}
)

func (g *gateway) publisher(stream string) *publisher {
	return &publisher{
		g: g, stream: stream, size: 1000, began: start, window: 20 * time.Second,
		tracks: []timeline.RenditionTrack{videoTrack, audioTrack},
	}
}

func (p *publisher) feed() *timeline.Feed {
	f, err := p.g.journal.Follow(context.Background(), p.stream)
	require.NoError(p.g.tb, err)
	return f
}

func (p *publisher) append(e timeline.Entry) {
	p.g.tb.Helper()
	require.NoError(p.g.tb, p.g.journal.Append(context.Background(), p.stream, e))
}

// begin opens an epoch and writes its init segments.
func (p *publisher) begin() *publisher {
	p.g.tb.Helper()
	next := p.feed().Current().Next
	p.epoch, p.msn, p.part, p.clock = next.Epoch, next.MSN, 0, timeline.Origin
	p.append(timeline.EpochStarted{Epoch: p.epoch, At: p.began, Window: p.window, Tracks: p.tracks, Expected: p.expected})
	p.rungs = nil
	for _, rt := range p.tracks {
		data := fmt.Appendf(nil, "init of %s in epoch %d", rt.Rendition, p.epoch)
		p.append(timeline.InitWritten{Epoch: p.epoch, InitEpoch: p.epoch, Rendition: rt.Rendition, Data: data})
	}
	return p
}

func (p *publisher) fix() *publisher {
	p.append(timeline.TargetsFixed{Targets: targets})
	return p
}

// data is what a part's bytes are.
func (p *publisher) data(id timeline.RenditionID, msn uint64, part int) []byte {
	b := fmt.Appendf(nil, "[%s %d.%d]", id, msn, part)
	for id == timeline.Source && len(b) < p.size {
		b = append(b, byte(len(b)))
	}
	return b
}

// whole is what a whole segment's bytes are.
func (p *publisher) whole(id timeline.RenditionID, msn uint64) string {
	var b strings.Builder
	for i := range partsInSegment {
		b.Write(p.data(id, msn, i))
	}
	return b.String()
}

// write adds a part to every rendition but those left out.
func (p *publisher) write(but ...timeline.RenditionID) *publisher {
	p.g.tb.Helper()
	for _, rt := range p.all() {
		if slices.Contains(but, rt.Rendition) {
			continue
		}
		data := p.data(rt.Rendition, p.msn, p.part)
		if p.bytes != nil {
			data = p.bytes(rt, p.clock, p.part == 0)
		}
		key := 0
		if rt.Track.Kind == media.Video && p.part == 0 {
			key = len(data) - len(data)/4
		}
		p.append(timeline.PartWritten{
			Epoch: p.epoch, Rendition: rt.Rendition, MSN: p.msn, Index: p.part,
			Part: timeline.Part{
				Key:   key,
				Start: media.TicksOf(p.clock, rt.Track.Timescale), Duration: media.TicksOf(targets.Part, rt.Track.Timescale),
				Samples: 6, Independent: p.part == 0, Time: p.began.Add(p.clock - timeline.Origin),
				Arrived: p.began.Add(p.clock - timeline.Origin + targets.Part), Data: data,
			},
		})
	}
	p.part++
	p.clock += targets.Part
	return p
}

// shut closes the open segment of every rendition.
func (p *publisher) shut() *publisher {
	p.g.tb.Helper()
	span := time.Duration(p.part) * targets.Part
	for _, rt := range p.all() {
		p.append(timeline.SegmentClosed{
			Epoch: p.epoch, Rendition: rt.Rendition, MSN: p.msn, Duration: media.TicksOf(span, rt.Track.Timescale),
			Start: media.TicksOf(p.clock-span, rt.Track.Timescale), Time: p.began.Add(p.clock - span - timeline.Origin),
		})
	}
	p.msn++
	p.part = 0
	return p
}

// readsOn reads the open segment, the fourth, of which the client has three parts at first, to
// its end: each part comes when it is written.
func (p *publisher) readsOn(body io.Reader) {
	p.g.tb.Helper()
	for i := range partsInSegment {
		if i >= 3 {
			p.write() // the client has all that came before, and waits
		}
		want := p.data(timeline.Source, 4, i)
		got := make([]byte, len(want))
		_, err := io.ReadFull(body, got)
		require.NoError(p.g.tb, err)
		require.Equal(p.g.tb, want, got)
	}
	p.shut()
	rest, err := io.ReadAll(body)
	require.NoError(p.g.tb, err)
	require.Empty(p.g.tb, rest)
}

// all are the renditions that get parts.
func (p *publisher) all() []timeline.RenditionTrack {
	return append(slices.Clone(p.tracks), p.rungs...)
}

// join adds a rung, between two segments.
func (p *publisher) join(rt timeline.RenditionTrack) *publisher {
	p.g.tb.Helper()
	was := p.feed().Current().Rendition(rt.Rendition)
	p.append(timeline.RenditionJoined{Epoch: p.epoch, RenditionTrack: rt, MSN: p.msn})
	if was == nil || was.Epoch != p.epoch {
		p.append(timeline.InitWritten{Epoch: p.epoch, InitEpoch: p.epoch, Rendition: rt.Rendition, Data: []byte("init of a rung")})
	}
	p.rungs = append(p.rungs, rt)
	return p
}

// drop takes a rung out, in the middle of what it has.
func (p *publisher) drop(id timeline.RenditionID) *publisher {
	p.g.tb.Helper()
	if r := p.feed().Current().Rendition(id); r.Open != nil {
		p.append(timeline.SegmentClosed{Epoch: p.epoch, Rendition: id, MSN: r.Open.MSN, Duration: r.Open.Duration})
	}
	p.append(timeline.RenditionLeft{Rendition: id, At: p.began})
	p.rungs = slices.DeleteFunc(p.rungs, func(rt timeline.RenditionTrack) bool { return rt.Rendition == id })
	return p
}

// segments writes n whole ones.
func (p *publisher) segments(n int) *publisher {
	p.g.tb.Helper()
	for range n {
		for range partsInSegment {
			p.write()
		}
		p.shut()
	}
	return p
}

// leave ends the epoch: the publisher may come back.
func (p *publisher) leave() *publisher {
	p.g.tb.Helper()
	if p.part > 0 {
		p.shut()
	}
	p.began = p.began.Add(p.clock - timeline.Origin)
	p.append(timeline.EpochEnded{Epoch: p.epoch, At: p.began})
	return p
}

func (p *publisher) end() *publisher {
	p.append(timeline.StreamEnded{At: p.began})
	return p
}

// playing returns a gateway whose stream "live" has n segments and three parts of the next.
func playing(tb testing.TB, n int, change ...func(*Options)) (*gateway, *publisher) {
	g := newGateway(tb, change...)
	p := g.publisher("live").begin().fix().segments(n)
	return g, p.write().write().write()
}
