package onair

import (
	"slices"
	"time"

	"sluice/media"
)

// seam is how an input's clock goes on where the output's media ended, at a time on the
// wall that lies within what the input held: cut there, in ticks of media.VideoClock.
// Nothing is to be seen of what comes before that, but pictures may be needed for
// decoding. They are squeezed, so that the first stands at the cut:
//
//	input   K───────────cut──pivot────────▶   output   K─pivot────────▶
//	                                                   cut
//
// Decode times stay as far before presentation times as the first picture's is: that is by
// how much a packager takes all of them for later. The zero value changes nothing.
type seam struct {
	on         bool
	cut, pivot media.Ticks
	offset     media.Ticks // of the first picture
}

// seamAt makes the seam of an input whose first picture is shown at first, and has that
// composition offset.
func seamAt(first, cut, offset media.Ticks) seam {
	if cut <= first {
		return seam{}
	}
	return seam{on: true, cut: cut, pivot: cut + (cut-first)/(squeeze-1), offset: offset}
}

// at moves a time of the picture.
func (m seam) at(t media.Ticks) media.Ticks {
	if !m.on || t >= m.pivot {
		return t
	}
	return m.pivot - (m.pivot-t+squeeze-1)/squeeze
}

// move changes a sample of a track; false is for sound that is over.
func (m seam) move(t *media.Track, s media.Sample) (media.Sample, bool) {
	if !m.on {
		return s, true
	}
	if t.Kind == media.Audio {
		return s, s.DTS+s.Duration/2 >= m.cut.Rescale(media.VideoClock, t.Timescale)
	}
	pts := m.at(s.PTS())
	s.DTS = m.at(s.DTS+m.offset) - m.offset
	s.CTSOffset = pts - s.DTS
	return s, true
}

// heldSample is one that waits for its input to go on air.
type heldSample struct {
	track   *media.Track
	sample  media.Sample
	arrived time.Time
}

// held is the newest GOP of an input: from a keyframe of the leading track on, with the
// samples of other tracks that belong to its time. Before there is a keyframe it's the
// sound that has come.
type held struct {
	samples []heldSample
	bytes   int
	key     bool // a decoder can start with it
	fresh   bool // its newest sample is a keyframe
	tooMuch bool // the GOP was longer than what may be kept

	events []media.Event // of that GOP's time, and of later

	// opening are those that came before the input's first picture. They are told with the
	// first GOP, whichever of it is seen.
	opening []media.Event
	gops    int // that have begun, up to two
}

func (h *held) drop() {
	clear(h.samples)
	*h = held{samples: h.samples[:0], events: h.events, opening: h.opening, gops: h.gops}
}

// add keeps a sample.
func (h *held) add(leads *media.Track, n heldSample) {
	lead := n.track.ID == leads.ID
	h.fresh = lead && n.sample.Sync
	switch {
	case lead && leads.Kind == media.Audio: // a decoder can start anywhere
		h.key, h.fresh = true, true
		h.append(n)
		h.forget(n.arrived)
	case h.fresh:
		h.begin(n)
	case h.key:
		h.append(n)
	case !lead: // where a picture is missing, sound may be what there is
		h.append(n)
		h.forget(n.arrived)
	}
	if len(h.samples) > 0 && (h.bytes > heldBytes || n.arrived.Sub(h.samples[0].arrived) > heldTime) {
		h.drop()
		h.tooMuch = true
	}
}

// forget lets go of old sound.
func (h *held) forget(now time.Time) {
	n := 0
	for now.Sub(h.samples[n].arrived) > heldSound {
		h.bytes -= len(h.samples[n].sample.Data)
		n++
	}
	h.samples = slices.Delete(h.samples, 0, n)
}

func (h *held) append(n heldSample) {
	h.samples = append(h.samples, n)
	h.bytes += len(n.sample.Data)
}

// begin starts anew with a keyframe. Tracks aren't interleaved to the tick: what has
// come of the others for the time from there on stays.
func (h *held) begin(key heldSample) {
	before := h.samples
	from := key.sample.PTS() - key.sample.Duration/2
	h.samples, h.bytes, h.key, h.tooMuch = make([]heldSample, 0, max(len(before), 16)), 0, true, false
	h.append(key)
	said := h.opening
	h.opening = nil
	if h.gops = min(h.gops+1, 2); h.gops == 1 {
		for _, e := range said { // some may be ahead
			h.tell(e)
		}
	}
	h.forgetEvents(timeOf(h.samples[0]))
	for _, s := range before {
		if s.track.ID != key.track.ID && s.sample.PTS().Rescale(s.track.Timescale, key.track.Timescale) >= from {
			h.append(s)
		}
	}
}

// join makes the seam for held samples that follow media which ended at that time. The
// time at which the input's clock stands is that of the sample which came soonest.
func join(lead *media.Track, samples []heldSample, ended time.Time) seam {
	if ended.IsZero() {
		return seam{}
	}
	var first *heldSample
	var base time.Time // the wall time of first's
	for i := range samples {
		s := &samples[i]
		if s.track.ID != lead.ID {
			continue
		}
		if first == nil {
			first, base = s, s.arrived
		}
		if at := s.arrived.Add(-(s.sample.DTS - first.sample.DTS).Duration(lead.Timescale)); at.Before(base) {
			base = at
		}
	}
	if first == nil {
		return seam{}
	}
	ts, from := lead.Timescale, first.sample.PTS()
	cut := from + media.TicksOf(ended.Sub(base), ts)
	return seamAt(from.Rescale(ts, media.VideoClock), cut.Rescale(ts, media.VideoClock), first.sample.CTSOffset.Rescale(ts, media.VideoClock))
}
