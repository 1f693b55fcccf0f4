package timeline

import (
	"fmt"
	"time"
)

// dateEpoch moves the open epoch's start on the server's clock, and with it all
// times that were given since. Nobody may have read them: manifests have not
// gone out yet, or have nothing of the epoch.
func (t *Timeline) dateEpoch(e EpochDated) error {
	current := t.Current()
	if current == nil || current.Number != e.Epoch {
		return fmt.Errorf("%w: date of epoch %d", ErrOrder, e.Epoch)
	}
	for _, r := range t.Renditions {
		last := r.Segments.Last()
		if t.Ready() && r.Open != nil && r.Open.Epoch == e.Epoch || last != nil && last.Epoch == e.Epoch {
			return fmt.Errorf("%w: epoch %d is dated anew after it was told", ErrOrder, e.Epoch)
		}
	}
	for _, s := range t.Splices {
		if s.Epoch == e.Epoch {
			return fmt.Errorf("%w: epoch %d is dated anew after splice %q", ErrOrder, e.Epoch, s.ID)
		}
	}
	by := e.At.Sub(current.Start)
	moved := *current
	moved.Start = e.At
	moved.Anchors = clone(current.Anchors, 0)
	for i := range moved.Anchors {
		moved.Anchors[i].Time = moved.Anchors[i].Time.Add(by)
	}
	t.Epochs = clone(t.Epochs, 0)
	t.Epochs[len(t.Epochs)-1] = &moved
	for _, r := range t.Renditions {
		if r.Open != nil && r.Open.Epoch == e.Epoch {
			t.replace(r.ID).Open = r.Open.moved(by)
		}
	}
	return nil
}

// moved returns the segment at other times on the server's clock.
func (g *Segment) moved(by time.Duration) *Segment {
	m := *g
	m.Time = g.Time.Add(by)
	m.Parts = clone(g.Parts, 0)
	for i := range m.Parts {
		m.Parts[i].Time = m.Parts[i].Time.Add(by)
	}
	return &m
}
