package packager_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager"
	"sluice/packager/timeline"
)

func sectionOf(t testing.TB, s *scte35.Section) []byte {
	t.Helper()
	data, err := s.AppendTo(nil)
	require.NoError(t, err)
	return data
}

// splice writes a section for a time of the session.
func (r *rig) splice(s *scte35.Section, at media.Ticks, id string) {
	r.Helper()
	require.NoError(r, r.stream.WriteEvent(r.Context(), media.Event{
		At: at, Scheme: media.SchemeSCTE35, Value: id, Data: sectionOf(r, s),
	}))
}

func (r *rig) cue(c packager.Cue) []string {
	r.Helper()
	ids, err := r.packager.Cue(r.Context(), "live", c)
	require.NoError(r, err)
	return ids
}

// until cuts events at a time.
func until(events []event, at time.Duration) (before, after []event) {
	for i, e := range events {
		if e.at >= at {
			return events[:i], events[i:]
		}
	}
	return events, nil
}

// A break begins where a segment begins, if there is a keyframe: the encoder forces one
// there. Its date is the segment's.
func TestSegmentStartsAtSplice(t *testing.T) {
	r := newRig(t, packager.Settings{Segment: 4 * time.Second}).begin(videoTrack(t), audioTrack(t, 48_000))
	v := video{num: 3000, gops: []int{60, 60, 60, 45, 60, 15, 60}, start: 900_000}
	events := merge(v.events(16*time.Second), audio(48_000, 0, 16*time.Second, 0))
	for i := range events {
		if events[i].id == audioID {
			events[i].sample.DTS += 480_000
		}
	}
	before, after := until(events, 5*time.Second)
	r.write(before)
	out := media.Ticks(900_000 + 225*3000) // after 7.5 s
	r.splice(scte35.Out(7, nil, 2*time.Second, true), out, "")
	before, after = until(after, 9*time.Second)
	r.write(before)
	r.splice(scte35.In(7, nil), out+60*3000+100, "")
	r.write(after).end()

	var starts []media.Ticks
	for _, g := range r.segments(timeline.Source) {
		starts = append(starts, (g.start()-origin)/3000)
	}
	require.Equal(t, []media.Ticks{0, 120, 225, 285, 360}, starts[:5], "at the break's beginning and end")
	for i, g := range r.segments(timeline.Audio) {
		require.InDelta(t, float64(starts[i])*1600, float64(g.start()-480_000), 512, "the sound follows")
	}
	tl := r.timeline()
	require.Len(t, tl.Splices, 1)
	s := tl.Splices[0]
	at := tl.Rendition(timeline.Source).Segment(tl.First + 2)
	require.Equal(t, at.Time.UTC().Truncate(time.Millisecond), s.Time)
	require.Equal(t, at.Start.Duration(media.VideoClock), s.Media)
	require.Equal(t, 2*time.Second, s.Planned)
	require.InDelta(t, float64(2*time.Second), float64(s.Duration()), float64(2*time.Millisecond))
	require.Equal(t, fmt.Sprintf("7-%d", s.Time.UnixMilli()), s.ID)
}

// Without a keyframe there, the next one begins a segment: never anything else.
func TestSpliceWaitsForKeyframe(t *testing.T) {
	r := newRig(t, packager.Settings{Segment: 6 * time.Second}).begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60}}.events(24 * time.Second)
	before, after := until(events, 8*time.Second)
	r.write(before)
	r.splice(scte35.Out(7, nil, 0, false), 9*90_000, "mine")
	r.write(after).end()
	var starts []media.Ticks
	for _, g := range r.segments(timeline.Source) {
		starts = append(starts, (g.start()-origin)/90_000)
		require.True(t, g.parts[0].Independent)
	}
	require.Equal(t, []media.Ticks{0, 6, 10, 16, 22}, starts)
	s := r.timeline().Splice("mine")
	require.Equal(t, timeline.Origin+9*time.Second, s.Media, "its date is its own")
}

// Two keyframes next to each other make no segment too short for a frame of sound.
func TestSpliceMakesNoSplinters(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60, 60, 5, 55, 60}}.events(12 * time.Second)
	before, after := until(events, 3*time.Second)
	r.write(before)
	r.splice(scte35.Out(7, nil, 0, false), (60+60+5)*3000, "")
	r.write(after).end()
	for _, g := range r.segments(timeline.Source) {
		if g.closed != nil && len(g.parts) > 0 {
			require.GreaterOrEqual(t, g.closed.Duration, media.Ticks(22_500))
		}
	}
}

