package packager_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
)

// picky is a journal that refuses some of the entries of a rung.
type picky struct {
	journal.Journal
	rung    timeline.RenditionID
	n       int
	refused func(n int) bool
}

var errRefused = errors.New("refused")

func (p *picky) Append(ctx context.Context, stream string, e timeline.Entry) error {
	var id timeline.RenditionID
	switch e := e.(type) {
	case timeline.RenditionJoined:
		id = e.Rendition
	case timeline.RenditionLeft:
		id = e.Rendition
	case timeline.InitWritten:
		id = e.Rendition
	case timeline.PartWritten:
		id = e.Rendition
	case timeline.SegmentClosed:
		id = e.Rendition
	}
	if id == p.rung {
		if p.n++; p.refused(p.n) {
			return errRefused
		}
	}
	return p.Journal.Append(ctx, stream, e)
}

// A rung's entry that is refused, whichever, costs the source nothing, and the
// rung a few segments.
func TestRefusedEntriesOfRungs(t *testing.T) {
	v := video{num: 3000, gops: []int{60}, bframes: true}
	for first := 1; first < 60; first++ {
		for _, many := range []int{1, 3} {
			j := &picky{Journal: memory.New(memory.Options{}), rung: "480p", refused: func(n int) bool { return first <= n && n < first+many }}
			l := &fakeLadder{
				rig: newRigOn(t, j, packager.Settings{}), rungs: []fakeRung{{name: "480p", every: 1, lag: 200 * time.Millisecond}},
				lost: func(owed) bool { return false },
			}
			l.expect()
			l.begin(videoTrack(t)).write(both(0))
			l.write(v.events(7 * time.Second)).end()
			l.begin(videoTrack(t))
			again := v.events(13 * time.Second)
			for i := range again {
				again[i].at += 7 * time.Second
			}
			l.write(again)
			r := l.timeline().Rendition("480p")
			require.NotNil(t, r)
			require.False(t, r.Absent(), "it's back, from %d", first)
			require.Equal(t, l.timeline().Current().Number, r.Epoch)
			require.NotNil(t, r.Open)
			checkListed(t, l.timeline())
			l.end()
			l.drain(2)
			source := l.timeline().Rendition(timeline.Source)
			for g := range source.Segments.All() {
				require.False(t, g.Gap())
			}
			require.NoError(t, l.packager.Shutdown(t.Context()))
			require.Equal(t, timeline.Ended, l.timeline().State)
		}
	}
}

// A rung that is taken out while it trails behind has gaps for what the MPD has
// listed of it.
func TestRefusedEntriesOfRungsThatTrail(t *testing.T) {
	v := video{num: 3000, gops: []int{60}, bframes: true}
	for _, lag := range []time.Duration{400 * time.Millisecond, 1500 * time.Millisecond} {
		for first := 15; first < 33; first++ {
			j := &picky{Journal: memory.New(memory.Options{}), rung: "480p", refused: func(n int) bool { return n == first }}
			l := &fakeLadder{
				rig: newRigOn(t, j, packager.Settings{}), rungs: []fakeRung{{name: "480p", every: 1, lag: 80 * time.Millisecond}},
				lost: func(owed) bool { return false },
			}
			watching := newViewers(t)
			l.seen = func() { watching.look(l.timeline(), l.start.Add(l.recorder.now)) }
			l.expect()
			l.stream.Expect(media.Expectation{Lag: lag, Rungs: []media.ExpectedRung{{Name: "480p", Kind: media.Video}}})
			l.begin(videoTrack(t))
			events := v.events(4500 * time.Millisecond)
			l.write(events[:90])
			l.lagging(lag)
			l.write(events[90:]).end()
			l.begin(videoTrack(t))
			again := v.events(2500 * time.Millisecond)
			for i := range again {
				again[i].at += 5 * time.Second
			}
			l.write(again).end()
			l.drain(2)
			require.NoError(t, l.packager.Shutdown(t.Context()))
			require.Equal(t, 1, strings.Count(l.log.String(), "rung is taken out"))
			for _, found := range append(faultsOf(watching.dash.Violations()), faultsOf(watching.hls.Violations())...) {
				t.Errorf("%v behind, entry %d: %s", lag, first, found)
			}
		}
	}
}

// faultsOf are a checker's violations as text.
func faultsOf[V fmt.Stringer](violations []V) []string {
	var all []string
	for _, v := range violations {
		all = append(all, v.String())
	}
	return all
}

// A rendition that was a rung, and still has something to come, or has left,
// leads the next epoch.
func TestRungLeadsTheNextEpoch(t *testing.T) {
	v := video{num: 3000, gops: []int{60}, bframes: true}
	for name, leave := range map[string]bool{"trails": false, "has left": true} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 300 * time.Millisecond})
			l.begin(videoTrack(t))
			events := v.events(11 * time.Second)
			l.write(events[:150])
			if leave {
				require.NoError(t, l.rungs[0].way.Leave(t.Context()))
				l.lost = func(owed) bool { return true }
			}
			l.write(events[150:]).end()
			track := videoTrack(t)
			track.Name = "480p"
			l.stream.Expect(media.Expectation{})
			l.begin(track)
			for _, e := range v.events(5 * time.Second) {
				l.at(e.at + 11*time.Second)
				require.NoError(t, l.stream.WriteSample(t.Context(), e.id, e.sample, l.start.Add(e.at+11*time.Second)))
			}
			r := l.timeline().Rendition("480p")
			require.False(t, r.Follows)
			require.Equal(t, uint64(2), r.Open.Epoch)
			l.end()
			checkListed(t, l.timeline())
			checkInvariants(t, l.rig)
		})
	}
}

// An encoder that changes its parameter sets in the middle of an epoch: the rung
// leaves cleanly, once said in the log, and is back with the sets that it had or
// with the next epoch.
func TestRungChangesItsTrack(t *testing.T) {
	v := video{num: 3000, gops: []int{60}, bframes: true}
	l := newFakeLadder(t, packager.Settings{}, fakeRung{name: "480p", every: 1, lag: 100 * time.Millisecond})
	r := &l.rungs[0]
	before := r.way
	other := videoTrack(t)
	other.Name = r.name
	l.begin(videoTrack(t))
	events := v.events(24 * time.Second)
	l.write(events[:200])
	r.way = l.stream.Open(other)
	l.write(events[200:400])
	require.True(t, l.timeline().Rendition("480p").Left)
	require.Equal(t, 1, strings.Count(l.log.String(), "parameter sets have changed"))
	r.way = before
	l.write(events[400:600])
	require.False(t, l.timeline().Rendition("480p").Absent(), "as it was")
	r.way = l.stream.Open(other)
	l.write(events[600:]).end()
	require.Equal(t, 1, strings.Count(l.log.String(), "parameter sets have changed"))
	l.begin(videoTrack(t))
	again := v.events(6 * time.Second)
	for i := range again {
		again[i].at += 24 * time.Second
	}
	l.write(again).end()
	l.drain(2)
	back := l.timeline().Rendition("480p")
	require.False(t, back.Absent(), "another epoch has another init segment")
	require.True(t, back.Track.Equal(other))
	checkListed(t, l.timeline())
	checkInvariants(t, l.rig)
	for g := range l.timeline().Rendition(timeline.Source).Segments.All() {
		require.False(t, g.Gap())
	}
}
