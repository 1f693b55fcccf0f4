package packager_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager/timeline"
)

// checkInvariants holds for what has sane durations; the journal has checked the
// order of the entries already. It looks at the bytes too.
func checkInvariants(t testing.TB, r *rig) {
	t.Helper()
	checkAll(t, r, 1)
}

// checkAll holds for whatever was written, garbage included. Frames may be
// closer together than their durations say by so many ticks.
func checkAll(t testing.TB, r *rig, overlap media.Ticks) {
	t.Helper()
	tracks := map[timeline.RenditionID]media.Track{}
	fixed := map[uint64]timeline.Targets{} // by epoch
	var targets timeline.Targets
	var ended uint64
	of := map[uint64]*timeline.Epoch{}
	left := map[timeline.RenditionID]bool{}
	joined := map[timeline.RenditionID]map[uint64]bool{} // with which MSNs
	for _, e := range r.all() {
		switch e := e.(type) {
		case timeline.EpochStarted:
			of[e.Epoch] = &timeline.Epoch{Tracks: e.Tracks}
			for _, rt := range e.Tracks {
				tracks[rt.Rendition] = rt.Track
			}
		case timeline.RenditionLeft:
			left[e.Rendition] = true
		case timeline.RenditionJoined:
			tracks[e.Rendition] = e.Track
			if joined[e.Rendition] == nil {
				joined[e.Rendition] = map[uint64]bool{}
			}
			joined[e.Rendition][e.MSN] = true
			of[e.Epoch].Tracks = append(of[e.Epoch].Tracks, e.RenditionTrack)
		case timeline.TargetsFixed:
			targets = e.Targets
		case timeline.EpochEnded:
			fixed[e.Epoch], ended = targets, e.Epoch
		case timeline.StreamEnded:
			targets = timeline.Targets{}
		}
	}
	require.NotZero(t, len(tracks), "nothing was published")
	var last = map[uint64]map[timeline.RenditionID]uint64{}
	for id, track := range tracks {
		var before *segment
		for _, g := range r.segments(id) {
			checkSegment(t, id, track, g, fixed[g.epoch], overlap)
			if before != nil && !before.gap() && !g.gap() && before.epoch == g.epoch {
				require.GreaterOrEqual(t, g.start(), before.start(), "%s %d", id, g.msn)
			}
			// A rung of which there were only gaps isn't listed: it is from where it joins on.
			anew := before != nil && before.gap() && joined[id][g.msn]
			if before != nil && before.epoch == g.epoch && !left[id] && !anew {
				require.Equal(t, before.msn+1, g.msn, "MSNs of %s", id)
			}
			if g.epoch <= ended {
				require.NotNil(t, g.closed, "%s %d", id, g.msn)
			}
			if last[g.epoch] == nil {
				last[g.epoch] = map[timeline.RenditionID]uint64{}
			}
			last[g.epoch][id] = g.msn
			before = g
		}
	}
	for epoch, msns := range last {
		if epoch > ended {
			continue
		}
		for id, msn := range msns {
			for other, m := range msns {
				if !of[epoch].Has(id) || !of[epoch].Has(other) || left[id] || left[other] {
					continue
				}
				require.Equal(t, msn, m, "epoch %d ends with %s and %s at different MSNs", epoch, id, other)
			}
		}
	}
}

func checkSegment(t testing.TB, id timeline.RenditionID, track media.Track, g *segment, targets timeline.Targets, overlap media.Ticks) {
	t.Helper()
	if g.gap() {
		require.Positive(t, g.closed.Duration)
		return
	}
	require.True(t, g.parts[0].Independent, "%s %d starts with no sync sample", id, g.msn)
	limit := media.TicksOf(targets.Part, track.Timescale)
	var sum media.Ticks
	var wall time.Time
	end := g.start()
	ahead := checkStart(t, g.parts[0])
	for i, p := range g.parts {
		checkPart(t, track, p, ahead)
		if targets.Part > 0 {
			require.LessOrEqual(t, p.Duration, limit, "%s %d.%d is longer than PART-TARGET", id, g.msn, i)
		}
		require.GreaterOrEqual(t, p.Start, end-overlap, "%s %d.%d overlaps", id, g.msn, i)
		require.True(t, i == 0 || p.Start > g.parts[i-1].Start, "%s %d.%d goes back", id, g.msn, i)
		require.True(t, i == 0 || p.Time.After(wall), "%s %d.%d: wall time goes back", id, g.msn, i)
		sum, wall, end = sum+p.Duration, p.Time, p.Start+p.Duration
	}
	if g.closed == nil {
		return
	}
	require.GreaterOrEqual(t, g.closed.Duration, sum-overlap*media.Ticks(len(g.parts)), "%s %d", id, g.msn)
	if sum == end-g.start() && track.Name == "" { // no hole; a rung's segments last as long as the source's
		require.LessOrEqual(t, g.closed.Duration-sum, media.TicksOf(time.Second, track.Timescale), "%s %d", id, g.msn)
	}
}

// checkStart wants a segment to be listed from when its first sample is presented, and returns
// by how much that is after it is decoded.
func checkStart(t testing.TB, p timeline.Part) media.Ticks {
	t.Helper()
	var parsed fmp4.Parts
	require.NoError(t, parsed.Unmarshal(p.Data))
	got := parsed[0].Tracks[0]
	require.Equal(t, media.Ticks(got.BaseTime)+media.Ticks(got.Samples[0].PTSOffset), p.Start)
	return media.Ticks(got.Samples[0].PTSOffset)
}

// checkPart compares a part with its bytes. It's listed so far ahead of its decode times.
func checkPart(t testing.TB, track media.Track, p timeline.Part, ahead media.Ticks) {
	t.Helper()
	var parsed fmp4.Parts
	require.NoError(t, parsed.Unmarshal(p.Data))
	require.Len(t, parsed, 1)
	got := parsed[0].Tracks[0]
	require.EqualValues(t, track.ID, got.ID)
	require.Len(t, got.Samples, p.Samples)
	var sum media.Ticks
	key := len(p.Data)
	for i, s := range got.Samples {
		require.NotZero(t, s.Duration)
		sum += media.Ticks(s.Duration)
		if i > 0 {
			key -= len(s.Payload)
		}
	}
	require.Equal(t, media.Ticks(got.BaseTime)+ahead, p.Start)
	require.Equal(t, sum, p.Duration)
	if track.Kind != media.Video || !p.Independent {
		key = 0
	}
	require.Equal(t, key, p.Key)
	require.False(t, bytes.Contains(p.Data[:8], []byte("mdat")))
}

// near compares media times and spans.
func near[T ~int64](t testing.TB, want, got, tolerance T, message ...any) {
	t.Helper()
	require.InDelta(t, int64(want), int64(got), float64(tolerance), message...)
}
