package hls

import (
	"sluice/packager/timeline"
)

// rates are bits a second, container overhead included.
type rates struct{ peak, average uint64 }

// bandwidth returns what was measured over the broadcast's whole segments; zero
// where nothing came.
func bandwidth(r *timeline.Rendition) rates {
	if r.Bytes == 0 || r.Span <= 0 {
		return rates{}
	}
	average := uint64(float64(r.Bytes)*8/r.Span.Seconds() + 0.5)
	return rates{peak: max(r.PeakBandwidth, average), average: average}
}

// loudest returns the highest rates of several renditions, of which a player
// takes one.
func loudest(list []*timeline.Rendition) rates {
	var most rates
	for _, r := range list {
		b := bandwidth(r)
		most.peak, most.average = max(most.peak, b.peak), max(most.average, b.average)
	}
	return most
}
