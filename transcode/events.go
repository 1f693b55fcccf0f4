package transcode

import (
	"context"
	"slices"

	"sluice/media"
)

// heldEvent is timed metadata that waits for its run to begin.
type heldEvent struct {
	run   *run
	event media.Event
}

// WriteEvent implements media.Sink. What leads in a hidden source's place has the
// times of the source's pictures, so an event's time is right for it too; but it
// begins a run later than the source, and an event of that run waits for it.
func (l *Ladder) WriteEvent(ctx context.Context, e media.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.hidden
	switch {
	case l.run != nil && l.run.err != nil:
		return l.run.err
	case !h.on || h.begun == l.run:
		return l.base.WriteEvent(ctx, e)
	}
	h.events, h.eventBytes = append(h.events, heldEvent{l.run, e}), h.eventBytes+len(e.Data)
	for len(h.events) > maxHeldEvents || h.eventBytes > maxHeldEventBytes {
		h.eventBytes -= len(h.events[0].event.Data)
		h.events = slices.Delete(h.events, 0, 1)
	}
	return nil
}

// releaseEvents writes the events that waited for run r, or for one before it on the
// same clock that nothing came of, and forgets those of clocks that are over. The mutex is held.
func (l *Ladder) releaseEvents(ctx context.Context, r *run) error {
	h := &l.hidden
	held := h.events
	h.events, h.eventBytes = nil, 0
	for _, e := range held {
		switch {
		case e.run.number > r.number:
			h.events, h.eventBytes = append(h.events, e), h.eventBytes+len(e.event.Data)
		case e.run.clock == r.clock:
			if err := l.base.WriteEvent(ctx, e.event); err != nil {
				return err
			}
		}
	}
	return nil
}

// showAgain shows the source as it is, in a run of its own on the clock of the
// hidden one: what events waited for that one belong to it.
func (l *Ladder) showAgain(ctx context.Context) error {
	hidden := l.run
	l.again(ctx)
	waiting := l.unhide(ctx)
	if err := l.beginShown(ctx); err != nil {
		return err
	}
	for _, e := range waiting {
		if e.run.clock != hidden.clock {
			continue
		}
		if err := l.WriteEvent(ctx, e.event); err != nil {
			return err
		}
	}
	return nil
}
