package timeline

import (
	"time"

	"sluice/media"
)

// judge looks at how far the renditions that follow are behind, after rendition
// id got a part or closed a segment. Players that play at the edge of one that
// got nothing for so long as they hold back run dry: hls.js waits for seconds
// then, and is late for good. Told so in time, they go on with another rendition
// without a pause; hence Rendition.Behind, which comes long before whoever makes
// the rendition knows that it hangs.
func (t *Timeline) judge(id RenditionID, part bool) {
	e := t.Current()
	if e == nil || !t.Ready() {
		return
	}
	if e.Tracks[0].Rendition != id {
		if r := t.Rendition(id); part && r.Behind && t.lateBy(e, r) <= t.Patience() {
			t.replace(id).Behind = false
		}
		return
	}
	for _, r := range t.Renditions {
		if !r.Follows || r.Left || r.Behind || r.Track.Kind != media.Video {
			continue
		}
		limit := max(t.Targets.PartHoldBack, t.Patience())
		if r.Epoch != e.Number { // its encoder starts with the epoch
			limit = t.Targets.Lag + awaitRungs
		}
		if r.Epoch != e.Number || r.reached(e) > 0 {
			if t.lateBy(e, r) > limit {
				t.replace(r.ID).Behind = true
			}
		}
	}
}

// lateBy is how far the leading rendition is ahead in the epoch.
func (t *Timeline) lateBy(e *Epoch, r *Rendition) time.Duration {
	return t.Rendition(e.Tracks[0].Rendition).reached(e) - max(r.reached(e), Origin)
}

// Absent reports whether players of the rendition are to go on with another: it
// has left, or is so far behind that they would wait.
func (r *Rendition) Absent() bool { return r.Left || r.Behind }
