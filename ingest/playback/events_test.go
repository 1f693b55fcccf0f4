package playback

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/id3"
	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// says puts text into the part that has the epoch's picture of that time, on the publisher's
// clock of decode times.
func (s *studio) says(id uint32, at time.Duration, name, text string) {
	s.emsgs = append(s.emsgs, cmaf.EventMessage{
		Timescale: media.VideoClock, Time: media.TicksOf(timeline.Origin+at-firstCTS*time.Millisecond, media.VideoClock), ID: id,
		Scheme: media.SchemeID3, Data: id3.AppendText(nil, name, text),
	})
}

// script is the tags beside pictures, sound and onMetaData.
func (w *watcher) script() (all []tag) {
	for _, g := range w.of("meta") {
		if g.values[0] != "onMetaData" {
			all = append(all, g)
		}
	}
	return all
}

// Timed metadata comes as the script tag that it was, at its time, between the pictures
// of that time.
func TestEventsAreScriptTags(t *testing.T) {
	s := newStudio(t)
	s.says(1, 40*time.Millisecond, "onTextData", "first")
	s.says(2, 900*time.Millisecond, "onTextData", `{"json":1}`)
	s.says(3, 1310*time.Millisecond, "onCuePoint", `{"name":"goal","time":1.5}`)
	s.says(4, 1310*time.Millisecond, "nothing", "")
	s.says(5, 2*time.Second, "custom", "plain")
	s.says(6, 2980*time.Millisecond, "two", `[1,"x"]`)
	private := id3.AppendPrivate(nil, "owner", []byte("pictures carry it"))
	s.emsgs = append(s.emsgs, cmaf.EventMessage{Timescale: 1000, Time: 10_500, ID: 7, Scheme: media.SchemeID3, Data: private})
	s.emsgs = append(s.emsgs, cmaf.EventMessage{Timescale: 1000, Time: 10_500, ID: 8, Scheme: "urn:other", Data: []byte("x")})
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(5*time.Second, func() { w.look(s.tl) })
	require.Equal(t, []tag{
		{kind: "meta", at: 40, values: []any{"onTextData", amf0.Object{{Key: "text", Value: "first"}}}},
		{kind: "meta", at: 900, values: []any{"onTextData", amf0.Object{{Key: "text", Value: `{"json":1}`}}}},
		{kind: "meta", at: 1310, values: []any{"onCuePoint", amf0.Object{{Key: "name", Value: "goal"}, {Key: "time", Value: 1.5}}}},
		{kind: "meta", at: 1310, values: []any{"nothing"}},
		{kind: "meta", at: 2000, values: []any{"custom", "plain"}},
		{kind: "meta", at: 2980, values: []any{"two", amf0.StrictArray{1.0, "x"}}},
	}, w.script())
	w.requireInOrder()
	for i, g := range w.got {
		if g.kind == "meta" && g.at == 2000 && g.values[0] == "custom" {
			require.True(t, w.got[i+1].sync, "in front of the keyframe of its time")
		}
	}
}

// The last ones of an epoch lie behind its last decode time, and come before the next
// epoch, whose clock theirs isn't.
func TestEventsAtTheEndOfAnEpoch(t *testing.T) {
	s := newStudio(t)
	s.says(1, 3020*time.Millisecond, "custom", "end")
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(3*time.Second, func() { w.look(s.tl) })
	s.end(1500 * time.Millisecond)
	s.emsgs = nil
	s.says(2, 1040*time.Millisecond, "custom", "next")
	s.begin(nil, videoTrack(avc720), audioTrack(aac))
	s.run(2*time.Second, func() { w.look(s.tl) })
	got := w.script()
	require.Len(t, got, 2)
	require.Equal(t, []any{"custom", "end"}, got[0].values)
	require.EqualValues(t, 3020, got[0].at)
	require.Equal(t, []any{"custom", "next"}, got[1].values)
	require.EqualValues(t, 3000+1500+1040, got[1].at)
	w.requireInOrder()
}

// Who is taken to the newest keyframe isn't told what belonged to the pictures before.
func TestEventsOfWhatIsSkipped(t *testing.T) {
	s := newStudio(t)
	for i := range 10 {
		s.says(uint32(i), time.Duration(i)*time.Second+firstCTS*time.Millisecond, "custom", string(rune('a'+i)))
	}
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, nil)
	w := watch(t, Options{MaxLag: 3 * time.Second})
	w.look(s.tl)
	s.run(8600*time.Millisecond, nil)
	w.look(s.tl)
	require.Equal(t, 1, w.p.Skips())
	got := w.script()
	require.Len(t, got, 2)
	require.Equal(t, []any{"custom", "a"}, got[0].values)
	require.Equal(t, []any{"custom", "i"}, got[1].values, "the newest keyframe is at 8 s")
	require.EqualValues(t, 8000+firstCTS, got[1].at)
	w.requireInOrder()
}

// Sound that leads carries them.
func TestEventsOfSound(t *testing.T) {
	s := newStudio(t)
	s.says(1, 500*time.Millisecond, "custom", "x")
	s.begin(nil, audioTrack(aac))
	w := watch(t, Options{})
	for range 12 {
		s.part(timeline.Audio, aacPart)
		w.look(s.tl)
	}
	require.Len(t, w.script(), 1)
	require.EqualValues(t, 500, w.script()[0].at)
}

