package timeline

import (
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keep returns what who keeps a stream's media may say of t, or nil.
func (g *generator) keep(t *Timeline) Entry {
	if g.IntN(20) == 0 {
		return WindowCut{First: min(t.First+g.Uint64N(3), max(t.Next.MSN, minListed+t.First)-minListed), Kept: min(t.First, t.Kept+g.Uint64N(3))}
	}
	for _, r := range t.Renditions {
		for s := range r.Segments.All() {
			switch {
			case s.Stored != nil || s.Gap():
			case g.IntN(10) == 0:
				return SegmentLost{r.ID, s.MSN}
			default:
				return SegmentStored{r.ID, s.MSN}
			}
		}
	}
	return nil
}

func stores(e Entry) bool { _, ok := e.(SegmentStored); return ok }

// kept yields the segments of a rendition as storage has them.
func kept(t *Timeline) func(RenditionID) iter.Seq[*Segment] {
	return func(id RenditionID) iter.Seq[*Segment] {
		return func(yield func(*Segment) bool) {
			for g := range t.Rendition(id).Segments.All() {
				s := *g
				if len(s.Parts) > 0 {
					s.Parts, s.Stored = nil, g.Store()
				}
				if (s.Init != nil || s.Gap()) && !yield(&s) {
					return
				}
			}
		}
	}
}

// checkRestored writes down what is to be saved of a timeline and restores it.
func checkRestored(t *testing.T, tl *Timeline) {
	t.Helper()
	if !tl.Ready() {
		return
	}
	b, err := json.Marshal(tl.Save())
	require.NoError(t, err)
	var saved Saved
	require.NoError(t, json.Unmarshal(b, &saved))
	at := time.Unix(2e9, 0)
	got, err := Restore(saved, Restoration{Segments: kept(tl), At: at})
	require.NoError(t, err)
	check(t, got)
	require.LessOrEqual(t, tl.First, got.First)
	require.Equal(t, tl.Next, got.Next)
	if tl.State == Ended {
		require.Equal(t, tl.listed, got.listed)
	}
	require.Zero(t, got.Bytes())
	for _, was := range tl.Renditions {
		r := got.Rendition(was.ID)
		if was.Segments.Len() == 0 {
			continue
		}
		require.NotNil(t, r, was.ID)
		require.Equal(t, measured(was), measured(r), was.ID)
		for g := range r.Segments.All() {
			if !g.Lost {
				require.Equal(t, was.Segments.ByMSN(g.MSN).Key(), g.Key())
			}
		}
		if n := was.Segments.Last(); tl.State != Ended && !was.Left && r.Segments.Last().MSN > n.MSN {
			require.True(t, r.Segments.Last().Lost)
		} else {
			require.Equal(t, n.Size, r.Segments.ByMSN(n.MSN).Size)
		}
	}
	if tl.State == Live || tl.State == Away {
		require.Equal(t, Away, got.State)
		require.Equal(t, at, got.Since)
	}
	crashed, err := Restore(saved, Restoration{Segments: kept(tl), Unsaved: 2, At: at})
	require.NoError(t, err)
	check(t, crashed)
	require.Equal(t, tl.Next.MSN+2, crashed.Next.MSN)
	require.Equal(t, tl.Next.Epoch+1, crashed.Next.Epoch)
}

// measured is what a rendition has of what was measured of its segments.
func measured(r *Rendition) []any {
	return []any{r.PeakBandwidth, r.Bytes, r.Span, r.PeakKeys, r.KeyBytes, r.FrameRate}
}

func TestStoredSegments(t *testing.T) {
	w := newWindow(t, 20)
	msn := w.tl.First
	was := w.tl.Rendition(Source).Segment(msn)
	for i := range was.Parts {
		was.Parts[i].Data = []byte{byte(i), 1, 2}
	}
	before := w.tl
	w.apply(SegmentStored{Source, msn})
	require.Equal(t, before.Whole, w.tl.Whole, "nothing is told of it")
	require.Equal(t, before.Rendition(Source).Version, w.tl.Rendition(Source).Version)
	g := w.tl.Rendition(Source).Segment(msn)
	require.Nil(t, g.Parts)
	require.Equal(t, was.MediaEnd(), g.MediaEnd())
	require.Equal(t, len(was.Parts), g.NumParts())
	for _, id := range []RenditionID{Source, "nobody"} {
		_, err := Apply(w.tl, SegmentStored{id, msn})
		require.ErrorIs(t, err, ErrOrder, "nothing is left to store")
	}
	_, err := Apply(w.tl, WindowCut{First: w.tl.Next.MSN - minListed + 1, Kept: 1})
	require.ErrorIs(t, err, ErrOrder)

	w.apply(SegmentLost{Source, msn + 1})
	require.True(t, w.tl.Rendition(Source).Segment(msn+1).Gap())
	require.Equal(t, w.tl.Version, w.tl.Rendition(Source).Version, "playlists say so")

	first := w.tl.Next.MSN - minListed
	w.apply(WindowCut{First: first, Kept: first})
	require.Equal(t, first, w.tl.First)
	require.Equal(t, first, w.tl.Kept)
	require.Equal(t, first, w.tl.Rendition(Audio).Segments.First().MSN)
	require.Equal(t, minListed*2*time.Second, w.tl.listed)
	require.Zero(t, w.tl.unlisted)
	w.segment(2)
	w.apply(WindowCut{First: 1, Kept: 1})
	require.Equal(t, first, w.tl.First, "it goes back for nobody")
}

func TestWithMedia(t *testing.T) {
	w := newWindow(t, 20)
	w.segment(3)
	msn := w.tl.Next.MSN - 1
	g := w.tl.Rendition(Source).Segment(msn)
	require.Len(t, g.Parts, 3)
	withData := *g
	withData.Parts = clone(g.Parts, 0)
	for i, d := range []string{"one", "", "three"} {
		withData.Parts[i].Data = []byte(d)
	}
	withData.Size = 8
	w.tl.put(Source, &withData)
	w.apply(SegmentStored{Source, msn})
	stored := w.tl
	got, err := stored.WithMedia(Source, msn, []byte("onethree"))
	require.NoError(t, err)
	parts := got.Rendition(Source).Segment(msn).Parts
	require.Equal(t, "one", string(parts[0].Data))
	require.Empty(t, parts[1].Data)
	require.Equal(t, "three", string(parts[2].Data))
	require.NotNil(t, stored.Rendition(Source).Segment(msn).Stored, "the other stays as it was")
	for _, bad := range []struct {
		id   RenditionID
		msn  uint64
		data string
	}{{Source, msn, "short"}, {Source, 1 << 40, "onethree"}, {"nobody", msn, "onethree"}, {Audio, msn, ""}} {
		_, err := stored.WithMedia(bad.id, bad.msn, []byte(bad.data))
		require.ErrorIs(t, err, ErrOrder)
	}
}

// TestRestoreRefuses shows that what no timeline saves is an error.
func TestRestoreRefuses(t *testing.T) {
	w := newWindow(t, 20)
	restore := func(change func(*Saved), segments func(RenditionID) iter.Seq[*Segment]) error {
		b, err := json.Marshal(w.tl.Save())
		require.NoError(t, err)
		var s Saved
		require.NoError(t, json.Unmarshal(b, &s))
		change(&s)
		_, err = Restore(s, Restoration{Segments: segments})
		return err
	}
	require.NoError(t, restore(func(*Saved) {}, kept(w.tl)))
	for name, change := range map[string]func(*Saved){
		"empty":           func(s *Saved) { *s = Saved{} },
		"numbers":         func(s *Saved) { s.First = s.Next.MSN + 1 },
		"state":           func(s *Saved) { s.State = 9 },
		"live, no epoch":  func(s *Saved) { s.Epochs = nil },
		"epoch of nobody": func(s *Saved) { s.Epochs[0].Tracks[0].Rendition = "x" },
		"no anchor":       func(s *Saved) { s.Epochs[0].Anchors = nil },
		"twice":           func(s *Saved) { s.Renditions = append(s.Renditions, s.Renditions[0]) },
		"future epoch":    func(s *Saved) { s.Next.Epoch = 1 },
		"no targets":      func(s *Saved) { s.Targets = Targets{} },
	} {
		require.ErrorIs(t, restore(change, kept(w.tl)), ErrSaved, name)
	}
	hole := func(id RenditionID) iter.Seq[*Segment] {
		return func(yield func(*Segment) bool) {
			for g := range kept(w.tl)(id) {
				if g.MSN != w.tl.First+3 && !yield(g) {
					return
				}
			}
		}
	}
	require.ErrorIs(t, restore(func(*Saved) {}, hole), ErrSaved)
}
