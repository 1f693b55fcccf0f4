package packager_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/media"
	"sluice/packager"
	"sluice/storage/journal/memory"
)

// looped is a stream of 1080p30 at 4.5 Mb/s with sound that goes on for ever.
type looped struct {
	stream *packager.Stream
	events []event
	length time.Duration
	n      int
	start  time.Time
}

func newLooped(t testing.TB, metrics prometheus.Registerer) *looped {
	const length = 32 * time.Second // a whole number of AAC frames
	l := &looped{length: length, start: time.Now()}
	p := packager.New(memory.New(memory.Options{}), packager.Options{Metrics: metrics})
	l.stream = p.Stream("live", packager.Settings{})
	require.NoError(t, l.stream.Begin(t.Context(), []media.Track{videoTrack(t), audioTrack(t, 48_000)}))
	l.events = both(length)
	for i := range l.events {
		s := &l.events[i].sample
		switch {
		case l.events[i].id == audioID:
			s.Data = make([]byte, 340)
		case s.Sync:
			s.Data = make([]byte, 110_000)
		default:
			s.Data = make([]byte, 17_000)
		}
	}
	return l
}

func (l *looped) next(t testing.TB) {
	e := l.events[l.n%len(l.events)]
	round := time.Duration(l.n / len(l.events))
	l.n++
	s := e.sample
	if e.id == videoID {
		s.DTS += media.TicksOf(round*l.length, media.VideoClock)
	} else {
		s.DTS += media.TicksOf(round*l.length, 48_000)
	}
	if err := l.stream.WriteSample(t.Context(), e.id, s, l.start.Add(e.at+round*l.length)); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkWriteSample is the whole way of a sample: gathered, written into a
// fragment and folded into the timeline. 77 samples are a second of the stream.
func BenchmarkWriteSample(b *testing.B) {
	l := newLooped(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		l.next(b)
	}
	perSecond := float64(len(l.events)) / l.length.Seconds()
	b.ReportMetric(b.Elapsed().Seconds()/float64(l.n)*perSecond*1e6, "µs/stream-s")
}

// TestWriteSampleAllocations bounds what a sample costs over many: nothing by
// itself, and a few small allocations for each part.
func TestWriteSampleAllocations(t *testing.T) {
	l := newLooped(t, nil)
	for range 2 * len(l.events) {
		l.next(t)
	}
	perLoop := testing.AllocsPerRun(2, func() {
		for range len(l.events) {
			l.next(t)
		}
	})
	parts := float64(l.length / (200 * time.Millisecond) * 2)
	require.Less(t, perLoop/parts, 16.0, "allocations a part")
	require.Less(t, perLoop/float64(len(l.events)), 2.2, "allocations a sample")
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	l := newLooped(t, registry)
	for range len(l.events) {
		l.next(t)
	}
	require.NoError(t, l.stream.WriteSample(t.Context(), videoID, media.Sample{}, time.Now()))
	require.NoError(t, l.stream.End(t.Context(), nil))
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	require.EqualValues(t, 160, got["sluice_parts_total video"])
	require.Equal(t, got["sluice_parts_total video"]+got["sluice_parts_total audio"], got["sluice_part_latency_seconds"])
	require.GreaterOrEqual(t, got["sluice_segments_total video"], 15.0)
	require.Greater(t, got["sluice_part_bytes_total video"], 1e7)
	require.EqualValues(t, 1, got["sluice_samples_dropped_total malformed"])
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}
