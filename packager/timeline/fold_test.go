package timeline

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/media"
)

// generator makes entries that follow each other legally, and now and then one
// that doesn't.
type generator struct {
	*rand.Rand
	clock time.Time
}

var (
	genVideo = RenditionTrack{Source, media.Track{ID: 1, Kind: media.Video, Timescale: media.VideoClock}}
	genAudio = RenditionTrack{Audio, media.Track{ID: 2, Kind: media.Audio, Timescale: 48_000}}
	genOther = RenditionTrack{"audio2", media.Track{ID: 3, Kind: media.Audio, Timescale: 44_100}}
)

// next returns an entry that may follow in t.
func (g *generator) next(t *Timeline) Entry {
	g.clock = g.clock.Add(time.Duration(g.IntN(1000)) * time.Millisecond)
	switch t.State {
	case Live:
		return g.inEpoch(t)
	case Away:
		if g.IntN(3) == 0 {
			return StreamEnded{At: g.clock}
		}
	case Ended:
		if g.IntN(2) == 0 {
			return Cleared{}
		}
	}
	return g.start(t)
}

func (g *generator) start(t *Timeline) Entry {
	sets := [][]RenditionTrack{{genVideo, genAudio}, {genVideo}, {genAudio}, {genVideo, genAudio, genOther}}
	return EpochStarted{
		Epoch: t.Next.Epoch + g.Uint64N(3), At: g.clock, Window: time.Duration(1+g.IntN(20)) * time.Second,
		Tracks: sets[g.IntN(len(sets))],
	}
}

func (g *generator) inEpoch(t *Timeline) Entry {
	e := t.Current()
	for _, rt := range e.Tracks {
		if r := t.Rendition(rt.Rendition); r.Init == nil || r.Init.Epoch < e.Number && r.Open == nil && g.IntN(20) == 0 {
			return InitWritten{Epoch: e.Number, InitEpoch: e.Number, Rendition: r.ID, Data: []byte("init")}
		}
	}
	if !t.Ready() && g.IntN(10) == 0 {
		return TargetsFixed{Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond}}
	}
	if g.IntN(60) == 0 {
		return g.ending(t)
	}
	if g.IntN(12) == 0 {
		if e := g.splice(t); e != nil {
			return e
		}
	}
	// The rendition that is furthest behind goes on, most of the time.
	r := t.Rendition(e.Tracks[0].Rendition)
	for _, rt := range e.Tracks {
		other := t.Rendition(rt.Rendition)
		if p, q := other.NextPosition(t), r.NextPosition(t); p.MSN < q.MSN || p.MSN == q.MSN && g.IntN(2) == 0 {
			r = other
		}
	}
	p := r.NextPosition(t)
	if r.Open != nil && g.IntN(4) == 0 || r.Open == nil && g.IntN(40) == 0 {
		return SegmentClosed{
			Epoch: e.Number, Rendition: r.ID, MSN: p.MSN, Duration: g.ticks(r, 2000), Start: 1, Time: g.clock,
		}
	}
	start := media.TicksOf(Origin, r.Track.Timescale)
	if r.Open != nil {
		start = r.Open.Start + r.Open.Duration
	}
	part := Part{
		Start: start, Duration: g.ticks(r, 200), Samples: 1 + g.IntN(9), Time: g.clock, Data: make([]byte, 1+g.IntN(99)),
	}
	if p.Part == 0 && r.Track.Kind == media.Video {
		part.Key = len(part.Data) / 2
	}
	return PartWritten{Epoch: e.Number, Rendition: r.ID, MSN: p.MSN, Index: p.Part, Part: part}
}

// splice marks one, or ends or cancels one that is marked.
func (g *generator) splice(t *Timeline) Entry {
	if len(t.Splices) > 0 && g.IntN(2) == 0 {
		s := t.Splices[g.IntN(len(t.Splices))]
		if s.Kind == SpliceOut && s.End == nil {
			at := s.Time.Add(time.Duration(g.IntN(5000)) * time.Millisecond)
			return SpliceEnded{s.ID, SpliceEnd{Epoch: t.Current().Number, Time: at, Section: []byte{2}}}
		}
		return SpliceCancelled{s.ID}
	}
	if len(t.Splices) == MaxSplices {
		return nil
	}
	e := t.Epochs[g.IntN(len(t.Epochs))]
	return SpliceMarked{Splice{
		ID: fmt.Sprint(g.Uint64()), Kind: SpliceKind(g.IntN(3)), Epoch: e.Number, Section: []byte{1},
		Time: g.clock.Add(time.Duration(g.IntN(5000)-2500) * time.Millisecond), Planned: time.Duration(g.IntN(3)) * time.Second,
	}}
}

