package packager_test

import (
	"fmt"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
)

// fakeLadder makes rungs as a transcoder does: each picture comes back some time
// later, in the order of presentation.
type fakeLadder struct {
	*rig
	rungs []fakeRung
	lost  func(o owed) bool // what doesn't come back
	owed  []owed
}

type fakeRung struct {
	name  string
	every int
	lag   time.Duration
	frame time.Duration // where it isn't the source's
	way   media.Rung
	count int
	got   []media.Ticks // PTS on the epochs' clocks of all that was made
}

type owed struct {
	epoch  uint64
	sample media.Sample
	at     time.Duration
}

func newFakeLadder(t *testing.T, s packager.Settings, rungs ...fakeRung) *fakeLadder {
	l := &fakeLadder{rig: newRig(t, s), rungs: rungs, lost: func(owed) bool { return false }}
	l.expect()
	return l
}

func (l *fakeLadder) expect() {
	x := media.Expectation{Lag: 100 * time.Millisecond}
	for i := range l.rungs {
		r := &l.rungs[i]
		track := otherVideoTrack(l)
		track.Name = r.name
		r.way = l.stream.Open(track)
		x.Rungs = append(x.Rungs, media.ExpectedRung{Name: r.name, Kind: media.Video, Frame: r.frame})
	}
	l.stream.Expect(x)
}

// write gives the source's events and the rungs' samples as they come.
func (l *fakeLadder) write(events []event) *fakeLadder {
	l.Helper()
	for i, e := range events {
		l.at(e.at)
		l.release(e.at)
		require.NoError(l, l.stream.WriteSample(l.Context(), e.id, e.sample, l.start.Add(e.at)), "event %d", i)
		place, ok := l.stream.Placed()
		if e.id != videoID || !ok {
			continue
		}
		s := e.sample
		s.DTS, s.CTSOffset = s.PTS()+place.Shift, 0
		l.owed = append(l.owed, owed{place.Epoch, s, e.at})
	}
	return l
}

// release hands on what is due by then.
func (l *fakeLadder) release(now time.Duration) {
	l.Helper()
	var lag time.Duration
	for _, r := range l.rungs {
		lag = max(lag, r.lag)
	}
	// Reordering takes two more frames.
	n := sort.Search(len(l.owed), func(i int) bool { return l.owed[i].at+lag+70*time.Millisecond > now })
	due := slices.Clone(l.owed[:n])
	slices.SortStableFunc(due, func(a, b owed) int {
		if a.epoch != b.epoch {
			return int(a.epoch) - int(b.epoch)
		}
		return int(a.sample.DTS - b.sample.DTS)
	})
	// What may still be overtaken stays.
	keep := l.owed[n:]
	for i, o := range due {
		if slices.ContainsFunc(keep, func(k owed) bool { return k.epoch == o.epoch && k.sample.DTS < o.sample.DTS }) {
			keep = append(slices.Clone(due[i:]), keep...)
			due = due[:i]
			break
		}
	}
	l.owed = keep
	for _, o := range due {
		if l.lost(o) {
			continue
		}
		for i := range l.rungs {
			r := &l.rungs[i]
			if o.sample.Sync {
				r.count = 0
			}
			if r.count++; r.every > 1 && r.count%r.every != 1 {
				continue
			}
			s := o.sample
			s.Duration *= media.Ticks(max(r.every, 1))
			s.Data = fmt.Appendf(nil, "%s %d", r.name, s.DTS)
			r.got = append(r.got, s.DTS)
			require.NoError(l, r.way.WriteSample(l.Context(), o.epoch, s, l.start.Add(o.at)))
		}
	}
}

// drain gives all that is owed, and ends the rungs' epoch.
func (l *fakeLadder) drain(epoch uint64) *fakeLadder {
	l.Helper()
	l.release(time.Hour)
	for i := range l.rungs {
		require.NoError(l, l.rungs[i].way.End(l.Context(), epoch))
	}
	return l
}

// frames are the decode times of all samples that a rendition's parts hold.
func (l *fakeLadder) frames(id timeline.RenditionID) (all []media.Ticks) {
	for _, g := range l.segments(id) {
		for _, p := range g.parts {
			at := p.Start
			for _, s := range samplesOf(l, p) {
				all = append(all, at)
				at += media.Ticks(s.Duration)
			}
		}
	}
	return all
}

