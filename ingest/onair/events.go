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
	h.events = append(h.events, e)
	if len(h.events) > heldEvents {
		h.events = slices.Delete(h.events, 0, 1)
	}
}

// forgetEvents lets go of what was before a time of the input's clock.
func (h *held) forgetEvents(before media.Ticks) {
	h.events = slices.DeleteFunc(h.events, func(e media.Event) bool { return e.At < before })
}

// takeEvents returns the events that belong to what is going to be seen of held samples, as
// the seam moves them, and forgets all. The air's mutex is held.
func (in *input) takeEvents(burst []heldSample) []media.Event {
	switch {
	case in.seam.on:
		in.held.forgetEvents(in.seam.cut)
	case len(burst) > 0:
		in.held.forgetEvents(burst[0].sample.PTS().Rescale(burst[0].track.Timescale, media.VideoClock))
	}
	events := in.held.events
	in.held.events = nil
	for i := range events {
		events[i].At = in.seam.at(events[i].At)
	}
	return events
}
