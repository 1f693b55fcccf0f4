//go:build !race

package archive

import (
	"runtime"
	"testing"
	"time"

	"sluice/media"
	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/timeline"
)

// sixHours puts the pages of six hours of two seconds, in four sizes and sound.
func sixHours(tb testing.TB) *store {
	const n = 6 * 1800
	tracks := []timeline.RenditionID{timeline.Source, "720p", "480p", "360p", timeline.Audio}
	p := &publisher{T: &testing.T{}}
	known := p.tracks()
	t := timeline.New(timeline.Numbers{})
	apply := func(e timeline.Entry) {
		next, err := timeline.Apply(t, e)
		if err != nil {
			tb.Fatal(err)
		}
		t = next
	}
	start := timeline.EpochStarted{Epoch: 1, At: began, Window: 6 * time.Hour}
	for i, id := range tracks {
		rt := timeline.RenditionTrack{Rendition: id, Track: known[0].Track}
		if id == timeline.Audio {
			rt = known[1]
		}
		rt.Track.ID = media.TrackID(i + 1)
		start.Tracks = append(start.Tracks, rt)
	}
	apply(start)
	for _, id := range tracks {
		apply(timeline.InitWritten{Epoch: 1, InitEpoch: 1, Rendition: id, Data: make([]byte, 800)})
	}
	apply(timeline.TargetsFixed{Targets: timeline.Targets{Segment: 2 * time.Second, Part: 200 * time.Millisecond, PartHoldBack: 600 * time.Millisecond}})
	s, stored := newStore(), map[timeline.RenditionID]uint64{}
	for msn := uint64(1); msn <= n; msn++ {
		for _, rt := range start.Tracks {
			whole := media.TicksOf(2*time.Second, rt.Track.Timescale)
			from := media.TicksOf(timeline.Origin, rt.Track.Timescale) + media.Ticks(msn-1)*whole
			for i := range media.Ticks(10) {
				apply(timeline.PartWritten{Epoch: 1, Rendition: rt.Rendition, MSN: msn, Index: int(i), Part: timeline.Part{
					Start: from + i*whole/10, Duration: whole / 10, Samples: 6, Data: []byte{1},
					Time: began.Add(time.Duration(msn-1)*2*time.Second + time.Duration(i)*200*time.Millisecond),
				}})
			}
			apply(timeline.SegmentClosed{Epoch: 1, Rendition: rt.Rendition, MSN: msn, Duration: whole})
			apply(timeline.SegmentStored{Rendition: rt.Rendition, MSN: msn})
			stored[rt.Rendition] = msn + 1
			key := segmentKey("live", rt.Rendition, msn)
			s.all[key] = nil
		}
		if (msn+1)%pageSegments == 0 || msn == n {
			b, err := encode(newPage(t, msn/pageSegments, stored), t.Save())
			if err != nil {
				tb.Fatal(err)
			}
			s.all[pageKey("live", msn/pageSegments)] = b
		}
	}
	return s
}

// BenchmarkSixHours restores a window, and makes manifests of it.
func BenchmarkSixHours(b *testing.B) {
	s := sixHours(b)
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	restore := func() *timeline.Timeline {
		t, err := Restore(b.Context(), s, "live", timeline.Numbers{}, began)
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	before := heap()
	t := restore()
	size := heap() - before
	b.Run("Restore", func(b *testing.B) {
		for b.Loop() {
			restore()
		}
		b.ReportMetric(size/1e6, "MB")
	})
	runtime.KeepAlive(t)
	for name, render := range map[string]func() ([]byte, error){
		"Delta":    func() ([]byte, error) { return hls.AppendMediaDelta(nil, t, timeline.Source) },
		"Playlist": func() ([]byte, error) { return hls.AppendMedia(nil, t, timeline.Source) },
		"MPD":      func() ([]byte, error) { return dash.AppendMPD(nil, t, dash.Options{TimePath: "/time"}) },
	} {
		b.Run(name, func(b *testing.B) {
			var n int
			for b.Loop() {
				body, err := render()
				if err != nil {
					b.Fatal(err)
				}
				n = len(body)
			}
			b.ReportMetric(float64(n), "bytes")
		})
	}
}
