package packager_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls"
	"sluice/packager/hls/hlscheck"
	"sluice/packager/timeline"
)

// viewers feed what players see of a stream, after each entry, to checkers.
type viewers struct {
	t        testing.TB
	dash     *dashcheck.Observer
	hls      *hlscheck.Observer
	mpd      string // where it's asked for next
	measured map[string]bool
	whole    map[string]whole // by path
	uneven   int              // findings that late explains
}

// whole is a playlist of whole segments, and the Timeline.Whole that it is of.
type whole struct {
	version uint64
	body    string
}

const (
	mpdURL  = "http://127.0.0.1/live/live/manifest.mpd"
	hlsBase = "http://127.0.0.1/live/live/"
)

func newViewers(t testing.TB) *viewers {
	return &viewers{
		t: t, dash: dashcheck.NewObserver(dashcheck.Options{Skew: 250 * time.Millisecond}),
		hls: hlscheck.NewObserver(hlscheck.Options{}), mpd: mpdURL, measured: map[string]bool{},
		whole: map[string]whole{},
	}
}

func (v *viewers) look(tl *timeline.Timeline, now time.Time) {
	v.lookAtDASH(tl, now)
	v.lookAtHLS(tl, now)
}

func (v *viewers) lookAtDASH(tl *timeline.Timeline, now time.Time) {
	body, err := dash.AppendMPD(nil, tl, dash.Options{TimePath: "/time", Following: v.mpd != mpdURL})
	if errors.Is(err, dash.ErrNotReady) {
		return
	}
	require.NoError(v.t, err)
	m := v.dash.MPD(dashcheck.Fetch{URL: v.mpd, Body: body, At: now, ContentType: dash.ContentType})
	require.NotNil(v.t, m)
	v.late(tl)
	if v.mpd = mpdURL; m.Next != "" {
		v.mpd = m.Next
	}
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				for _, listed := range r.Segments {
					g := tl.Rendition(timeline.RenditionID(r.ID)).Segment(listed.Number)
					if g == nil || !g.Closed {
						requireAhead(v.t, tl, timeline.RenditionID(r.ID), listed.Number)
						continue
					}
					media := dashcheck.Media{Size: g.Size, Empty: g.Gap(), Start: uint64(g.Start), Sync: true}
					for _, p := range g.Parts {
						media.Duration += uint64(p.Duration)
					}
					v.dash.Segment(listed.URL, media)
				}
			}
		}
	}
}

// late looks at the rungs of the newest Period that hang: it can't be ended within a
// segment, so they end before the others by as much as they may be late where it
// begins, and a segment. That much, and no more, of what timeline.even finds is theirs.
func (v *viewers) late(tl *timeline.Timeline) {
	var uneven []string
	for _, found := range v.dash.Violations() {
		if found.Rule.ID == "timeline.even" {
			uneven = append(uneven, found.Detail)
		}
	}
	if len(uneven) == v.uneven {
		return
	}
	e := tl.Current()
	require.NotNil(v.t, e, "uneven, and nothing can be late")
	end := func(id timeline.RenditionID) time.Duration {
		r := tl.Rendition(id)
		g := r.Open
		if g == nil {
			g = r.Segments.Last()
		}
		return (g.Start + g.Duration).Duration(g.Timescale(r))
	}
	late := map[string]bool{}
	for _, id := range e.Anchors[len(e.Anchors)-1].Renditions {
		if by := end(timeline.Source) - end(id); by > tl.Targets.Segment {
			require.True(v.t, tl.Rendition(id).Behind, "%s ends %v before the others, and isn't behind", id, by)
			require.LessOrEqual(v.t, by, tl.Targets.Segment+tl.Targets.PartHoldBack, id)
			late[string(id)] = true
		}
	}
	for _, found := range uneven[v.uneven:] {
		var id string
		_, err := fmt.Sscanf(found, "Representation %s of", &id)
		require.NoError(v.t, err)
		require.True(v.t, late[id], "%s isn't late: %s", id, found)
	}
	v.uneven = len(uneven)
}

// requireAhead demands that a segment that is listed is the rendition's open one, or
// one that the source has whole and a rung still gets.
func requireAhead(t testing.TB, tl *timeline.Timeline, id timeline.RenditionID, msn uint64) {
	t.Helper()
	r, led := tl.Rendition(id), tl.Rendition(timeline.Source).Segment(msn)
	ahead := r.Follows && !r.Left && msn >= r.NextPosition(tl).MSN && led != nil && led.Closed
	require.True(t, ahead || r.Open != nil && r.Open.MSN == msn, "segment %d of %s isn't there", msn, id)
}

func (v *viewers) lookAtHLS(tl *timeline.Timeline, now time.Time) {
	fetch := func(path string, body []byte, err error) {
		if err == nil {
			v.hls.Playlist(hlscheck.Fetch{URL: hlsBase + path, Body: body, At: now, ContentType: "application/vnd.apple.mpegurl"})
		} else if errors.Is(err, hls.ErrGone) {
			v.hls.Gone(hlsBase+path, now)
		}
	}
	body, err := hls.AppendMultivariant(nil, tl, hls.Options{})
	fetch("index.m3u8", body, err)
	for _, r := range tl.Renditions {
		path := string(r.ID) + "/index.m3u8"
		body, err := hls.AppendMedia(nil, tl, r.ID)
		fetch(path, body, err)
		body, err = hls.AppendMediaDelta(nil, tl, r.ID)
		fetch(path+"?_HLS_skip=YES", body, err)
		_, _ = v.lookAtWhole(tl, r, "ts.m3u8", hls.AppendTransportMedia)
		body, err = v.lookAtWhole(tl, r, "iframes.m3u8", hls.AppendIFrames)
		fetch(string(r.ID)+"/iframes.m3u8", body, err)
		for g := range r.Segments.All() {
			v.measure(r, g)
		}
		if r.Open != nil {
			v.measure(r, r.Open)
		}
	}
}

