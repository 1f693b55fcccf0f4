package hls_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// whole stands for a request without _HLS_part.
const whole = -1

func TestBlocks(t *testing.T) {
	// Segments 1 to 5 are whole, with ten parts each; of segment 6 there are
	// parts 0 to 3.
	mid := build(t, "mid_segment")
	// Between segments: 7 is next.
	edge := newScript(t)
	edge.start(bothTracks()...)
	edge.fix()
	edge.segments(6)
	away := newScript(t)
	away.start(bothTracks()...)
	away.fix()
	away.segments(2)
	away.leave(time.Second)
	for _, c := range []struct {
		name string
		t    *timeline.Timeline
		msn  uint64
		part int
		want bool
		err  error
	}{
		{"a whole segment that is there", mid, 5, whole, true, nil},
		{"one that is under way", mid, 6, whole, false, nil},
		{"the one after it", mid, 7, whole, false, nil},
		{"two ahead", mid, 8, whole, false, hls.ErrAhead},
		{"far ahead", mid, 1 << 63, whole, false, hls.ErrAhead},
		{"the newest part", mid, 6, 3, true, nil},
		{"the next part", mid, 6, 4, false, nil},
		{"as far ahead as allowed", mid, 6, 18, false, nil},
		{"further", mid, 6, 19, false, hls.ErrAhead},
		{"a part of the next segment", mid, 7, 0, false, nil},
		{"too far into it", mid, 7, 15, false, hls.ErrAhead},
		{"a part of a whole segment", mid, 5, 9, true, nil},
		{"past the last part of it, which is 6.0", mid, 5, 10, true, nil},
		{"any number past it", mid, 5, 1 << 40, true, nil},
		{"an old one", mid, 1, 700, true, nil},
		{"nought", mid, 0, 0, true, nil},

		{"whole, at the edge", edge.t, 6, whole, true, nil},
		{"next, at the edge", edge.t, 7, 0, false, nil},
		{"past the last part, at the edge, is 7.0", edge.t, 6, 10, false, nil},
		{"one after the next, at the edge", edge.t, 8, 0, false, nil},
		{"two after the next, at the edge", edge.t, 9, 0, false, hls.ErrAhead},

		{"away: what is there", away.t, 2, whole, true, nil},
		{"away: what may come", away.t, 3, 0, false, nil},
		{"ended: anything", build(t, "ended"), 1 << 50, 7, true, nil},
		{"not ready", timeline.New(timeline.Numbers{}), 1, 0, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			ready, err := hls.Blocks(c.t, timeline.Source, c.msn, c.part)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, ready)
		})
	}
	_, err := hls.Blocks(mid, "nope", 1, 0)
	require.ErrorIs(t, err, hls.ErrNoRendition)
}

// A gap answers who waits for a part of it: no such part will come.
func TestBlocksGap(t *testing.T) {
	tl := build(t, "gap_at_edge")
	gap := tl.Rendition(timeline.Audio).Segments.Last()
	require.True(t, gap.Gap())
	for _, part := range []int{whole, 0, 3} {
		ready, err := hls.Blocks(tl, timeline.Audio, gap.MSN, part)
		require.NoError(t, err)
		require.True(t, ready)
	}
}

// With parts of a second and more the limit is three parts.
func TestBlocksLongParts(t *testing.T) {
	s := newScript(t)
	s.targets.Part = time.Second
	s.start(bothTracks()...)
	s.fix()
	s.part()
	_, err := hls.Blocks(s.t, timeline.Source, 1, 3)
	require.NoError(t, err)
	_, err = hls.Blocks(s.t, timeline.Source, 1, 4)
	require.ErrorIs(t, err, hls.ErrAhead)
}

// What Blocks calls ready is what the playlist then holds, at every moment of a
// stream's life.
func TestBlocksAgreesWithPlaylist(t *testing.T) {
	s := newScript(t)
	s.bytes = 1
	waiting := map[timeline.RenditionID]timeline.Position{timeline.Source: {MSN: 1}, timeline.Audio: {MSN: 1}}
	answers := 0
	s.onChange = func(tl *timeline.Timeline) {
		for id, want := range waiting {
			ready, err := hls.Blocks(tl, id, want.MSN, want.Part)
			if !tl.Ready() || err != nil {
				continue
			}
			r := tl.Rendition(id)
			g := r.Segment(want.MSN)
			there := g != nil && (g.Closed && want.Part >= len(g.Parts) && r.Reached(timeline.Position{MSN: want.MSN + 1}) ||
				want.Part < len(g.Parts)) || tl.State == timeline.Ended
			require.Equal(t, there, ready, "%s %v at %+v", id, want, r.NextPosition(tl))
			if ready {
				answers++
				waiting[id] = r.NextPosition(tl) // as a client asks, from what it has read
			}
		}
	}
	s.start(bothTracks()...)
	s.fix()
	s.segments(3)
	s.parts(4)
	s.leave(time.Second)
	s.start(bothTracks()...)
	s.segments(3)
	s.leave(time.Second)
	s.end()
	require.Greater(t, answers, 100)
}

// A rung is judged by its own segments, and its players are sent away where it
// has left or is too far behind.
func TestBlocksRungs(t *testing.T) {
	late := newScript(t) // 480p has three parts of segment 5, the others all of it
	late.laddered()
	late.segments(4)
	late.only(lowRung, 3)
	for range 5 {
		for _, rt := range append(bothTracks(), highRung) {
			late.partsOf(rt)
		}
	}
	caughtUp := build(t, "rung_caught_up")
	id := lowRung.Rendition
	for _, c := range []struct {
		name string
		t    *timeline.Timeline
		id   timeline.RenditionID
		msn  uint64
		part int
		want bool
		err  error
	}{
		{"its newest part", late.t, id, 5, 2, true, nil},
		{"what the source has already", late.t, id, 5, 4, false, nil},
		{"as far ahead as allowed", late.t, id, 5, 17, false, nil},
		{"further than the rung allows", late.t, id, 5, 18, false, hls.ErrAhead},
		{"the source's next but one", late.t, id, 7, whole, false, hls.ErrAhead},
		{"left", build(t, "rung_left"), highRung.Rendition, 1, 0, false, hls.ErrGone},
		{"left, far ahead", build(t, "rung_left"), highRung.Rendition, 1 << 60, 0, false, hls.ErrGone},
		{"behind", build(t, "rung_behind"), id, 5, 3, false, hls.ErrGone},
		{"never was", late.t, "144p", 1, 0, false, hls.ErrNoRendition},
		{"a part that is missing is there", caughtUp, id, 4, 9, true, nil},
		{"past the missing ones", caughtUp, id, 4, 10, true, nil},
		{"before it joined", build(t, "rung_is_back"), highRung.Rendition, 2, whole, true, nil},
		{"trailing: a part of the old epoch", build(t, "rung_trails"), id, 3, 3, false, nil},
		{"trailing: the next epoch's", build(t, "rung_trails"), id, 4, 0, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			ready, err := hls.Blocks(c.t, c.id, c.msn, c.part)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, ready)
		})
	}
}
