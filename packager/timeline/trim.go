package timeline

import "time"

// trim moves First and Kept on after the leading rendition closed a segment,
// and drops what has fallen out. The span of what is listed decides, not the
// wall clock: a stream whose publisher is away keeps its window.
func (t *Timeline) trim() {
	for t.Next.MSN-t.First > minListed {
		oldest := t.durationOf(t.First)
		if t.listed-oldest < max(t.Window, minTargets*t.Targets.Segment) {
			break
		}
		t.listed -= oldest
		t.unlisted += oldest
		t.First++
	}
	t.dropSplices()
	// A segment that has left the playlist lasts its own duration and that of
	// the longest playlist that named it (RFC 8216bis §6.2.2).
	hold := max(t.Window, t.listed) + 2*t.Targets.Segment
	dropped := false
	for t.Kept < t.First {
		oldest := t.durationOf(t.Kept)
		if t.unlisted-oldest < hold {
			break
		}
		t.unlisted -= oldest
		t.Kept++
		dropped = true
	}
	if dropped {
		t.drop()
	}
}

// durationOf returns the span of segment msn in the rendition that led its epoch,
// or zero where no rendition has it.
func (t *Timeline) durationOf(msn uint64) time.Duration {
	for _, r := range t.Renditions {
		g := r.Segment(msn)
		if g == nil {
			continue
		}
		if e := t.Epoch(g.Epoch); e != nil {
			if leader := t.Rendition(e.Tracks[0].Rendition); leader != nil {
				if led := leader.Segment(msn); led != nil {
					r, g = leader, led
				}
			}
		}
		return g.Duration.Duration(g.Timescale(r))
	}
	return 0
}

// drop lets go of the segments before Kept, and of epochs and renditions of
// which nothing is left.
func (t *Timeline) drop() {
	current := t.Current()
	oldestEpoch := t.Next.Epoch
	if current != nil {
		oldestEpoch = current.Number
	}
	renditions := make([]*Rendition, 0, len(t.Renditions))
	for _, r := range t.Renditions {
		if first := r.Segments.First(); first != nil && first.MSN < t.Kept {
			trimmed := *r
			for g := trimmed.Segments.First(); g != nil && g.MSN < t.Kept; g = trimmed.Segments.First() {
				trimmed.Segments = trimmed.Segments.drop()
			}
			trimmed.Version = t.Version // a playlist rendered before may list what is gone now
			r = &trimmed
		}
		first := r.Segments.First()
		if first == nil && r.Open == nil && !current.Has(r.ID) {
			continue
		}
		if first == nil && r.Open != nil {
			first = r.Open
		}
		if first != nil {
			oldestEpoch = min(oldestEpoch, first.Epoch)
		}
		renditions = append(renditions, r)
	}
	t.Renditions = renditions
	for len(t.Epochs) > 0 && t.Epochs[0].Number < oldestEpoch {
		t.Gone = t.Epochs[0].Number
		t.Epochs = t.Epochs[1:]
	}
	t.dropAnchors()
}
