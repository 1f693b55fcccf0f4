package hls

import (
	"sluice/packager/timeline"
)

// rates are bits a second, container overhead included.
type rates struct{ peak, average uint64 }

// bandwidth returns what was measured over the broadcast's whole segments; before
// the first of them, the rate of the parts so far; zero where nothing came.
func bandwidth(r *timeline.Rendition) rates {
	if r.Bytes > 0 && r.Span > 0 {
		average := uint64(float64(r.Bytes)*8/r.Span.Seconds() + 0.5)
		return rates{peak: max(r.PeakBandwidth, average), average: average}
	}
	if g := r.Open; g != nil && g.Duration > 0 {
		rate := uint64(float64(g.Size)*8/g.Duration.Duration(g.Timescale(r)).Seconds() + 0.5)
		return rates{peak: rate, average: rate}
	}
	return rates{}
}