// ending brings the renditions to the same MSN and then ends the epoch.
func (g *generator) ending(t *Timeline) Entry {
	for _, r := range t.Renditions {
		if p := r.NextPosition(t); r.Open != nil || r.IsListed(t) && p.MSN < t.Next.MSN {
			return SegmentClosed{
				Epoch: t.Current().Number, Rendition: r.ID, MSN: p.MSN, Duration: g.ticks(r, 1000), Start: 1, Time: g.clock,
			}
		}
	}
	return EpochEnded{Epoch: t.Current().Number, At: g.clock}
}

func (g *generator) ticks(r *Rendition, ms int) media.Ticks {
	return 1 + media.TicksOf(time.Duration(g.IntN(ms))*time.Millisecond, r.Track.Timescale)
}

// wrong spoils an entry, so that it can't follow.
func (g *generator) wrong(t *Timeline) Entry {
	far := t.Next.MSN + 5
	switch g.IntN(12) {
	case 0:
		return PartWritten{Epoch: t.Next.Epoch, Rendition: Source, MSN: t.Next.MSN}
	case 1:
		return PartWritten{Epoch: t.Next.Epoch - 1, Rendition: Source, MSN: far}
	case 2:
		return SegmentClosed{Epoch: t.Next.Epoch - 1, Rendition: Source, MSN: far, Duration: 1}
	case 3:
		return SegmentClosed{Epoch: t.Next.Epoch - 1, Rendition: "nobody", MSN: t.Next.MSN, Duration: 1}
	case 4:
		return EpochStarted{Epoch: t.Next.Epoch - 1, Tracks: []RenditionTrack{genVideo}}
	case 5:
		return EpochStarted{Epoch: t.Next.Epoch}
	case 6:
		return EpochEnded{Epoch: t.Next.Epoch}
	case 7:
		return TargetsFixed{Targets{Segment: 1500 * time.Millisecond, Part: 1}}
	case 8:
		return SpliceMarked{Splice{ID: "x", Epoch: t.Next.Epoch, Section: []byte{1}}}
	case 9:
		return SpliceEnded{"nothing", SpliceEnd{Section: []byte{1}}}
	case 10:
		return SpliceCancelled{"nothing"}
	}
	return nil
}

// dump writes down all that can be seen of a timeline.
func dump(t *Timeline) string {
	var b strings.Builder
	shallow := *t
	shallow.Epochs, shallow.Renditions, shallow.Splices = nil, nil, nil
	fmt.Fprintf(&b, "%+v\n", shallow)
	for _, e := range t.Epochs {
		fmt.Fprintf(&b, "epoch %+v\n", *e)
	}
	for _, s := range t.Splices {
		fmt.Fprintf(&b, "splice %+v %+v\n", *s, s.End)
	}
	for _, r := range t.Renditions {
		fmt.Fprintf(&b, "rendition %s %d %d %d %v %v\n", r.ID, r.Version, r.PeakBandwidth, r.Bytes, r.Span, r.Init)
		for g := range r.Segments.All() {
			fmt.Fprintf(&b, " %+v\n", *g)
		}
		if r.Open != nil {
			fmt.Fprintf(&b, " open %+v\n", *r.Open)
		}
	}
	return b.String()
}

// check holds for every timeline.
func check(t *testing.T, tl *Timeline) {
	t.Helper()
	require.LessOrEqual(t, tl.Kept, tl.First)
	require.LessOrEqual(t, tl.First, tl.Next.MSN)
	last := tl.Gone
	for i, e := range tl.Epochs {
		require.Greater(t, e.Number, last, "epochs rise, past what is gone")
		require.True(t, i == len(tl.Epochs)-1 || !e.Ended.IsZero(), "only the last epoch is open")
		last = e.Number
	}
	require.Less(t, last, tl.Next.Epoch)
	require.Equal(t, tl.State == Live, tl.Current() != nil)
	require.False(t, tl.State == Offline && (len(tl.Epochs) > 0 || len(tl.Renditions) > 0))
	for _, r := range tl.Renditions {
		checkRendition(t, tl, r)
	}
	require.LessOrEqual(t, len(tl.Splices), MaxSplices)
	require.True(t, len(tl.Splices) == 0 || tl.State != Offline)
	for i, s := range tl.Splices {
		require.Same(t, s, tl.Splice(s.ID), "IDs are unique")
		require.True(t, i == 0 || !s.Time.Before(tl.Splices[i-1].Time), "by their time")
		require.GreaterOrEqual(t, s.Duration(), time.Duration(0))
	}
}

