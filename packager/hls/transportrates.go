package hls

import (
	"time"

	"sluice/media"
	"sluice/packager/mpegts"
	"sluice/packager/timeline"
)

// transportRates returns what a rendition takes in MPEG-TS beside tables.
func transportRates(t *timeline.Timeline, r *timeline.Rendition) rates {
	cmaf := bandwidth(r)
	l := mpegts.Load{Most: cmaf.peak, About: cmaf.average, Segment: usualLength(t, r)}
	switch c := r.Track.Codec.(type) {
	case media.Picture:
		l.Picture, l.Units = true, float64(r.FrameRate)/1000
	case media.Sound:
		l.Units = float64(c.SampleRate()) / float64(max(c.FrameLength(), 1))
	}
	most, about := l.Rates()
	return rates{peak: most, average: about}
}

// tableRates returns what tables take.
func tableRates(t *timeline.Timeline, r *timeline.Rendition) rates {
	most, about := mpegts.TableRate(usualLength(t, r))
	return rates{peak: most, average: about}
}

// usualLength is how long the newest segments of a rendition are on average.
func usualLength(t *timeline.Timeline, r *timeline.Rendition) time.Duration {
	const newest = 32
	last := r.Segments.Last()
	if last == nil {
		return t.Targets.Segment
	}
	var span time.Duration
	n := 0
	for g := range r.Segments.From(max(t.First, last.MSN-min(last.MSN, newest-1))) {
		span += g.Duration.Duration(g.Timescale(r))
		n++
	}
	if n == 0 || span <= 0 {
		return t.Targets.Segment
	}
	return span / time.Duration(n)
}
