package timeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (w *window) mark(id string, kind SpliceKind, at time.Time, planned time.Duration) {
	w.apply(SpliceMarked{Splice{
		ID: id, Kind: kind, Epoch: w.tl.Current().Number, Time: at, Planned: planned, Section: []byte{0xFC},
	}})
}

func (w *window) now() time.Time {
	last := w.tl.Renditions[0].Segments.Last()
	return last.Time.Add(last.Duration.Duration(w.tl.Renditions[0].Track.Timescale))
}

func TestSplices(t *testing.T) {
	w := newWindow(t, 10)
	at := w.now()
	versions := func() (all []uint64) {
		for _, r := range w.tl.Renditions {
			all = append(all, r.Version)
		}
		return all
	}
	w.mark("b", SpliceOut, at.Add(2*time.Second), 0)
	for _, v := range versions() {
		require.Equal(t, w.tl.Version, v, "every playlist says something new")
	}
	w.mark("a", SpliceCommand, at.Add(time.Second), 0)
	require.Equal(t, "a", w.tl.Splices[0].ID, "by their time")
	require.Equal(t, uint32(2), w.tl.Splice("a").Number)
	_, known := w.tl.Splice("b").Over()
	require.False(t, known)

	before := w.tl
	w.apply(SpliceEnded{"b", SpliceEnd{Epoch: 1, Time: at.Add(5 * time.Second), Section: []byte{0xFC}}})
	require.Equal(t, 3*time.Second, w.tl.Splice("b").Duration())
	require.Nil(t, before.Splice("b").End, "what was isn't touched")
	for _, e := range []Entry{
		SpliceEnded{"b", SpliceEnd{Time: at.Add(6 * time.Second), Section: []byte{1}}},
		SpliceEnded{"a", SpliceEnd{Time: at.Add(6 * time.Second), Section: []byte{1}}},
		SpliceMarked{Splice{ID: "a", Epoch: 1, Section: []byte{1}}},
		SpliceMarked{Splice{ID: "c", Epoch: 1}},
		SpliceMarked{Splice{ID: "c", Epoch: 9, Section: []byte{1}}},
	} {
		_, err := Apply(w.tl, e)
		require.ErrorIs(t, err, ErrOrder, "%+v", e)
	}
	w.apply(SpliceCancelled{"a"})
	require.Nil(t, w.tl.Splice("a"))
}

func TestSplicesLeaveWithTheirTime(t *testing.T) {
	w := newWindow(t, 20)
	at := w.now()
	w.mark("point", SpliceIn, at, 0)
	w.mark("planned", SpliceOut, at, 6*time.Second)
	w.mark("open", SpliceOut, at, 0)
	left := map[string]time.Time{}
	for range 40 {
		w.segment(1)
		first := w.tl.dateOf(w.tl.First)
		for _, id := range []string{"point", "planned"} {
			if w.tl.Splice(id) == nil && left[id].IsZero() {
				left[id] = first
			}
		}
	}
	require.True(t, left["point"].After(at))
	require.True(t, left["planned"].After(at.Add(6*time.Second)))
	require.Less(t, left["planned"].Sub(at), 12*time.Second, "it leaves with the segment that holds its end")
	require.NotNil(t, w.tl.Splice("open"), "nobody knows when it ends")
}

func TestSplicesAreBounded(t *testing.T) {
	w := newWindow(t, 10)
	for i := range MaxSplices {
		w.mark(fmt.Sprint(i), SpliceOut, w.now(), 0)
	}
	_, err := Apply(w.tl, SpliceMarked{Splice{ID: "one more", Epoch: 1, Time: w.now(), Section: []byte{1}}})
	require.ErrorIs(t, err, ErrOrder)
}

// Encoders that never say when a break ends don't use the room up for good.
func TestEndlessBreaksMakeRoom(t *testing.T) {
	w := newWindow(t, 10)
	for i := range MaxSplices {
		w.mark(fmt.Sprint(i), SpliceOut, w.now(), 0)
	}
	require.False(t, w.tl.FitsSplices(1), "all are in the playlists")
	for range 40 {
		w.segment(1)
	}
	require.Len(t, w.tl.Splices, MaxSplices, "as long as nothing needs the room")
	before := w.tl
	require.True(t, w.tl.FitsSplices(1))
	w.mark("new", SpliceOut, w.now(), time.Second)
	require.Len(t, w.tl.Splices, MaxSplices)
	require.Nil(t, w.tl.Splice("0"))
	require.NotNil(t, w.tl.Splice("1"))
	require.NotNil(t, w.tl.Splice("new"))
	require.NotNil(t, before.Splice("0"), "what was isn't touched")
}

// In a window of hours the oldest breaks that are over make room for new ones.
func TestOldSplicesMakeRoom(t *testing.T) {
	w := newWindow(t, 1000)
	for i := range MaxSplices {
		w.mark(fmt.Sprint(i), SpliceOut, w.now(), time.Second)
		w.segment(1)
	}
	require.Len(t, w.tl.Splices, MaxSplices)
	require.False(t, w.tl.FitsSplices(1), "all are of the last minutes")
	for w.now().Sub(w.tl.Splices[1].Time) < oldSplice+5*time.Second {
		w.segment(1)
	}
	require.True(t, w.tl.Splices[0].Time.After(w.tl.dateOf(w.tl.First)), "it's in the playlists")
	require.True(t, w.tl.FitsSplices(1))
	w.mark("new", SpliceOut, w.now(), time.Second)
	require.Len(t, w.tl.Splices, MaxSplices)
	require.Nil(t, w.tl.Splice("0"))
	require.NotNil(t, w.tl.Splice("1"))
	require.NotNil(t, w.tl.Splice("new"))
}

// A splice where a segment begins is told as long as that is listed, though its date
// has whole milliseconds.
func TestSpliceOfTheFirstSegment(t *testing.T) {
	w := newWindow(t, 20)
	w.shift = 700 * time.Microsecond
	w.segment(1)
	msn := w.tl.Renditions[0].NextPosition(w.tl).MSN
	at := w.now()
	require.NotEqual(t, at, at.Truncate(time.Millisecond))
	w.mark("begins", SpliceIn, at.Truncate(time.Millisecond), 0)
	for w.tl.First < msn {
		w.segment(1)
	}
	require.Equal(t, at, w.tl.dateOf(w.tl.First))
	require.NotNil(t, w.tl.Splice("begins"))
	for w.tl.First == msn {
		w.segment(1)
	}
	require.Nil(t, w.tl.Splice("begins"))
}