// aligned demands the same MSNs, start times and durations of all.
func (l *fakeLadder) aligned(source timeline.RenditionID) {
	l.Helper()
	lead := l.segments(source)
	for _, r := range l.rungs {
		of := l.segments(timeline.RenditionID(r.name))
		require.Len(l, of, len(lead), r.name)
		for i, g := range of {
			require.Equal(l, lead[i].msn, g.msn)
			require.Equal(l, lead[i].epoch, g.epoch)
			require.NotNil(l, g.closed)
			if i+1 < len(of) && of[i+1].epoch == g.epoch { // cut off anywhere, the last one may have later pictures
				require.Equal(l, lead[i].closed.Duration, g.closed.Duration, "%s %d", r.name, g.msn)
			}
			if !g.gap() {
				require.Equal(l, lead[i].start(), g.start(), "%s %d", r.name, g.msn)
				require.True(l, g.parts[0].Independent)
			}
		}
	}
}

func TestRungsFollowTheSource(t *testing.T) {
	for name, v := range map[string]video{
		"30 fps":             {num: 3000, gops: []int{60}},
		"30 fps with b":      {num: 3000, gops: []int{60}, bframes: true},
		"29.97":              {num: 3003, gops: []int{60}, bframes: true},
		"whole milliseconds": {num: 3003, gops: []int{60}, millis: true},
		"variable with b":    {num: 3000, gops: []int{60}, bframes: true, wavers: 900},
		"irregular":          {num: 3600, gops: []int{50, 37, 60, 12, 50}, bframes: true},
		"59.94":              {num: 3003, den: 2, gops: []int{120}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLadder(t, packager.Settings{},
				fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond}, fakeRung{name: "360p", every: 2, lag: 80 * time.Millisecond})
			l.begin(videoTrack(t), audioTrack(t, 48_000))
			l.write(merge(v.events(13*time.Second), audio(48_000, 0, 13*time.Second, 0)))
			l.end()
			l.drain(1)
			checkAll(t, l.rig, 90+2*v.wavers)
			l.aligned(timeline.Source)
			require.Equal(t, l.rungs[0].got, l.frames("480p"), "every picture is there")
			require.Len(t, l.frames("360p"), len(l.rungs[1].got))
			tl := l.timeline()
			require.Equal(t, tl.Targets.Part*3+100*time.Millisecond, tl.Targets.PartHoldBack)
			require.Len(t, tl.Epochs[0].Anchors, 1, "one Period: %+v", tl.Epochs[0].Anchors)
			require.False(t, tl.Expecting())
		})
	}
}

// Of open GOPs pictures are decoded after a keyframe and presented before it, but not of the
// first one. Segments begin together in all renditions all the same, and nothing is said to
// be missing in them.
func TestOpenGOPs(t *testing.T) {
	for _, open := range []int{1, 3, 7} {
		l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond})
		watching := newViewers(t)
		l.seen = func() { watching.look(l.timeline(), l.start.Add(l.recorder.now)) }
		l.begin(videoTrack(t), audioTrack(t, 48_000))
		v := video{num: 3000, gops: []int{60}, open: open}
		l.write(merge(v.events(13*time.Second), audio(48_000, 0, 13*time.Second, 0)))
		l.end()
		l.drain(1)
		checkInvariants(t, l.rig)
		l.aligned(timeline.Source)
		segments := l.segments(timeline.Source)
		require.Len(t, segments, 7)
		for _, g := range segments[1 : len(segments)-1] {
			var sum media.Ticks
			for _, p := range g.parts {
				require.EqualValues(t, 6*3000, p.Duration)
				sum += p.Duration
			}
			require.Equal(t, sum, g.closed.Duration)
		}
		for _, found := range watching.dash.Violations() {
			t.Errorf("DASH: %v", found)
		}
		for _, found := range watching.hls.Violations() {
			if found.Rule.ID != "date.future" { // they come when they are decoded
				t.Errorf("HLS: %v", found)
			}
		}
	}
}

