package stills

import (
	"math"
	"slices"
	"sort"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// A sheet's pictures.
const (
	Columns  = 5
	Rows     = 5
	PerSheet = Columns * Rows
)

// Widths of pictures, in pixels; none is wider than what it is of.
const (
	ThumbnailWidth = 320
	PosterWidth    = 1280
)

// maxHeight bounds pictures that are much higher than wide, in widths.
const maxHeight = 4

// Size is a picture's, in pixels. Both are even.
type Size struct{ Width, Height int }

// SizeOf returns the size that a track's pictures get, which are at most so wide. It's false
// where nobody knows their shape.
func SizeOf(t media.Track, most int) (Size, bool) {
	c, ok := t.Codec.(media.Picture)
	if !ok {
		return Size{}, false
	}
	f := c.Format()
	if f.Width <= 0 || f.Height <= 0 {
		return Size{}, false
	}
	shown := f.Width
	if f.SARWidth > 0 && f.SARHeight > 0 {
		shown = max((f.Width*f.SARWidth+f.SARHeight/2)/f.SARHeight, 1)
	}
	width := max(min(shown, most)&^1, 2)
	height := max((width*f.Height+shown/2)/shown&^1, 2)
	return Size{width, min(height, maxHeight*width)}, true
}

// Leading returns the rendition whose pictures an epoch's stills are of, or nil.
func Leading(t *timeline.Timeline, e *timeline.Epoch) *timeline.Rendition {
	if e == nil || len(e.Tracks) == 0 || e.Tracks[0].Track.Kind != media.Video {
		return nil
	}
	return t.Rendition(e.Tracks[0].Rendition)
}

// Segment returns the segment that a still is of, or nil where the epoch has none of that number,
// or nothing that it could be made of.
func Segment(t *timeline.Timeline, e *timeline.Epoch, msn uint64) *timeline.Segment {
	r := Leading(t, e)
	if r == nil {
		return nil
	}
	if g := r.Segment(msn); g != nil && g.Epoch == e.Number && g.Key() > 0 && g.Init != nil {
		return g
	}
	return nil
}

// Newest returns the newest segment that a still can be of, or nil.
func Newest(t *timeline.Timeline) *timeline.Segment {
	for i := len(t.Epochs) - 1; i >= 0; i-- {
		e := t.Epochs[i]
		r := Leading(t, e)
		if r == nil {
			continue
		}
		if r.Open != nil {
			if g := Segment(t, e, r.Open.MSN); g != nil {
				return g
			}
		}
		if last := r.Segments.Last(); last != nil {
			for msn := last.MSN; msn >= max(e.FirstMSN, t.First); msn-- {
				if g := Segment(t, e, msn); g != nil {
					return g
				}
			}
		}
	}
	return nil
}

// Sheet is one of an epoch's, from one of its anchors on: a DASH Period's. It covers PerSheet
// stretches of a target duration each, one after the other from the anchor on; the still of a
// stretch is that of the segment which its middle is in. With regular keyframes that is one still
// for each segment.
type Sheet struct {
	Epoch, Anchor, Number uint64        // Anchor is its first segment's
	From, To              time.Duration // on the epoch's media clock
	// Whole says that nothing will come to it any more.
	Whole bool

	// A rendition's segments from MSN first to before end are where its stills come from.
	r          *timeline.Rendition
	first, end uint64
	last       time.Duration // where the segments end that are there so far
	step       time.Duration
}

// grid is what an epoch's sheets from one of its anchors on have in common. It has no sheets
// where the epoch has no pictures, or is of a broadcast that isn't the last one.
func grid(t *timeline.Timeline, e *timeline.Epoch, i int) (s Sheet, over bool) {
	r := Leading(t, e)
	if r == nil || t.Targets.Segment <= 0 || e.Number < t.Broadcast || i < 0 || i >= len(e.Anchors) {
		return s, false
	}
	a := e.Anchors[i]
	s = Sheet{Epoch: e.Number, Anchor: a.MSN, From: a.Media, r: r, first: a.MSN, end: math.MaxUint64, step: t.Targets.Segment}
	over = !e.Ended.IsZero()
	if i+1 < len(e.Anchors) {
		s.end, over = e.Anchors[i+1].MSN, true
	}
	for _, later := range t.Epochs {
		if later.Number > e.Number {
			s.end = min(s.end, later.FirstMSN)
			break
		}
	}
	if last := r.Segments.Last(); last != nil {
		s.end = min(s.end, last.MSN+1)
	}
	if g := r.Segments.ByMSN(s.end - 1); g != nil && g.MSN >= s.first {
		s.last = (g.Start + g.Duration).Duration(g.Timescale(r))
	}
	return s, over
}

// number makes a grid its sheet n, which is empty where there won't be one.
func (s Sheet) number(n uint64, over bool) Sheet {
	if s.r == nil || n > maxSheets {
		return Sheet{}
	}
	s.Number = n
	s.From += time.Duration(n) * PerSheet * s.step
	s.To = s.From + PerSheet*s.step
	s.Whole = over || s.last >= s.To
	if over && s.last-s.From < s.step/2 {
		return Sheet{}
	}
	return s
}

// maxSheets bounds a sheet's number: some years of an epoch.
const maxSheets = 1 << 22

// SheetAt returns sheet n of an epoch, from its anchor at that segment on. One that there won't
// be is empty.
func SheetAt(t *timeline.Timeline, e *timeline.Epoch, anchor, n uint64) Sheet {
	s, over := grid(t, e, slices.IndexFunc(e.Anchors, func(a timeline.Anchor) bool { return a.MSN == anchor }))
	return s.number(n, over)
}

// Sheets returns the whole sheets of an epoch from one of its anchors on that still has
// its beginning, oldest first.
func Sheets(t *timeline.Timeline, e *timeline.Epoch, i int) []Sheet {
	g, over := grid(t, e, i)
	if g.r == nil || g.last <= g.From {
		return nil
	}
	var list []Sheet
	for n := uint64((g.last - g.From) / (PerSheet * g.step)); ; n-- {
		s := g.number(n, over)
		if s.Whole && !s.begins(t) {
			break
		}
		if s.Whole {
			list = append(list, s)
		}
		if n == 0 {
			break
		}
	}
	slices.Reverse(list)
	return list
}

// begins reports whether the segment is there that the sheet begins with.
func (s Sheet) begins(t *timeline.Timeline) bool {
	g := s.at(0)
	return g != nil && g.MSN >= t.Kept
}

// at returns the segment that stretch i's still is of, or nil where it is gone.
func (s Sheet) at(i int) *timeline.Segment {
	middle := s.From + time.Duration(i)*s.step + s.step/2
	first := s.r.Segments.First()
	if first == nil {
		return nil
	}
	from := max(s.first, first.MSN)
	if s.end <= from {
		return nil
	}
	starts := func(msn uint64) (time.Duration, bool) {
		g := s.r.Segments.ByMSN(msn)
		if g == nil {
			return 0, false
		}
		return g.Start.Duration(g.Timescale(s.r)), true
	}
	// The first one that starts after the middle, and then the one before it.
	n := sort.Search(int(s.end-from), func(i int) bool {
		at, ok := starts(from + uint64(i))
		return ok && at > middle
	})
	if n == 0 {
		return nil
	}
	return s.r.Segments.ByMSN(from + uint64(n) - 1)
}

// Near reports whether the sheet lacks no more than its last stretches.
func (s Sheet) Near() bool { return s.r != nil && s.To-s.last <= nearSteps*s.step }

// nearSteps are as many as players ask ahead of time.
const nearSteps = 3

// place is the stretch of a sheet that the middle of a segment is in.
func (s Sheet) place(g *timeline.Segment) int {
	middle := (g.Start + g.Duration/2).Duration(g.Timescale(s.r))
	return min(int((middle-s.From)/s.step), PerSheet-1)
}

// Keys returns the segments of a whole sheet's stills: where there is none, the one before
// stands in, or the first one. It's empty where there are none at all; all says whether its
// beginning is there.
func (s Sheet) Keys(t *timeline.Timeline, e *timeline.Epoch) (segments []*timeline.Segment, all bool) {
	segments = make([]*timeline.Segment, 0, PerSheet)
	var before *timeline.Segment
	missing := 0
	for i := range PerSheet {
		if i > 0 && s.From+time.Duration(i)*s.step+s.step/2 >= s.last {
			break // the epoch has ended
		}
		g := s.at(i)
		if g != nil {
			g = Segment(t, e, g.MSN)
		}
		if g == nil {
			g = before
		}
		if g == nil {
			missing++
			continue
		}
		for ; missing > 0; missing-- {
			segments = append(segments, g)
		}
		segments, before = append(segments, g), g
	}
	return segments, s.begins(t)
}