func checkRendition(t *testing.T, tl *Timeline, r *Rendition) {
	t.Helper()
	var before *Segment
	n := 0
	for g := range r.Segments.All() {
		require.True(t, g.Closed)
		require.Positive(t, g.Duration)
		require.GreaterOrEqual(t, g.MSN, tl.Kept)
		require.NotNil(t, tl.Epoch(g.Epoch), "the epoch of a segment is there")
		require.Same(t, g, r.Segment(g.MSN))
		if before != nil {
			require.Greater(t, g.MSN, before.MSN)
			require.True(t, g.MSN == before.MSN+1 || g.MSN <= tl.First || before.MSN < tl.First, "a hole in what is listed")
		}
		size := 0
		for i := range g.NumParts() {
			off, n := g.PartRange(i)
			require.EqualValues(t, size, off)
			size += int(n)
		}
		require.Equal(t, size, g.Size)
		require.False(t, g.Stored != nil && (len(g.Parts) > 0 || g.Gap()))
		require.False(t, g.Lost && !g.Gap())
		before = g
		n++
	}
	require.Equal(t, n, r.Segments.Len())
	require.Equal(t, before, r.Segments.Last())
	require.LessOrEqual(t, r.Version, tl.Version)
	if r.Open != nil {
		require.Equal(t, Live, tl.State)
		require.False(t, r.Open.Closed)
		require.NotEmpty(t, r.Open.Parts)
		require.Less(t, r.Open.MSN, tl.Next.MSN)
		if before != nil {
			require.Greater(t, r.Open.MSN, before.MSN)
		}
		require.True(t, r.Reached(Position{r.Open.MSN, 0}))
		require.False(t, r.Reached(Position{r.Open.MSN, -1}), "the open segment is not whole")
		require.False(t, r.Reached(r.NextPosition(tl)))
	}
}

func runFold(t *testing.T, seed uint64, steps int) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), clock: time.Unix(1e9, 0)}
	tl := New(Numbers{})
	type snapshot struct {
		tl   *Timeline
		dump string
	}
	var kept []snapshot
	for step := range steps {
		if g.IntN(8) == 0 {
			if e := g.wrong(tl); e != nil || g.IntN(2) == 0 {
				was := dump(tl)
				got, err := Apply(tl, e)
				require.ErrorIs(t, err, ErrOrder, "step %d: %T %+v", step, e, e)
				require.Nil(t, got)
				require.Equal(t, was, dump(tl))
			}
		}
		e := g.keep(tl)
		if e == nil || g.IntN(3) > 0 {
			e = g.next(tl)
		}
		next, err := Apply(tl, e)
		require.NoError(t, err, "step %d: %T %+v", step, e, e)
		if step < 100 || g.IntN(8) == 0 {
			check(t, next)
		}
		require.Equal(t, tl.Version+1, next.Version)
		require.GreaterOrEqual(t, next.Next.MSN, tl.Next.MSN)
		require.GreaterOrEqual(t, next.Next.Epoch, tl.Next.Epoch)
		require.GreaterOrEqual(t, next.First, tl.First)
		require.GreaterOrEqual(t, next.Kept, tl.Kept)
		require.GreaterOrEqual(t, next.Gone, tl.Gone)
		for _, r := range next.Renditions {
			if was := tl.Rendition(r.ID); was != r && !stores(e) && was != nil && (was.Open != r.Open || was.Segments.Last() != r.Segments.Last()) {
				require.Equal(t, next.Version, r.Version, "a rendition that changed says so")
			}
		}
		if g.IntN(steps/10+1) == 0 {
			checkRestored(t, next)
		}
		if g.IntN(steps/20+1) == 0 {
			kept = append(kept, snapshot{tl, dump(tl)})
		}
		tl = next
	}
	for _, s := range kept {
		require.Equal(t, s.dump, dump(s.tl), "an old timeline changed")
	}
}

func TestFold(t *testing.T) {
	for seed := range uint64(8) {
		runFold(t, seed, 400)
	}
}

