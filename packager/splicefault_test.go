package packager_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/media/scte35"
	"sluice/packager"
	"sluice/packager/timeline"
	"sluice/storage/journal"
	"sluice/storage/journal/memory"
)

// unspliced is a journal that refuses what is about splices, as long as it is told to.
type unspliced struct {
	journal.Journal
	refuses bool
}

func (u *unspliced) Append(ctx context.Context, stream string, e timeline.Entry) error {
	switch e.(type) {
	case timeline.SpliceMarked, timeline.SpliceEnded, timeline.SpliceCancelled:
		if u.refuses {
			return errRefused
		}
	}
	return u.Journal.Append(ctx, stream, e)
}

// startsOf are the times, in seconds, at which segments start.
func (r *rig) startsOf() (starts []float64) {
	for _, g := range r.segments(timeline.Source) {
		starts = append(starts, float64(g.start()-origin)/90_000)
	}
	return starts
}

// Where the journal doesn't take what is said of a splice, segments begin as what is
// recorded says.
func TestRefusedSplices(t *testing.T) {
	for _, c := range []struct {
		name   string
		cues   []packager.Cue // all but the first are refused
		starts []float64
		listed int
	}{
		{"a break that isn't recorded", []packager.Cue{
			{Kind: packager.CueOut, ID: "ad", Duration: 3 * time.Second, Returns: true, Ahead: 3 * time.Second},
			{Kind: packager.CueOut, ID: "ad2", Ahead: 4 * time.Second},
		}, []float64{0, 6, 10, 13, 19}, 1},
		{"a break that isn't cancelled", []packager.Cue{
			{Kind: packager.CueOut, ID: "ad", Duration: 3 * time.Second, Returns: true, Ahead: 3 * time.Second},
			{Kind: packager.CueCancel, ID: "ad"},
		}, []float64{0, 6, 10, 13, 19}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := &unspliced{Journal: memory.New(memory.Options{})}
			r := newRigOn(t, j, packager.Settings{Segment: 6 * time.Second}).begin(videoTrack(t))
			events := video{num: 3000, gops: []int{30}}.events(24 * time.Second)
			before, after := until(events, 7*time.Second)
			r.write(before)
			r.cue(c.cues[0])
			j.refuses = true
			for _, cue := range c.cues[1:] {
				_, err := r.packager.Cue(t.Context(), "live", cue)
				require.ErrorIs(t, err, errRefused)
			}
			j.refuses = false
			r.write(after).end()
			require.Equal(t, c.starts, r.startsOf())
			require.Len(t, r.timeline().Splices, c.listed)
		})
	}
}

// A break that is cancelled, or ends otherwise than was planned, leaves no cut behind, not
// that of its end either, unless another splice is there.
func TestSplicesTakenBackCutNothing(t *testing.T) {
	out := func(id string, ahead, planned time.Duration) packager.Cue {
		return packager.Cue{Kind: packager.CueOut, ID: id, Duration: planned, Returns: planned > 0, Ahead: ahead}
	}
	in := func(id string, ahead time.Duration) packager.Cue {
		return packager.Cue{Kind: packager.CueIn, ID: id, Ahead: ahead}
	}
	cancel := packager.Cue{Kind: packager.CueCancel, ID: "ad"}
	const s = time.Second
	for _, c := range []struct {
		name   string
		cues   []packager.Cue // 7 s after the start
		starts []float64
	}{
		{"its planned end", []packager.Cue{out("ad", 2*s, 4*s), cancel}, []float64{0, 6, 12, 18}},
		{"its known end", []packager.Cue{out("ad", 2*s, 0), in("ad", 6*s), cancel}, []float64{0, 6, 12, 18}},
		{"both", []packager.Cue{out("ad", 2*s, 4*s), in("ad", 7*s), cancel}, []float64{0, 6, 12, 18}},
		{"it ends otherwise", []packager.Cue{out("ad", 2*s, 4*s), in("ad", 7*s)}, []float64{0, 6, 9, 14, 20}},
		{"another begins there", []packager.Cue{out("ad", 2*s, 4*s), out("ad2", 2*s, 0), cancel}, []float64{0, 6, 9, 15, 21}},
		{"another ends there", []packager.Cue{
			out("ad2", 1*s, 0), in("ad2", 4*s), out("ad", 4*s, 2*s), cancel,
		}, []float64{0, 6, 8, 11, 17, 23}},
		{"another would end by itself there", []packager.Cue{
			out("ad2", 1*s, 3*s), out("ad", 4*s, 2*s), cancel,
		}, []float64{0, 6, 8, 11, 17, 23}},
		{"it begins at its planned end", []packager.Cue{
			out("ad2", 1*s, 3*s), in("ad2", 2*s), out("ad", 4*s, 0), cancel,
		}, []float64{0, 6, 8, 9, 15, 21}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, packager.Settings{Segment: 6 * time.Second}).begin(videoTrack(t))
			events := video{num: 3000, gops: []int{30}}.events(24 * time.Second)
			before, after := until(events, 7*time.Second)
			r.write(before)
			for _, cue := range c.cues {
				require.Equal(t, []string{cue.ID}, r.cue(cue))
			}
			r.write(after).end()
			require.Equal(t, c.starts, r.startsOf())
		})
	}
}

// A section that tells of more splices than there is room for leaves none.
func TestSectionIsMarkedAsAWhole(t *testing.T) {
	r := newRig(t, packager.Settings{}).begin(videoTrack(t))
	events := video{num: 3000, gops: []int{60}}.events(12 * time.Second)
	before, after := until(events, 10*time.Second)
	r.write(before)
	for i := range timeline.MaxSplices - 1 {
		r.splice(scte35.Out(uint32(i), nil, time.Minute, false), 10*90_000, "")
	}
	two := scte35.Opportunity(1000, nil, time.Minute, false)
	two.Descriptors = append(two.Descriptors, scte35.Opportunity(1001, nil, time.Minute, false).Descriptors...)
	require.Len(t, two.Points(), 2)
	_, err := r.packager.Cue(t.Context(), "live", packager.Cue{Section: sectionOf(t, two)})
	require.ErrorIs(t, err, packager.ErrCue)
	require.Len(t, r.timeline().Splices, timeline.MaxSplices-1)
	ids := r.cue(packager.Cue{Section: sectionOf(t, scte35.Opportunity(1000, nil, time.Minute, false))})
	require.Len(t, ids, 1, "there is room for one")
	r.write(after).end()
}

// Splices that wait when the journal fails are told of, or counted: none is forgotten.
func TestWaitingSplicesOutliveAFailure(t *testing.T) {
	j := &unspliced{Journal: memory.New(memory.Options{}), refuses: true}
	r, registry := newRigOn(t, j, packager.Settings{}), prometheus.NewRegistry()
	r.packager = packager.New(r.recorder, packager.Options{Metrics: registry})
	r.stream = r.packager.Stream("live", packager.Settings{})
	r.begin(videoTrack(t))
	for i := range 3 {
		r.splice(scte35.Out(uint32(i), nil, time.Minute, false), media.Ticks(i)*90_000, "")
	}
	var err error
	events := video{num: 3000, gops: []int{60}}.events(6 * time.Second)
	for err == nil && len(events) > 0 {
		err = r.stream.WriteSample(t.Context(), events[0].id, events[0].sample, r.start.Add(events[0].at))
		events = events[1:]
	}
	require.ErrorIs(t, err, errRefused)
	r.end()
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_events_dropped_total Timed metadata that was not published.
# TYPE sluice_events_dropped_total counter
sluice_events_dropped_total{reason="unreached"} 3
`), "sluice_events_dropped_total"))
}
