package packager_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// toldEvent is an event that a rendition's part carries.
type toldEvent struct {
	cmaf.EventMessage
	epoch uint64
	part  timeline.Part
}

// told reads the events out of a rendition's parts.
func (r *rig) told(id timeline.RenditionID) (all []toldEvent) {
	r.Helper()
	for _, e := range entriesOf[timeline.PartWritten](r) {
		events, err := cmaf.ReadEvents(e.Part.Data)
		require.NoError(r, err)
		for _, m := range events {
			if e.Rendition == id {
				all = append(all, toldEvent{m, e.Epoch, e.Part})
			}
		}
	}
	return all
}

// event writes one, whose data is its name.
func (r *rig) event(name string, at media.Ticks) {
	r.Helper()
	require.NoError(r, r.stream.WriteEvent(r.Context(), media.Event{At: at, Scheme: media.SchemeID3, Data: []byte(name)}))
}

func names(all []toldEvent) (n []string) {
	for _, e := range all {
		n = append(n, string(e.Data))
	}
	return n
}

// Each event is in the part in whose time it lies, at the tick that it was given for,
// in each rendition of the picture, with one number, and in no sound.
func TestEventsAreInTimeWithThePicture(t *testing.T) {
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 300 * time.Millisecond}, fakeRung{name: "240p", every: 2, lag: 900 * time.Millisecond})
	l.begin(videoTrack(t), audioTrack(t, 48_000))
	v := video{num: 3003, gops: []int{60}, bframes: true, start: 7_000_000}
	all := merge(v.events(7*time.Second), audio(48_000, 0, 7*time.Second, 0))
	for i := range all {
		if all[i].id == audioID {
			all[i].sample.DTS += media.Ticks(7_000_000).Rescale(90_000, 48_000)
		}
	}
	var want []media.Ticks
	first := all[0].sample.PTS()
	for i, e := range all {
		if e.id == videoID && i%5 == 0 {
			at := e.sample.PTS() + media.Ticks(i%3)*1001 // of this picture, or within one
			l.event(fmt.Sprint(at), at)
			want = append(want, at)
		}
		l.write(all[i : i+1])
	}
	l.end()
	l.drain(1)
	slices.Sort(want)
	for _, id := range []timeline.RenditionID{timeline.Source, "480p", "240p"} {
		got := l.told(id)
		require.Len(t, got, len(want), "%s", id)
		ids := map[uint32]bool{}
		for _, e := range got {
			var at media.Ticks
			fmt.Sscan(string(e.Data), &at)
			require.Equal(t, at-first+origin, e.Time)
			require.Equal(t, media.VideoClock, e.Timescale)
			require.Less(t, e.Time, e.part.Start+e.part.Duration)
			require.GreaterOrEqual(t, e.Time, e.part.Start-18_000-9000, "at most the next part but for reordering")
			require.False(t, ids[e.ID])
			ids[e.ID] = true
		}
	}
	require.Equal(t, l.told(timeline.Source)[5].ID, l.told("480p")[5].ID)
	require.Empty(t, l.told(timeline.Audio))
}

// Events come before their time, after it, or never.
func TestEventsOutOfTime(t *testing.T) {
	r := newRig(t, packager.Settings{})
	require.Error(t, r.stream.WriteEvent(t.Context(), media.Event{Scheme: media.SchemeID3}), "no session")
	v := video{num: 3000, gops: []int{60}}
	all := v.events(25 * time.Second)
	r.begin(videoTrack(t))
	r.event("before the first picture", -30_000)
	r.event("long before it", -11*90_000)
	r.event("ahead", 20*90_000)
	r.write(all[:300])
	r.event("late", 4*90_000+17)
	r.write(all[300:600])
	r.event("too late", 9*90_000)
	r.event("after the end", 30*90_000)
	require.NoError(t, r.stream.WriteEvent(t.Context(), media.Event{At: 19 * 90_000, Scheme: "urn:x\x00", Data: []byte("malformed")}))
	require.NoError(t, r.stream.WriteEvent(t.Context(), media.Event{At: 19 * 90_000, Scheme: "urn:x", Data: make([]byte, 1<<17)}))
	r.write(all[600:]).end()
	got := r.told(timeline.Source)
	require.Equal(t, []string{"before the first picture", "late", "ahead"}, names(got))
	require.Equal(t, origin, got[0].Time, "with the first picture")
	require.Equal(t, origin+4*90_000+17, got[1].Time, "its own time")
	require.InDelta(t, float64(origin+10*90_000), float64(got[1].part.Start), 18_000, "in the next part")
	require.Equal(t, origin+20*90_000, got[2].Time)
	require.LessOrEqual(t, got[2].part.Start, got[2].Time)
}