// What comes before anything can be told waits, and is told then.
func TestSplicesWaitForTheFirstManifest(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	r.splice(scte35.Out(1, nil, time.Minute, false), 3000, "early")
	events := video{num: 3000, gops: []int{60}}.events(6 * time.Second)
	before, after := until(events, time.Second)
	r.write(before)
	r.splice(scte35.Opportunity(2, nil, time.Minute, false), 90_000, "")
	require.Empty(t, r.timeline().Splices, "dates may still be corrected")
	_, err := r.packager.Cue(t.Context(), "live", packager.Cue{Kind: packager.CueOut})
	require.ErrorIs(t, err, packager.ErrNotLive)
	r.write(after)
	require.Len(t, r.timeline().Splices, 2)
	require.Equal(t, r.timeline().Epochs[0].Start.Add(time.Second/30).UTC().Truncate(time.Millisecond), r.timeline().Splice("early").Time)
	require.Equal(t, uint8(0x34), r.timeline().Splices[1].Type)
}

// Encoders repeat what they announce; a break with the same number that comes later is another.
func TestRepeatsAreOne(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60}}.events(30 * time.Second)
	write := func(to time.Duration) {
		before, after := until(events, to)
		r.write(before)
		events = after
	}
	out, in := scte35.Out(7, nil, 5*time.Second, false), scte35.In(7, nil)
	write(4 * time.Second)
	for range 3 {
		r.splice(out, 6*90_000, "")
	}
	r.splice(scte35.Out(7, nil, 6*time.Second, false), 6*90_000, "") // as much has changed as may
	write(11 * time.Second)
	for range 3 {
		r.splice(in, 10*90_000, "")
	}
	require.Len(t, r.timeline().Splices, 1)
	require.Equal(t, 4*time.Second, r.timeline().Splices[0].Duration())
	require.Equal(t, 5*time.Second, r.timeline().Splices[0].Planned)
	write(18 * time.Second)
	r.splice(out, 18*90_000, "")
	r.splice(in, 20*90_000, "")
	r.splice(in, 28*90_000, "") // of nothing that is known
	require.Len(t, r.timeline().Splices, 3)
	require.Equal(t, timeline.SpliceIn, r.timeline().Splices[2].Kind)
	r.splice(&scte35.Section{Command: scte35.Null{}}, 0, "")
	r.splice(scte35.Out(9, nil, 0, false), 25*90_000, `no "name"`)
	require.Equal(t, "9-", r.timeline().Splices[2].ID[:2], "a name that can't be written is not taken")
	r.splice(scte35.Cancel(9), 25*90_000, "")
	require.Len(t, r.timeline().Splices, 3, "what is cancelled in time is gone")
	write(30 * time.Second)
	r.end()
}

// What makes no sense is left out, and counted.
func TestSplicesThatAreLeftOut(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	r.write(video{num: 3000, gops: []int{60}}.events(20 * time.Second))
	for _, at := range []media.Ticks{-90_000, 90_000 * 3600, 1 << 60} {
		r.splice(scte35.Out(7, nil, 0, false), at, "")
	}
	require.NoError(t, r.stream.WriteEvent(t.Context(), media.Event{Scheme: media.SchemeSCTE35, Data: []byte("nonsense")}))
	require.NoError(t, r.stream.WriteEvent(t.Context(), media.Event{
		Scheme: media.SchemeSCTE35, Data: sectionOf(t, &scte35.Section{Command: &scte35.Other{Code: 255, Data: make([]byte, 2000)}}),
	}))
	require.Empty(t, r.timeline().Splices)
	for i := range timeline.MaxSplices + 5 {
		r.splice(scte35.Out(uint32(i), nil, 0, false), 20*90_000, "")
	}
	require.Len(t, r.timeline().Splices, timeline.MaxSplices)
	r.end()
}

