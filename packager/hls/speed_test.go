//go:build !race

package hls_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// window returns a stream that has filled its window, in the middle of a segment.
func window(tb testing.TB, w time.Duration) *timeline.Timeline {
	tb.Helper()
	s := newScript(tb)
	s.window, s.bytes = w, 1
	s.t.Next = timeline.Numbers{Epoch: 12, MSN: 1_234_567}
	s.start(bothTracks()...)
	s.fix()
	s.segments(int(w/(2*time.Second)) + 10)
	s.parts(9)
	return s.t
}

func TestAllocations(t *testing.T) {
	short, long := window(t, 30*time.Second), window(t, 6*time.Hour)
	for _, c := range []struct {
		name   string
		render func([]byte, *timeline.Timeline, timeline.RenditionID) ([]byte, error)
		t      *timeline.Timeline
	}{
		{"media", hls.AppendMedia, short},
		{"media, six hours", hls.AppendMedia, long},
		{"delta", hls.AppendMediaDelta, short},
		{"delta, six hours", hls.AppendMediaDelta, long},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, id := range []timeline.RenditionID{timeline.Source, timeline.Audio} {
				require.Equal(t, 1.0, testing.AllocsPerRun(20, func() {
					if _, err := c.render(nil, c.t, id); err != nil {
						panic(err)
					}
				}), id)
				body, _ := c.render(nil, c.t, id)
				require.Zero(t, testing.AllocsPerRun(20, func() {
					_, _ = c.render(body[:0], c.t, id)
				}), "into a slice that is large enough")
			}
		})
	}
}

func TestDeltaIsSmall(t *testing.T) {
	for _, w := range []time.Duration{time.Minute, 6 * time.Hour} {
		tl := window(t, w)
		body, err := hls.AppendMediaDelta(nil, tl, timeline.Source)
		require.NoError(t, err)
		require.Less(t, len(body), 4<<10, "%v", w)
		require.Contains(t, string(body), "#EXT-X-SKIP:")
	}
}

func benchmark(b *testing.B, w time.Duration, render func([]byte, *timeline.Timeline, timeline.RenditionID) ([]byte, error)) {
	tl := window(b, w)
	b.ReportAllocs()
	var n int
	for b.Loop() {
		body, err := render(nil, tl, timeline.Source)
		if err != nil {
			b.Fatal(err)
		}
		n = len(body)
	}
	b.ReportMetric(float64(n), "bytes")
}

func BenchmarkMedia30s(b *testing.B) { benchmark(b, 30*time.Second, hls.AppendMedia) }
func BenchmarkMedia6h(b *testing.B)  { benchmark(b, 6*time.Hour, hls.AppendMedia) }
func BenchmarkDelta30s(b *testing.B) { benchmark(b, 30*time.Second, hls.AppendMediaDelta) }
func BenchmarkDelta6h(b *testing.B)  { benchmark(b, 6*time.Hour, hls.AppendMediaDelta) }

func BenchmarkMultivariant(b *testing.B) {
	tl := window(b, 30*time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hls.AppendMultivariant(nil, tl, hls.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlocks(b *testing.B) {
	tl := window(b, 30*time.Second)
	next := tl.Rendition(timeline.Source).NextPosition(tl)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hls.Blocks(tl, timeline.Source, next.MSN, next.Part); err != nil {
			b.Fatal(err)
		}
	}
}