// An event that an epoch didn't come to is told in the next one, at its date, whatever
// that one's clock says.
func TestEventsOverEpochs(t *testing.T) {
	r := newRig(t, packager.Settings{})
	v := video{num: 3000, gops: []int{60}}
	all := v.events(8 * time.Second)
	r.begin(videoTrack(t)).write(all[:120])
	r.event("on time", 3*90_000)
	r.event("of a picture that never came", 5*90_000+1)
	r.event("two seconds after the jump", 8*90_000)
	r.write(all[120:125]).begin(otherVideoTrack(t)).write(all[125:180])
	jumped := video{num: 3000, gops: []int{60}, start: 1 << 30}.events(5 * time.Second)
	r.event("in the third", 1<<30+45_000)
	r.event("of a clock that is over", 20*90_000)
	for i := range jumped {
		jumped[i].at += 6 * time.Second
	}
	r.write(jumped)
	// Another publisher's clock begins again at the same number.
	r.event("of the next", 1<<30+6*90_000)
	again := video{num: 3000, gops: []int{60}, start: 1 << 30}.events(4 * time.Second)
	for i := range again {
		again[i].at += 11 * time.Second
	}
	r.begin(videoTrack(t)).write(again).end()
	got := r.told(timeline.Source)
	require.Equal(t, []string{"on time", "of a picture that never came", "in the third", "two seconds after the jump", "of the next"}, names(got))
	starts := entriesOf[timeline.EpochStarted](r)
	require.Len(t, starts, 3, "the second session never has a keyframe")
	for i, want := range []struct {
		epoch int
		at    media.Ticks
	}{{1, 3 * 90_000}, {2, 0}, {2, 45_000}, {2, 2 * 90_000}, {3, 90_000}} {
		require.EqualValues(t, want.epoch, got[i].epoch, "%s", got[i].Data)
		require.InDelta(t, float64(origin+want.at), float64(got[i].Time), 90, "%s", got[i].Data)
		require.Less(t, got[i].Time, got[i].part.Start+got[i].part.Duration)
	}
}

// Sound alone has them, on its own clock.
func TestEventsOfSoundAlone(t *testing.T) {
	r := newRig(t, packager.Settings{})
	r.begin(audioTrack(t, 44_100))
	r.event("title", 90_000)
	r.write(audio(44_100, 0, 5*time.Second, 0)).end()
	got := r.told(timeline.Audio)
	require.Equal(t, []string{"title"}, names(got))
	require.Equal(t, media.Ticks(441_000+44_100), got[0].Time)
	require.Equal(t, media.Timescale(44_100), got[0].Timescale)
	require.LessOrEqual(t, got[0].part.Start, got[0].Time)
	require.Greater(t, got[0].part.Start+got[0].part.Duration, got[0].Time)
}

// A flood of events is bounded, and loses no picture.
func TestEventsAreBounded(t *testing.T) {
	r := newRig(t, packager.Settings{})
	all := video{num: 3000, gops: []int{60}}.events(3 * time.Second)
	r.begin(videoTrack(t))
	for i := range 2000 {
		r.event(fmt.Sprint(i), media.Ticks(i))
	}
	r.write(all[:10])
	for i := range 2000 {
		r.event(fmt.Sprint(i), 90_000+media.Ticks(i))
	}
	r.write(all[10:]).end()
	require.Len(t, r.told(timeline.Source), 1024)
}

// checkTold wants each event once in each rendition, in the part of its time or a later
// one, and never in one before.
func checkTold(t *testing.T, r *rig) {
	t.Helper()
	type telling struct {
		id timeline.RenditionID
		n  uint32
	}
	seen := map[telling]bool{}
	for _, e := range entriesOf[timeline.PartWritten](r) {
		events, err := cmaf.ReadEvents(e.Part.Data)
		require.NoError(t, err)
		for _, m := range events {
			require.False(t, seen[telling{e.Rendition, m.ID}], "event %d of %s", m.ID, e.Rendition)
			seen[telling{e.Rendition, m.ID}] = true
			require.Less(t, m.Time, e.Part.Start+e.Part.Duration)
			require.GreaterOrEqual(t, m.Time.Duration(m.Timescale), timeline.Origin)
		}
	}
}