// A jump of the clock or a reconnect cuts nothing off the rungs.
func TestRungsTrailAnEpoch(t *testing.T) {
	v := video{num: 3000, gops: []int{60}, bframes: true}
	for name, shift := range map[string]media.Ticks{"40 s forward": 40 * 90_000, "3 s back": -3 * 90_000} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 300 * time.Millisecond})
			l.begin(videoTrack(t))
			events := v.events(10 * time.Second)
			for i := range events[150:] {
				events[150+i].sample.DTS += shift
			}
			l.write(events).end()
			l.drain(2)
			checkInvariants(t, l.rig)
			// From the jump to the next keyframe nothing can be shown.
			l.aligned(timeline.Source)
			require.Equal(t, l.rungs[0].got, l.frames("480p"))
			require.Len(t, l.timeline().Epochs, 2)
		})
	}
	t.Run("reconnect", func(t *testing.T) {
		l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 300 * time.Millisecond})
		l.begin(videoTrack(t))
		l.write(v.events(5 * time.Second)).end()
		l.begin(videoTrack(t))
		again := v.events(5 * time.Second)
		for i := range again {
			again[i].at += 5 * time.Second
		}
		l.write(again).end()
		require.Len(t, l.timeline().Epochs, 2)
		l.drain(2)
		checkInvariants(t, l.rig)
		l.aligned(timeline.Source)
	})
}

// A rung that stops leaves holes in itself, and comes back at a keyframe.
func TestRungThatStops(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond})
	l.lost = func(o owed) bool { return o.at > 5*time.Second && o.at < 11*time.Second }
	l.begin(videoTrack(t))
	l.write(video{num: 3000, gops: []int{60}}.events(20 * time.Second)).end()
	l.drain(1)
	checkInvariants(t, l.rig)
	l.aligned(timeline.Source)
	var gaps []uint64
	for _, g := range l.segments("480p") {
		if g.gap() {
			gaps = append(gaps, g.msn)
		}
	}
	require.Equal(t, []uint64{4, 5, 6}, gaps)
	require.Len(t, l.frames(timeline.Source), 600)
}

func TestRungLeavesAndComesBack(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond})
	l.begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60}}.events(20 * time.Second)
	l.write(events[:140])
	require.NoError(t, l.rungs[0].way.Leave(t.Context()))
	require.NoError(t, l.rungs[0].way.Leave(t.Context()), "twice does nothing")
	l.lost = func(o owed) bool { return o.at < 9*time.Second }
	l.write(events[140:250])
	tl := l.timeline()
	require.False(t, tl.Rendition("480p").IsListed(tl))
	require.Equal(t, []timeline.RenditionID{timeline.Source}, last(tl.Epochs[0].Anchors).Renditions)
	l.write(events[250:]).end()
	l.drain(1)
	checkAllButHoles(t, l)
	tl = l.timeline()
	r := tl.Rendition("480p")
	require.True(t, r.IsListed(tl))
	for g := range r.Listed(tl) {
		require.Equal(t, uint64(6), g.MSN)
		break
	}
	require.Equal(t, []timeline.RenditionID{timeline.Source, "480p"}, last(tl.Epochs[0].Anchors).Renditions)
}

// checkAllButHoles checks each segment of the rung by itself.
func checkAllButHoles(t *testing.T, l *fakeLadder) {
	t.Helper()
	lead := map[uint64]*segment{}
	for _, g := range l.segments(timeline.Source) {
		lead[g.msn] = g
	}
	for _, g := range l.segments("480p") {
		require.Equal(t, lead[g.msn].start(), g.start())
		require.True(t, g.parts[0].Independent)
	}
}

// A stream that ends at once waits for the last parts of its rungs, though not long.
func TestStreamEndsAfterItsRungs(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{Grace: -1}, fakeRung{name: "480p", every: 1, lag: 300 * time.Millisecond})
	served := make(chan error, 1)
	go func() { served <- l.packager.Serve(t.Context()) }()
	l.begin(videoTrack(t))
	l.write(video{num: 3000, gops: []int{60}}.events(5 * time.Second)).end()
	l.drain(1)
	require.Eventually(t, func() bool { return l.timeline().State == timeline.Ended }, time.Minute, time.Millisecond)
	l.aligned(timeline.Source)
	require.Equal(t, l.rungs[0].got, l.frames("480p"))
}