// ofWhole renders a playlist of whole segments.
type ofWhole func([]byte, *timeline.Timeline, timeline.RenditionID) ([]byte, error)

// lookAtWhole demands that a playlist of whole segments changes with Timeline.Whole only.
func (v *viewers) lookAtWhole(tl *timeline.Timeline, r *timeline.Rendition, name string, f ofWhole) ([]byte, error) {
	body, err := f(nil, tl, r.ID)
	if err != nil {
		return nil, err
	}
	path, now := string(r.ID)+"/"+name, whole{tl.Whole, string(body)}
	if before := v.whole[path]; before.version == now.version {
		require.Equal(v.t, before.body, now.body, path)
	}
	v.whole[path] = now
	return body, nil
}

func (v *viewers) measure(r *timeline.Rendition, g *timeline.Segment) {
	base := hlsBase + string(r.ID) + "/" + strconv.FormatUint(g.Epoch, 10) + "/" + strconv.FormatUint(g.MSN, 10)
	for i, p := range g.Parts {
		if url := base + "." + strconv.Itoa(i) + ".m4s"; !v.measured[url] {
			v.measured[url] = true
			v.hls.Sync(url, p.Independent)
		}
	}
	if url := base + ".m4s"; g.Closed && !g.Gap() && !v.measured[url] {
		v.measured[url] = true
		v.hls.Media(url, g.Size)
		if key := g.Key(); key > 0 {
			v.hls.Key(url, key)
		}
		v.hls.Start(url, g.Start.Duration(g.Timescale(r)))
	}
}

// TestAnyLadderKeepsTheRules lets a ladder's process hang, die, catch up and leave,
// and the publisher's clock jump and its line break, in any order: no manifest
// says anything that a rule forbids.
func TestAnyLadderKeepsTheRules(t *testing.T) {
	// A rung hangs late in a segment in 13, and when the first manifests are due in 19;
	// in 24 one has nothing but gaps for long.
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 13, 19, 24} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { anyLadder(t, seed) })
		})
	}
}

func anyLadder(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 5))
	num := []int{3000, 3003, 3600}[random.IntN(3)]
	v := video{num: num, gops: []int{(180_000/num + 1) / 2 * 2}, bframes: random.IntN(2) == 0}
	small := fakeRung{name: "360p", every: 1, lag: 80 * time.Millisecond}
	if random.IntN(2) == 0 {
		small.every, small.frame = 2, time.Second*time.Duration(2*num)/90_000
	}
	l := newFakeLadder(t, packager.Settings{Window: 20 * time.Second}, fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond}, small)
	for i := range l.rungs {
		r := &l.rungs[i]
		track := otherVideoTrack(t)
		codec := *track.Codec.(*media.H264)
		codec.FrameRate = 90_000 / float64(num*r.every)
		track.Name, track.Codec = r.name, &codec
		r.way = l.stream.Open(track)
	}
	var gone outage
	l.lost = gone.loses
	watching := newViewers(t)
	l.seen = func() {
		watching.look(l.timeline(), l.start.Add(l.recorder.now))
	}
	at := time.Duration(0)
	for range 1 + random.IntN(3) {
		l.begin(videoTrack(t), audioTrack(t, 48_000))
		length := time.Duration(4500+random.IntN(16)*1000) * time.Millisecond
		events := merge(v.events(length), audio(48_000, 0, length, 0))
		for i := range events {
			events[i].at += at
		}
		for len(events) > 0 {
			n := min(1+random.IntN(400), len(events))
			l.anyTrouble(random, &gone)
			l.write(events[:n])
			time.Sleep(time.Until(l.start.Add(l.recorder.now))) // what ends, ends by the clock
			events = events[n:]
		}
		l.end()
		at += length + time.Duration(200+random.IntN(4000))*time.Millisecond
	}
	l.at(at)
	time.Sleep(time.Until(l.start.Add(at)))
	l.drain(100)
	require.NoError(t, l.packager.Shutdown(t.Context()))
	for _, found := range watching.dash.Violations() {
		if found.Rule.ID != "timeline.even" { // see late
			t.Errorf("DASH: %v", found)
		}
	}
	for _, found := range watching.hls.Violations() {
		t.Errorf("HLS: %v", found)
	}
}

// outage is a process that stops within a segment; another goes on with a keyframe.
type outage struct {
	until time.Duration
	lost  bool
	since int // frames, since the newest keyframe
}

func (g *outage) loses(o owed) bool {
	if g.since++; o.sample.Sync {
		g.since = 0
	}
	g.lost = o.at < g.until && (g.lost || g.since < 30) || g.lost && !o.sample.Sync
	return g.lost
}

// anyTrouble makes the rungs come later, or in time again, or not at all, or leave.
func (l *fakeLadder) anyTrouble(random *rand.Rand, gone *outage) {
	switch random.IntN(6) {
	case 0:
		l.lagging(time.Duration(random.IntN(12_000)) * time.Millisecond)
	case 1, 2:
		l.lagging(80 * time.Millisecond)
	case 3:
		if !gone.lost { // for longer, and the rung would leave
			gone.until = l.recorder.now + time.Duration(random.IntN(8000))*time.Millisecond
		}
	case 4:
		require.NoError(l, l.rungs[random.IntN(2)].way.Leave(l.Context()))
	case 5:
		l.anySplice(random)
	}
}

func (l *fakeLadder) lagging(lag time.Duration) {
	for i := range l.rungs {
		l.rungs[i].lag = lag
	}
}