func TestCues(t *testing.T) {
	r := newRig(t, packager.Settings{})
	_, err := r.packager.Cue(t.Context(), "nobody", packager.Cue{Kind: packager.CueOut})
	require.ErrorIs(t, err, packager.ErrNotLive)
	r.begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60}, start: 500}.events(20 * time.Second)
	before, after := until(events, 10*time.Second)
	r.write(before)

	require.Equal(t, []string{"ad"}, r.cue(packager.Cue{Kind: packager.CueOut, ID: "ad", Duration: 30 * time.Second, Ahead: 2 * time.Second}))
	s := r.timeline().Splice("ad")
	require.Equal(t, timeline.Origin+12*time.Second, s.Media)
	section, err := scte35.Parse(s.Section)
	require.NoError(t, err)
	p := section.Points()[0]
	require.Equal(t, uint64(22*90_000), *p.PTS, "on the clock of the media")
	require.Equal(t, 30*time.Second, p.Duration)

	at := r.timeline().Epochs[0].Start.Add(15 * time.Second)
	ids := r.cue(packager.Cue{Kind: packager.CueOpportunity, At: at})
	require.Equal(t, at.UTC().Truncate(time.Millisecond), r.timeline().Splice(ids[0]).Time)
	require.Equal(t, ids, r.cue(packager.Cue{Kind: packager.CueIn, Ahead: 8 * time.Second}), "the newest")
	require.Equal(t, 3*time.Second, r.timeline().Splice(ids[0]).Duration())
	require.Equal(t, []string{"ad"}, r.cue(packager.Cue{Kind: packager.CueIn, ID: "ad", Ahead: 6 * time.Second}))
	require.Equal(t, 4*time.Second, r.timeline().Splice("ad").Duration())

	own := sectionOf(t, scte35.Out(1, nil, 5*time.Second, false))
	require.Equal(t, []string{"own"}, r.cue(packager.Cue{Section: own, ID: "own", Ahead: 9 * time.Second}))
	require.Equal(t, own, r.timeline().Splice("own").Section)
	require.Empty(t, r.cue(packager.Cue{Section: own, ID: "own", Ahead: 9 * time.Second}), "known")
	require.Equal(t, []string{"own"}, r.cue(packager.Cue{Kind: packager.CueCancel, ID: "own"}))
	require.Nil(t, r.timeline().Splice("own"))

	for name, c := range map[string]packager.Cue{
		"twice":        {Kind: packager.CueOut, ID: "ad"},
		"in, of none":  {Kind: packager.CueIn},
		"in, again":    {Kind: packager.CueIn, ID: "ad"},
		"cancel, late": {Kind: packager.CueCancel, ID: "nothing"},
		"nonsense":     {Section: []byte("nonsense")},
		"far ahead":    {Kind: packager.CueOut, Ahead: time.Hour},
		"long ago":     {Kind: packager.CueOut, At: at.Add(-time.Hour)},
		"name":         {Kind: packager.CueOut, ID: "a\nb"},
	} {
		_, err := r.packager.Cue(t.Context(), "live", c)
		require.ErrorIs(t, err, packager.ErrCue, name)
	}
	r.write(after).end()
	_, err = r.packager.Cue(t.Context(), "live", packager.Cue{Kind: packager.CueOut})
	require.ErrorIs(t, err, packager.ErrNotLive)
	require.NoError(t, r.packager.Shutdown(t.Context()))
	_, err = r.packager.Cue(t.Context(), "live", packager.Cue{Kind: packager.CueOut})
	require.ErrorIs(t, err, packager.ErrClosed)
}

// Breaks end in the epoch after the one in which they began.
func TestBreakOverReconnect(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	r.write(video{num: 3000, gops: []int{60}}.events(8 * time.Second))
	r.splice(scte35.Out(7, nil, 0, false), 7*90_000, "break")
	r.end().begin(videoTrack(t))
	again := video{num: 3000, gops: []int{60}, start: 12345}.events(8 * time.Second)
	for i := range again {
		again[i].at += 9 * time.Second
	}
	r.write(again)
	r.splice(scte35.In(7, nil), 12345+3*90_000, "")
	require.Equal(t, 5*time.Second, r.timeline().Splice("break").Duration(), "by the server's clock: 9 + 3 - 7 s")
	require.Equal(t, uint64(2), r.timeline().Splice("break").End.Epoch)
	r.end()
}

// anySplice marks, ends and cancels breaks in one of the ways.
func (r *rig) anySplice(random *rand.Rand) {
	r.Helper()
	id := uint32(random.IntN(4))
	kinds := []*scte35.Section{
		scte35.Out(id, nil, time.Duration(random.IntN(5000))*time.Millisecond, random.IntN(2) == 0), scte35.In(id, nil), scte35.Cancel(id),
		scte35.Opportunity(id, nil, time.Second, false), scte35.Opportunity(id, nil, 0, true),
		{Command: &scte35.Other{Code: 4}}, {Encrypted: true, Opaque: []byte{1}},
	}
	s := kinds[random.IntN(len(kinds))]
	ahead := time.Duration(random.IntN(9000)-4000) * time.Millisecond
	if random.IntN(2) == 0 {
		r.splice(s, media.TicksOf(r.recorder.now%(4*time.Second)+ahead, media.VideoClock), "")
		return
	}
	_, _ = r.packager.Cue(r.Context(), "live", packager.Cue{Section: sectionOf(r, s), Ahead: ahead}) // most are refused, some rightly
}