// Rungs that a new session doesn't have leave.
func TestUnexpectedRungsLeave(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 80 * time.Millisecond})
	v := video{num: 3000, gops: []int{60}}
	l.begin(videoTrack(t)).write(nil)
	l.write(v.events(5 * time.Second)).end()
	l.drain(1)
	l.stream.Expect(media.Expectation{})
	l.begin(videoTrack(t)).write(v.events(5 * time.Second))
	require.True(t, l.timeline().Rendition("480p").Left)
	require.NoError(t, l.rungs[0].way.WriteSample(t.Context(), 2, media.Sample{DTS: 900_000, Duration: 3000, Sync: true, Data: []byte{1}}, time.Now()))
	require.True(t, l.timeline().Rendition("480p").Left, "what isn't expected can't join")
}

// Sound that is made from the source's joins, too.
func TestSoundJoins(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{})
	sound := audioTrack(t, 48_000)
	sound.Name = string(timeline.Audio)
	l.stream.Expect(media.Expectation{Rungs: []media.ExpectedRung{{Name: sound.Name, Kind: media.Audio, Frame: time.Second * 1024 / 48_000}}})
	way := l.stream.Open(sound)
	l.begin(videoTrack(t))
	n := media.Ticks(0)
	for _, e := range (video{num: 3000, gops: []int{60}}).events(9 * time.Second) {
		l.write([]event{e})
		for ; (n * 1024).Duration(48_000) < e.at-100*time.Millisecond; n++ {
			s := media.Sample{DTS: 480_000 + n*1024, Duration: 1024, Sync: true, Data: fmt.Appendf(nil, "aac %d", n)}
			require.NoError(t, way.WriteSample(t.Context(), 1, s, l.start.Add(e.at)))
		}
	}
	l.end()
	require.NoError(t, way.End(t.Context(), 1))
	checkInvariants(t, l.rig)
	tl := l.timeline()
	require.Len(t, tl.Rendition(timeline.Audio).Segments.Last().Parts, len(tl.Rendition(timeline.Audio).Segments.Last().Parts))
	require.Len(t, l.frames(timeline.Audio), int(n))
	for g := range tl.Rendition(timeline.Source).Segments.All() {
		a := tl.Rendition(timeline.Audio).Segment(g.MSN)
		near(t, g.Start.Duration(90_000), a.Start.Duration(48_000), 11*time.Millisecond)
	}
}

func last[E any](s []E) E { return s[len(s)-1] }

// samplesOf parses a part.
func samplesOf(t testing.TB, p timeline.Part) []*fmp4.Sample {
	t.Helper()
	var parsed fmp4.Parts
	require.NoError(t, parsed.Unmarshal(p.Data))
	return parsed[0].Tracks[0].Samples
}

// Rungs that the publisher sends itself have B-frames, and come at once.
func TestRungsWithBFrames(t *testing.T) {
	for name, gops := range map[string][]int{"regular": {60}, "irregular": {50, 37, 60, 12, 50}} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p"})
			l.begin(videoTrack(t), audioTrack(t, 48_000))
			way := l.rungs[0].way
			var offset media.Ticks
			var sent []media.Ticks
			events := merge(video{num: 3000, gops: gops, bframes: true}.events(13*time.Second), audio(48_000, 0, 13*time.Second, 0))
			for _, e := range events {
				l.at(e.at)
				require.NoError(l, l.stream.WriteSample(l.Context(), e.id, e.sample, l.start.Add(e.at)))
				place, ok := l.stream.Placed()
				if e.id != videoID || !ok {
					continue
				}
				s := e.sample
				if s.Sync {
					offset = s.CTSOffset
				}
				s.DTS, s.CTSOffset = s.DTS+offset+place.Shift, s.CTSOffset-offset
				require.NoError(l, way.WriteSample(l.Context(), place.Epoch, s, l.start.Add(e.at)))
				sent = append(sent, s.DTS)
			}
			l.end()
			require.NoError(l, way.End(l.Context(), 1))
			checkAll(t, l.rig, 90)
			l.aligned(timeline.Source)
			require.Equal(t, sent, l.frames("480p"), "every picture is there")
			require.Equal(t, l.frames(timeline.Source), l.frames("480p"))
		})
	}
}
