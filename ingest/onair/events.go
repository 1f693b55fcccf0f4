package onair

import (
	"context"
	"slices"

	"sluice/media"
)

// WriteEvent implements media.Sink. What belongs to a picture that isn't shown is told when
// that goes on air: it may be of the GOP that is held, or ahead, as splices are.
func (in *input) WriteEvent(ctx context.Context, e media.Event) error {
	a := in.air
	if a == nil {
		return errOrder
	}
	a.mu.Lock()
	if a.on != in || !in.claim(ctx) {
		in.held.tell(e)
		a.mu.Unlock()
		a.control.counts.events.Inc()
		return nil
	}
	out := a.out
	a.mu.Unlock()
	defer a.release()
	e.At = in.seam.at(e.At)
	return out.WriteEvent(ctx, e)
}

// tell keeps an event; where there is no room, the oldest one makes it.
func (h *held) tell(e media.Event) {
	to := &h.events
	if h.gops == 0 || h.gops == 1 && h.key && e.At <= timeOf(h.samples[0]) {
		to = &h.opening
	}
	*to = append(*to, e)
	if len(*to) > heldEvents {
		*to = slices.Delete(*to, 0, 1)
	}
}

// timeOf is when a sample is presented, on the clock of events.
func timeOf(s heldSample) media.Ticks {
	return s.sample.PTS().Rescale(s.track.Timescale, media.VideoClock)
}

// forgetEvents lets go of what was before a time of the input's clock.
func (h *held) forgetEvents(before media.Ticks) {
	h.events = slices.DeleteFunc(h.events, func(e media.Event) bool { return e.At < before })
}

// takeEvents returns the events that belong to what is going to be seen of held samples, as
// the seam moves them, and forgets all. What came before there were any belongs to the first. The air's mutex is held.
func (in *input) takeEvents(burst []heldSample) []media.Event {
	h := &in.held
	first := in.seam.cut
	if !in.seam.on && len(burst) > 0 {
		first = timeOf(burst[0])
	}
	if in.seam.on || len(burst) > 0 {
		h.forgetEvents(first)
	}
	for i := range h.opening {
		h.opening[i].At = max(h.opening[i].At, first)
	}
	events := append(h.opening, h.events...)
	h.opening, h.events = nil, nil
	for i := range events {
		events[i].At = in.seam.at(events[i].At)
	}
	return events
}
