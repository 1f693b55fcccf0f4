package stills

import (
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

// Sheet is one of an epoch's.
type Sheet struct {
	Epoch, Number uint64
	First, End    uint64 // the MSNs that it has, from First to before End
	// Whole says that nothing will come to it any more.
	Whole bool
}

// SheetOf returns the sheet that a segment's still is on, and its place there.
func SheetOf(t *timeline.Timeline, e *timeline.Epoch, msn uint64) (s Sheet, place int) {
	if msn < e.FirstMSN {
		return Sheet{}, 0
	}
	n := (msn - e.FirstMSN) / PerSheet
	return SheetAt(t, e, n), int((msn - e.FirstMSN) % PerSheet)
}

// SheetAt returns sheet n of an epoch. One that the epoch doesn't have is empty.
func SheetAt(t *timeline.Timeline, e *timeline.Epoch, n uint64) Sheet {
	r := Leading(t, e)
	if r == nil || n > maxSheets {
		return Sheet{}
	}
	s := Sheet{Epoch: e.Number, Number: n, First: e.FirstMSN + n*PerSheet}
	s.End = s.First + PerSheet
	next := uint64(0) // after the newest whole segment of the epoch
	if last := r.Segments.Last(); last != nil {
		next = last.MSN + 1
	}
	if !e.Ended.IsZero() {
		for _, later := range t.Epochs {
			if later.Number > e.Number {
				next = min(next, later.FirstMSN)
				break
			}
		}
		s.End = min(s.End, next)
	}
	if s.End <= s.First {
		return Sheet{}
	}
	s.Whole = next >= s.End
	return s
}

// maxSheets bounds a sheet's number: a hundred years of an epoch.
const maxSheets = 1 << 26

// Keys returns the segments of a sheet's stills: where there is none, the one before
// stands in, or the first one. It's empty where there are none at all; all says whether its
// beginning is there.
func (s Sheet) Keys(t *timeline.Timeline, e *timeline.Epoch) (segments []*timeline.Segment, all bool) {
	segments = make([]*timeline.Segment, 0, PerSheet)
	var before *timeline.Segment
	missing := 0
	for msn := s.First; msn < s.End; msn++ {
		g := Segment(t, e, msn)
		if g == nil || g.Parts[0].Data == nil {
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
	return segments, s.First >= t.Kept
}
