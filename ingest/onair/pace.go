package onair

import (
	"maps"
	"slices"
	"time"

	"sluice/media"
)

// pace measures how many pictures of a track come in a second, by how long each is to
// last: pictures that a sender leaves out don't count, as they don't in what it declares.
// It does so twice: soon, and when whoever stamps them has seen enough of them to tell
// 30 from 29.97.
type pace struct {
	window int
	frames int
	spent  media.Ticks
}

// paces are the windows of media that are looked at one after the other.
var paces = [...]struct {
	lasts  time.Duration
	counts bool
}{{paceSoon, true}, {paceUnsure, false}, {paceSure, true}}

// take takes note of a picture; ok is true where that completes a measurement.
func (p *pace) take(s media.Sample, ts media.Timescale) (rate float64, ok bool) {
	if p.window == len(paces) || s.Duration <= 0 {
		return 0, false
	}
	p.frames++
	p.spent += s.Duration
	w := paces[p.window]
	if p.spent < media.TicksOf(w.lasts, ts) {
		return 0, false
	}
	rate, ok = float64(p.frames)*float64(ts)/float64(p.spent), w.counts
	*p = pace{window: p.window + 1}
	return rate, ok
}

// measure takes note of a sample of the track at that index, and reports whether it's time to
// make slates anew: all rates of the input's pictures have been measured, or the leading one's, since
// others may have been announced that never come.
func (in *input) measure(i int, s media.Sample) bool {
	if in.paces == nil {
		return false
	}
	t, p := &in.tracks[i], &in.paces[i]
	rate, ok := p.take(s, t.Timescale)
	if !ok {
		return false
	}
	rates := maps.Clone(in.rates) // others may have it
	if rates == nil {
		rates = make(map[media.TrackID]float64, len(in.paces))
	}
	rates[t.ID], in.rates = rate, rates
	if t == in.leads {
		return true
	}
	return !slices.ContainsFunc(in.paces, func(o pace) bool { return o.window < p.window })
}
