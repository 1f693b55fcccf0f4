package hls_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
	"sluice/packager/timeline"
)

const (
	base        = "https://example.org/live/one/"
	contentType = "application/vnd.apple.mpegurl"
)

// watcher feeds an observer with what viewers of a script would fetch.
type watcher struct {
	tb       testing.TB
	o        *hlscheck.Observer
	random   *rand.Rand
	known    map[string]bool // media that was measured
	playlist int
}

func watch(s *script) *watcher {
	w := &watcher{
		tb: s.tb, o: hlscheck.NewObserver(hlscheck.Options{}),
		random: rand.New(rand.NewPCG(1, 2)), known: map[string]bool{},
	}
	s.onChange = func(t *timeline.Timeline) { w.look(t, s.now) }
	return w
}

// look fetches everything, or, to see larger steps too, nothing at all.
func (w *watcher) look(t *timeline.Timeline, now time.Time) {
	if w.random.IntN(3) == 0 {
		return
	}
	w.fetch("index.m3u8", now, func() ([]byte, error) { return hls.AppendMultivariant(nil, t, hls.Options{}) })
	w.fetch("ts.m3u8", now, func() ([]byte, error) { return hls.AppendTransportMultivariant(nil, t, hls.Options{}) })
	for _, r := range t.Renditions {
		w.measure(r)
		if w.random.IntN(2) == 0 {
			w.fetch(string(r.ID)+"/ts.m3u8", now, func() ([]byte, error) { return hls.AppendTransportMedia(nil, t, r.ID) })
		}
		if w.random.IntN(2) == 0 {
			w.fetch(string(r.ID)+"/iframes.m3u8", now, func() ([]byte, error) { return hls.AppendIFrames(nil, t, r.ID) })
		}
		path := string(r.ID) + "/index.m3u8"
		if w.random.IntN(2) == 0 {
			w.fetch(path, now, func() ([]byte, error) { return hls.AppendMedia(nil, t, r.ID) })
		}
		if w.random.IntN(2) == 0 {
			w.fetch(path+"?_HLS_skip=YES", now, func() ([]byte, error) { return hls.AppendMediaDelta(nil, t, r.ID) })
		}
	}
}

func (w *watcher) fetch(path string, now time.Time, render func() ([]byte, error)) {
	body, err := render()
	if errors.Is(err, hls.ErrGone) {
		w.o.Gone(base+path, now)
	}
	if err != nil {
		return
	}
	w.playlist++
	w.o.Playlist(hlscheck.Fetch{URL: base + path, Body: body, At: now, ContentType: contentType})
}

func (w *watcher) measure(r *timeline.Rendition) {
	segments := func(yield func(*timeline.Segment) bool) {
		for g := range r.Segments.All() {
			if !yield(g) {
				return
			}
		}
		if r.Open != nil {
			yield(r.Open)
		}
	}
	for g := range segments {
		for i, p := range g.Parts {
			if url := base + string(r.ID) + "/" + partName(g, i); !w.known[url] {
				w.known[url] = true
				w.o.Sync(url, p.Independent)
			}
		}
		if url := base + string(r.ID) + "/" + segmentName(g); g.Closed && !g.Gap() && !w.known[url] {
			w.known[url] = true
			w.o.Media(url, g.Size)
			w.o.Key(url, g.Key())
			w.o.Start(url, g.Start.Duration(g.Timescale(r)))
		}
	}
}

func (w *watcher) requireNothing() {
	w.tb.Helper()
	for _, v := range w.o.Violations() {
		w.tb.Errorf("%v", v)
	}
	require.Positive(w.tb, w.playlist)
}

// Every case keeps to every rule, as it comes about, entry by entry.
func TestCasesKeepToTheRules(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			w := watch(s)
			c.build(s)
			s.onChange(s.t)
			if c.name != "long_gop" {
				w.requireNothing()
				return
			}
			// A segment longer than was promised is all that is wrong there.
			for _, v := range w.o.Violations() {
				require.Equal(t, "target.duration", v.Rule.ID, "%v", v)
			}
		})
	}
}

// A stream through all that can happen to it keeps to every rule.
func TestLifeKeepsToTheRules(t *testing.T) {
	s := newScript(t)
	s.window = 40 * time.Second
	w := watch(s)
	tracks := []timeline.RenditionTrack{videoTrack(timeline.Source, videoCodec), videoTrack("720p", smallCodec), audioTrack()}
	s.start(tracks...)
	s.segments(1)
	s.fix()
	s.segments(30)
	s.parts(3)
	s.leave(4 * time.Second)
	s.start(tracks...)
	s.segments(3)
	s.gap(audioTrack())
	s.segments(3)
	s.leave(time.Second)
	s.start(bothTracks()...)
	s.segments(2)
	s.leave(20 * time.Second)
	s.end()
	s.now = s.now.Add(time.Minute)
	s.start(bothTracks()...)
	s.parts(4)
	s.fix()
	s.parts(6)
	s.closeAll()
	s.segments(30)
	s.leave(time.Second)
	s.end()
	w.requireNothing()
	require.Greater(t, w.playlist, 1000)
}