func FuzzFold(f *testing.F) {
	f.Add(uint64(1), uint16(300))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) { runFold(t, seed, int(steps%500)) })
}

// window is a stream whose window of so many segments is full.
type window struct {
	*testing.T
	tl    *Timeline
	shift time.Duration // of the dates of what comes
}

var windowStart = time.Unix(1e9, 0)

func newWindow(t *testing.T, segments int) *window {
	w := &window{T: t, tl: New(Numbers{})}
	w.apply(EpochStarted{Epoch: 1, At: windowStart, Window: time.Duration(segments) * 2 * time.Second, Tracks: []RenditionTrack{genVideo, genAudio}})
	w.apply(InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Source})
	w.apply(InitWritten{Epoch: 1, InitEpoch: 1, Rendition: Audio})
	w.apply(TargetsFixed{Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond}})
	for range 3 * segments { // the window is full, and what left it is dropped
		w.segment(1)
	}
	require.InDelta(t, segments, w.tl.Next.MSN-w.tl.First, 8)
	require.Greater(t, w.tl.Kept, uint64(1))
	return w
}

func (w *window) apply(e Entry) {
	next, err := Apply(w.tl, e)
	require.NoError(w, err)
	w.tl = next
}

// segment adds one of two seconds to both renditions.
func (w *window) segment(parts int) {
	for _, rt := range []RenditionTrack{genVideo, genAudio} {
		msn := w.tl.Rendition(rt.Rendition).NextPosition(w.tl).MSN
		whole := media.TicksOf(2*time.Second, rt.Track.Timescale)
		step := whole / media.Ticks(parts)
		for i := range parts {
			w.apply(PartWritten{Epoch: 1, Rendition: rt.Rendition, MSN: msn, Index: i, Part: Part{
				Start: media.Ticks(msn)*whole + media.Ticks(i)*step, Duration: step, Samples: 6,
				Time: windowStart.Add(w.shift + (media.Ticks(msn)*whole + media.Ticks(i)*step).Duration(rt.Track.Timescale) - Origin),
			}})
		}
		w.apply(SegmentClosed{Epoch: 1, Rendition: rt.Rendition, MSN: msn, Duration: whole})
	}
}

// TestApplyCost compares what entries cost in a short window and in a long one.
func TestApplyCost(t *testing.T) {
	type cost struct{ allocs, bytes float64 }
	measure := func(do func()) cost {
		const runs = 2048 // of all places in the tree of segments
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		allocs := testing.AllocsPerRun(runs, do)
		runtime.ReadMemStats(&after)
		return cost{allocs: allocs, bytes: float64(after.TotalAlloc-before.TotalAlloc) / (runs + 1)}
	}
	short, long := newWindow(t, 100), newWindow(t, 40_000)
	var costs [2][2]cost
	for i, w := range []*window{short, long} {
		costs[i][0] = measure(func() { w.segment(10) })
		msn := w.tl.Rendition(Source).NextPosition(w.tl).MSN
		tl := w.tl
		costs[i][1] = measure(func() {
			w.tl = tl
			w.apply(PartWritten{Epoch: 1, Rendition: Source, MSN: msn, Part: Part{Duration: 18_000}})
		})
	}
	t.Logf("segments of ten parts: %+v in a window of 100, %+v in one of 40,000", costs[0][0], costs[1][0])
	t.Logf("a part: %+v and %+v", costs[0][1], costs[1][1])
	require.InDelta(t, costs[0][1].allocs, costs[1][1].allocs, 0)
	require.InDelta(t, costs[0][1].bytes, costs[1][1].bytes, 64)
	// A segment's end copies a pointer for each fanOut² segments: 40 more of them.
	require.InDelta(t, costs[0][0].allocs, costs[1][0].allocs, 3)
	require.InDelta(t, costs[0][0].bytes, costs[1][0].bytes, 0.5*costs[0][0].bytes)
}

func BenchmarkApplyPart(b *testing.B) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1))}
	tl := New(Numbers{})
	for tl.State != Live || tl.Rendition(Source) == nil || tl.Rendition(Source).Open == nil {
		next, err := Apply(tl, g.next(tl))
		require.NoError(b, err)
		tl = next
	}
	p := tl.Rendition(Source).NextPosition(tl)
	e := PartWritten{Epoch: tl.Current().Number, Rendition: Source, MSN: p.MSN, Index: p.Part, Part: Part{Duration: 18_000}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(tl, e); err != nil {
			b.Fatal(err)
		}
	}
}
