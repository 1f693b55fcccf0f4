package timeline

import (
	"fmt"
	"time"

	"sluice/media"
)

// Stored is what is left in memory of a whole segment whose bytes are in storage alone.
type Stored struct {
	Ends  []uint32    // where each part's bytes end, in the segment's; rising
	Media media.Ticks // from the segment's start to the end of its last part
	Key   uint32      // see Segment.Key
}

// NumParts is how many parts the segment has, be their bytes here or in storage.
func (g *Segment) NumParts() int {
	if g.Stored != nil {
		return len(g.Stored.Ends)
	}
	return len(g.Parts)
}

// PartRange is where the bytes of a part lie in those of the segment.
func (g *Segment) PartRange(part int) (off, n int64) {
	if g.Stored == nil {
		for i := range part {
			off += int64(len(g.Parts[i].Data))
		}
		return off, int64(len(g.Parts[part].Data))
	}
	if part > 0 {
		off = int64(g.Stored.Ends[part-1])
	}
	return off, int64(g.Stored.Ends[part]) - off
}

// MediaEnd is where the last part ends; the segment's start where it has none.
func (g *Segment) MediaEnd() media.Ticks {
	if g.Stored != nil {
		return g.Start + g.Stored.Media
	}
	if len(g.Parts) == 0 {
		return g.Start
	}
	last := &g.Parts[len(g.Parts)-1]
	return last.Start + last.Duration
}

// Store returns what Stored has to say of a whole segment whose bytes are here.
func (g *Segment) Store() *Stored {
	s := &Stored{Ends: make([]uint32, len(g.Parts)), Media: g.MediaEnd() - g.Start, Key: uint32(g.Key())}
	end := 0
	for i := range g.Parts {
		end += len(g.Parts[i].Data)
		s.Ends[i] = uint32(end)
	}
	return s
}

// WithMedia returns a timeline that differs from t in one whole segment: its bytes, which
// were in storage, are here. It's for who needs those of several renditions at once.
func (t *Timeline) WithMedia(id RenditionID, msn uint64, data []byte) (*Timeline, error) {
	next := *t
	r := t.Rendition(id)
	if r == nil {
		return nil, fmt.Errorf("%w: no rendition %s", ErrOrder, id)
	}
	g := r.Segments.ByMSN(msn)
	if g == nil || g.Stored == nil || len(data) != g.Size {
		return nil, fmt.Errorf("%w: %d bytes for segment %d of %s", ErrOrder, len(data), msn, id)
	}
	here := *g
	here.Parts = make([]Part, g.NumParts())
	for i := range here.Parts {
		off, n := g.PartRange(i)
		here.Parts[i].Data = data[off : off+n : off+n]
	}
	here.Parts[0].Key = g.Key()
	here.Stored = nil
	next.put(id, &here)
	return &next, nil
}

// put replaces a whole segment, and says nothing of it: playlists stay as they are.
func (t *Timeline) put(id RenditionID, g *Segment) *Rendition {
	i := t.index(id)
	r := *t.Renditions[i]
	r.Segments = r.Segments.replace(g)
	t.Renditions = clone(t.Renditions, 0)
	t.Renditions[i] = &r
	return &r
}

// whole returns a segment whose bytes are here.
func (t *Timeline) whole(id RenditionID, msn uint64) *Segment {
	r := t.Rendition(id)
	if r == nil {
		return nil
	}
	if g := r.Segments.ByMSN(msn); g != nil && len(g.Parts) > 0 {
		return g
	}
	return nil
}

func (t *Timeline) storeSegment(e SegmentStored) error {
	g := t.whole(e.Rendition, e.MSN)
	if g == nil {
		return fmt.Errorf("%w: segment %d of %s is stored, but isn't here", ErrOrder, e.MSN, e.Rendition)
	}
	stored := *g
	stored.Parts, stored.Stored = nil, g.Store()
	t.put(e.Rendition, &stored)
	return nil
}

func (t *Timeline) loseSegment(e SegmentLost) error {
	g := t.whole(e.Rendition, e.MSN)
	if g == nil {
		return fmt.Errorf("%w: segment %d of %s is lost, but isn't here", ErrOrder, e.MSN, e.Rendition)
	}
	lost := *g
	lost.Parts, lost.Size, lost.Lost = nil, 0, true
	t.put(e.Rendition, &lost).Version = t.Version
	return nil
}

// cutWindow takes the oldest segments out. The newest ones that every playlist has stay.
func (t *Timeline) cutWindow(e WindowCut) error {
	if e.Kept > e.First || e.First+minListed > max(t.Next.MSN, t.First+minListed) {
		return fmt.Errorf("%w: window is cut to %d and %d of %d", ErrOrder, e.Kept, e.First, t.Next.MSN)
	}
	for t.First < e.First {
		span := t.durationOf(t.First)
		t.listed -= min(span, t.listed)
		t.unlisted += span
		t.First++
	}
	for t.Kept < min(e.Kept, t.First) {
		t.unlisted -= min(t.durationOf(t.Kept), t.unlisted)
		t.Kept++
	}
	t.dropSplices()
	t.drop()
	t.touch()
	return nil
}

// Oldest is when the oldest segment that is kept begins, on the server's clock; zero
// where none is.
func (t *Timeline) Oldest() time.Time {
	var oldest time.Time
	for _, r := range t.Renditions {
		if g := r.Segments.First(); g != nil && (oldest.IsZero() || g.Time.Before(oldest)) {
			oldest = g.Time
		}
	}
	return oldest
}