// marks records a splice at a time of the epoch's publisher.
func (s *studio) marks(id string, event uint32, at, planned time.Duration) {
	s.t.Helper()
	at += timeline.Origin - firstCTS*time.Millisecond
	s.apply(timeline.SpliceMarked{Splice: timeline.Splice{
		ID: id, Kind: timeline.SpliceOut, EventID: event, Epoch: s.epoch, Media: at, Time: s.now.Add(at - timeline.Origin), Planned: planned,
		Section: must(scte35.Out(event, nil, planned, planned > 0).AppendTo(nil)),
	}})
}

// cues is what an ingest makes of the splices that a client was told.
func (w *watcher) cues() (all []heardCue) {
	w.t.Helper()
	for _, g := range w.script() {
		require.Equal(w.t, "onAdCue", g.values[0])
		c, ok := flv.ParseCue(g.values, g.at)
		require.True(w.t, ok)
		section, err := scte35.Parse(c.Section)
		require.NoError(w.t, err)
		p := section.Points()[0]
		all = append(all, heardCue{c.ID, p.Role, p.EventID, time.Duration(g.at)*time.Millisecond + c.Ahead, c.Duration})
	}
	return all
}

type heardCue struct {
	id       string
	role     scte35.Role
	event    uint32
	at       time.Duration
	duration time.Duration
}

// A splice is told as soon as it is known, as the cue of which another gateway makes the
// same splice; and so are its end, and that it won't be.
func TestSplicesAreCues(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	w := watch(t, Options{})
	s.run(time.Second, func() { w.look(s.tl) })
	require.Empty(t, w.cues())
	s.marks("one", 9, 7*time.Second, 30*time.Second)
	w.look(s.tl)
	one := heardCue{"one", scte35.RoleOut, 9, 7 * time.Second, 30 * time.Second}
	require.Equal(t, []heardCue{one}, w.cues())
	require.Less(t, w.script()[0].at, uint32(1100), "as soon as it is known")
	s.marks("late", 3, 800*time.Millisecond, 0)
	s.run(2*time.Second, func() { w.look(s.tl) })
	late := heardCue{"late", scte35.RoleOut, 3, 800 * time.Millisecond, 0}
	require.Equal(t, []heardCue{one, late}, w.cues(), "once")

	s.apply(timeline.SpliceEnded{ID: "late", End: timeline.SpliceEnd{
		Epoch: 1, Media: timeline.Origin + 4*time.Second - firstCTS*time.Millisecond, Time: s.now.Add(4 * time.Second),
		Section: must(scte35.In(3, nil).AppendTo(nil)),
	}})
	s.run(3*time.Second, func() { w.look(s.tl) })
	s.apply(timeline.SpliceCancelled{ID: "one"})
	s.run(4*time.Second, func() { w.look(s.tl) })
	require.Equal(t, []heardCue{
		one, late, {"late", scte35.RoleIn, 3, 4 * time.Second, 0}, {"", scte35.RoleCancel, 9, w.cues()[3].at, 0},
	}, w.cues())
	w.requireInOrder()
}

// Who comes later is told of what goes on, or is to come; and after a seam the time is the
// one that it was.
func TestSplicesOfBefore(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, nil)
	s.marks("over", 1, time.Second, time.Second)
	s.marks("on", 2, time.Second, 0)
	s.marks("ahead", 3, 9*time.Second, time.Second)
	s.run(4*time.Second, nil)
	w := watch(t, Options{})
	w.look(s.tl)
	// The newest keyframe, of 2 s, is this client's 0.
	require.Equal(t, []heardCue{
		{"on", scte35.RoleOut, 2, -time.Second, 0}, {"ahead", scte35.RoleOut, 3, 7 * time.Second, time.Second},
	}, w.cues())
	s.end(500 * time.Millisecond)
	s.begin(nil, videoTrack(avc360), audioTrack(aac))
	s.run(time.Second, func() { w.look(s.tl) })
	require.Len(t, w.cues(), 2, "nothing twice")
	after := watch(t, Options{})
	after.look(s.tl)
	require.Equal(t, "ahead", after.cues()[1].id)
	require.Equal(t, 4500*time.Millisecond, after.cues()[1].at, "the client's 0 is 4.5 s, where the epoch starts")
}

// An onAdCue is Adobe's.
func TestCueOfASplice(t *testing.T) {
	s := newStudio(t)
	s.begin(nil, videoTrack(avc360))
	w := watch(t, Options{})
	s.run(time.Second, func() { w.look(s.tl) })
	s.marks("x", 9, 5*time.Second, 2500*time.Millisecond)
	w.look(s.tl)
	o, ok := amf0.AsObject(w.script()[0].values[1])
	require.True(t, ok)
	section := must(scte35.Out(9, nil, 2500*time.Millisecond, true).AppendTo(nil))
	require.Equal(t, amf0.Object{
		{Key: "type", Value: "scte35"}, {Key: "cue", Value: base64.StdEncoding.EncodeToString(section)}, {Key: "id", Value: "x"},
		{Key: "time", Value: 5.0}, {Key: "duration", Value: 2.5},
	}, o)
}