// Whatever is spliced, at keyframes that come anyhow, manifests keep their rules.
func TestAnySplicesKeepTheRules(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			r := newRig(t, packager.Settings{Window: 16 * time.Second})
			watching := newViewers(t)
			r.seen = func() { watching.look(r.timeline(), r.start.Add(r.recorder.now)) }
			at := time.Duration(0)
			for range 1 + random.IntN(3) {
				r.begin(videoTrack(t), audioTrack(t, 48_000))
				length := time.Duration(8+random.IntN(12)) * time.Second
				events := merge(video{num: 3000, gops: []int{60}}.events(length), audio(48_000, 0, length, 0))
				var forced []media.Ticks // keyframes that the encoder makes for a splice
				for i := range events {
					if s := &events[i]; s.id == videoID && i > 200 && random.IntN(120) == 0 {
						s.sample.Sync = true
						forced = append(forced, s.sample.DTS)
					}
					events[i].at += at
				}
				for len(events) > 0 {
					n := min(1+random.IntN(150), len(events))
					r.write(events[:n])
					last := events[n-1].at - at
					events = events[n:]
					r.anySplice(random)
					for ; len(forced) > 0 && forced[0].Duration(media.VideoClock) < last+3*time.Second; forced = forced[1:] {
						r.splice(scte35.Out(1000+random.Uint32N(1e9), nil, 0, false), forced[0], "")
					}
				}
				r.end()
				at += length + time.Duration(200+random.IntN(4000))*time.Millisecond
			}
			r.at(at)
			require.NoError(t, r.packager.Shutdown(t.Context()))
			for _, found := range watching.dash.Violations() {
				if found.Rule.ID != "update.longest" { // what a splice leaves of a GOP may make the next segment a little longer
					t.Errorf("DASH: %v", found)
				}
			}
			for _, found := range watching.hls.Violations() {
				t.Errorf("HLS: %v", found)
			}
		})
	}
}

// A break that was announced before another publisher came begins where it was to begin: a
// segment starts there, and at its end, by the dates that manifests have told.
func TestSpliceOverASeam(t *testing.T) {
	for _, c := range []struct {
		name   string
		told   bool   // when it ends
		next   bool   // another begins there
		cancel uint32 // the event
		starts []media.Ticks
	}{
		{"ends by itself", false, false, 0, []media.Ticks{0, 4, 8, 14}}, // 4 s after the seam, and 4 s later
		{"ends by itself, cancelled", false, false, 7, []media.Ticks{0, 6, 12}},
		{"end told", true, false, 0, []media.Ticks{0, 4, 8, 14}},
		{"end told, cancelled", true, false, 7, []media.Ticks{0, 6, 12}},
		{"the next cancelled", true, true, 8, []media.Ticks{0, 4, 8, 14}},
		{"cancelled, not the next", true, true, 7, []media.Ticks{0, 6, 8, 14}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, packager.Settings{Segment: 6 * time.Second}).begin(videoTrack(t))
			r.write(video{num: 3000, gops: []int{60}}.events(8 * time.Second))
			r.splice(scte35.Out(7, nil, 4*time.Second, !c.told), 12*90_000, "break")
			if c.told {
				r.splice(scte35.In(7, nil), 16*90_000, "")
			}
			if c.next {
				r.splice(scte35.Out(8, nil, 0, false), 16*90_000, "next")
			}
			date := r.timeline().Splice("break").Time

			// Without an End, as when a backup takes over; its clock is another.
			r.begin(videoTrack(t))
			again := video{num: 3000, gops: []int{60}, start: 1 << 40}.events(18 * time.Second)
			for i := range again {
				again[i].at += 8 * time.Second
			}
			before, after := until(again, 10*time.Second)
			r.write(before)
			if c.cancel != 0 {
				r.splice(scte35.Cancel(c.cancel), 1<<40, "")
			}
			r.write(after).end()

			var starts []media.Ticks
			for _, g := range r.segments(timeline.Source) {
				if g.epoch == 2 {
					starts = append(starts, (g.start()-origin)/90_000)
				}
			}
			require.Equal(t, c.starts, starts)
			require.Equal(t, c.cancel == 7, r.timeline().Splice("break") == nil)
			require.Equal(t, c.next && c.cancel != 8, r.timeline().Splice("next") != nil)
			for _, g := range r.segments(timeline.Source) {
				if g.epoch == 2 && g.start() == origin+4*90_000 {
					require.WithinDuration(t, date, g.parts[0].Time, 2*time.Millisecond)
				}
			}
		})
	}
}

// What waits for the dates of an epoch that ends before they are fixed is told with those that
// it has then.
func TestSpliceThatWaitsAtASeam(t *testing.T) {
	for name, ends := range map[string]bool{"another begins": false, "reconnect": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, packager.Settings{}).begin(videoTrack(t))
			events := video{num: 3000, gops: []int{60}}.events(time.Second)
			r.write(events)
			r.splice(scte35.Out(7, nil, time.Minute, false), 10*90_000, "break")
			require.Empty(t, r.timeline().Splices, "dates may still be corrected")
			if ends {
				r.end()
			}
			r.begin(videoTrack(t))
			s := r.timeline().Splice("break")
			require.NotNil(t, s)
			require.Equal(t, r.timeline().Epochs[0].Start.Add(10*time.Second).UTC().Truncate(time.Millisecond), s.Time)
			r.end()
		})
	}
}
