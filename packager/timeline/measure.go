package timeline

import (
	"time"

	"sluice/media"
)

// maxRun bounds the segments that are looked at for one peak.
const maxRun = 32

// measure counts the rendition's newest segment, a whole one, into its
// bandwidth and frame rate. first is the oldest MSN of the broadcast's playlists.
func (r *Rendition) measure(g *Segment, first uint64, target time.Duration) {
	span := g.Duration.Duration(r.Track.Timescale)
	r.Bytes += uint64(g.Size)
	r.Span += span
	peak, keys := r.newestPeak(first, target)
	r.PeakBandwidth = max(r.PeakBandwidth, peak)
	r.PeakKeys, r.KeyBytes = max(r.PeakKeys, keys), r.KeyBytes+uint64(g.Key())
	if r.Track.Kind != media.Video || span <= 0 {
		return
	}
	frames, covered := 0, time.Duration(0)
	parts := g.Parts // the end of the segment may be missing
	if before := r.Segments.ByMSN(g.MSN - 1); before == nil || before.Epoch != g.Epoch {
		// An epoch may begin with pictures that are decoded only, in no time.
		switch {
		case r.FrameRate > 0:
			return
		case len(parts) > 1:
			parts = parts[1:]
		}
	}
	for _, p := range parts {
		frames += p.Samples
		covered += p.Duration.Duration(r.Track.Timescale)
	}
	if covered > 0 {
		r.FrameRate = max(r.FrameRate, uint32(float64(frames)*1000/covered.Seconds()+0.5))
	}
}

// newestPeak returns the highest bit rate of the runs that end with the newest
// segment and last between half a target duration and one and a half, plus
// half a second (RFC 8216bis §4.1). What a lost publisher left, a keyframe and
// little more, so counts together with what was before it, not by itself. So does
// what a rung left when it went, though its playlist begins anew when it is back:
// there are players that have both. keys is the same of what the segments begin with alone.
func (r *Rendition) newestPeak(first uint64, target time.Duration) (peak, keys uint64) {
	var run [maxRun]*Segment
	n := 0
	last := r.Segments.Last()
	for g := range r.Segments.From(max(first, last.MSN-min(last.MSN, maxRun-1))) {
		run[n] = g
		n++
	}
	var size, key int
	var span time.Duration
	for i := n - 1; i >= 0; i-- {
		g := run[i]
		size, key = size+g.Size, key+g.Key()
		span += g.Duration.Duration(g.Timescale(r))
		if i < n-1 && (span > target+target/2+time.Second/2 || g.MSN+1 != run[i+1].MSN) {
			break
		}
		if span > 0 && span >= target/2 {
			peak = max(peak, uint64(float64(size)*8/span.Seconds()+0.5))
			keys = max(keys, uint64(float64(key)*8/span.Seconds()+0.5))
		}
	}
	return peak, keys
}