// Whatever comes in whatever order, the rules hold.
func TestAnyLifeKeepsToTheRules(t *testing.T) {
	ladder := []timeline.RenditionTrack{videoTrack(timeline.Source, videoCodec), videoTrack("720p", smallCodec), audioTrack()}
	sources := [][]timeline.RenditionTrack{
		ladder, bothTracks(), {videoTrack(timeline.Source, smallCodec), audioTrack()}, {videoTrack(timeline.Source, videoCodec)},
	}
	for seed := range uint64(15) {
		random := rand.New(rand.NewPCG(seed, 7))
		s := newScript(t)
		s.bytes = 1000
		s.window = time.Duration(6+random.IntN(30)) * time.Second
		w := watch(s)
		w.random = rand.New(rand.NewPCG(seed, 8))
		for range 1 + random.IntN(3) { // broadcasts
			tracks := sources[random.IntN(len(sources))]
			if random.IntN(4) == 0 {
				tracks = []timeline.RenditionTrack{audioTrack()}
			}
			for epoch := range 1 + random.IntN(4) {
				s.start(tracks...)
				if epoch == 0 {
					s.parts(1 + random.IntN(3))
					s.fix()
				}
				for range random.IntN(20) {
					s.perSeg = 5 + random.IntN(8) // 1 to 2.4 s
					if s.t.Rendition(tracks[0].Rendition).Open != nil {
						s.perSeg = 3
					}
					s.segments(1)
					if len(tracks) > 1 && random.IntN(10) == 0 {
						s.gap(tracks[1+random.IntN(len(tracks)-1)])
					}
				}
				s.parts(random.IntN(5))
				s.leave(time.Duration(random.IntN(20_000)) * time.Millisecond)
			}
			s.end()
			s.now = s.now.Add(time.Duration(random.IntN(100)) * time.Second)
		}
		w.requireNothing()
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

// Rungs join, hang, catch up and leave as they like; the rules hold.
func TestAnyLadderKeepsToTheRules(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 11))
		s := newScript(t)
		s.bytes = 4000
		s.window = time.Duration(6+random.IntN(30)) * time.Second
		s.targets.Lag, s.targets.PartHoldBack = 100*time.Millisecond, 700*time.Millisecond
		s.expect(highRung, lowRung)
		w := watch(s)
		w.random = rand.New(rand.NewPCG(seed, 12))
		for range 1 + random.IntN(2) { // broadcasts
			for epoch := range 1 + random.IntN(3) {
				s.start(bothTracks()...)
				if random.IntN(3) > 0 {
					s.join(highRung)
				}
				if epoch == 0 {
					s.fix()
				}
				for range 5 + random.IntN(15) {
					s.anySegment(random)
				}
				s.parts(random.IntN(5))
				s.leave(time.Duration(random.IntN(5000)) * time.Millisecond)
			}
			s.end()
			s.now = s.now.Add(time.Duration(random.IntN(100)) * time.Second)
		}
		w.requireNothing()
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

// Reports tell of the newest part, however long there have been gaps: for two windows
// here.
func TestGapsForLongKeepToTheRules(t *testing.T) {
	s := newScript(t)
	s.bytes = 4000
	s.laddered()
	w := watch(s)
	s.segments(3)
	newest := s.t.Rendition(lowRung.Rendition).Newest
	require.Equal(t, timeline.Position{MSN: 3, Part: s.perSeg - 1}, newest)
	for range 30 {
		s.leadSegment(lowRung.Rendition)
		s.fillGap(lowRung)
	}
	require.Greater(t, s.t.First, newest.MSN)
	body, err := hls.AppendMedia(nil, s.t, timeline.Source)
	require.NoError(t, err)
	require.Contains(t, string(body), `"../480p/index.m3u8",LAST-MSN=3,LAST-PART=9`)
	w.requireNothing()
}

// anySegment lets something happen to a rung, and the stream go on by a segment.
func (s *script) anySegment(random *rand.Rand) {
	s.tb.Helper()
	rt := []timeline.RenditionTrack{highRung, lowRung}[random.IntN(2)]
	r := s.t.Rendition(rt.Rendition)
	joined := r != nil && !r.Left && r.Epoch == s.epoch().Number
	what, n := random.IntN(6), 0
	switch {
	case what == 0 && !joined:
		s.join(rt)
	case what == 1 && joined:
		n = random.IntN(5)
		s.parts(n)
		s.drop(rt)
	case what == 2 && joined: // it has the beginning of a segment only
		s.only(rt, 1+random.IntN(5))
		s.leadSegment(rt.Rendition)
		s.catchUp(rt)
		return
	case what == 3 && joined:
		s.leadSegment(rt.Rendition)
		s.fillGap(rt)
		return
	}
	s.parts(s.perSeg - n)
	s.closeAll()
}
