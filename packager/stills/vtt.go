package stills

import (
	"errors"
	"math"
	"sort"
	"strconv"
	"time"

	"sluice/packager/timeline"
)

// ErrNotReady says that there is nothing to list yet.
var ErrNotReady = errors.New("no thumbnails yet")

// dateFormat is that of EXT-X-PROGRAM-DATE-TIME; times are UTC.
const dateFormat = "2006-01-02T15:04:05.000Z"

// AppendVTT appends a WebVTT file with a cue for each still of what HLS playlists list. Its times
// count from the first segment listed, as those of a player that has the playlist of this
// moment; each cue's name is the date at which it begins, which stays. Stills of whole sheets are
// rectangles of them, the others pictures by themselves. The error is ErrNotReady.
func AppendVTT(dst []byte, t *timeline.Timeline) ([]byte, error) {
	if !t.Ready() {
		return dst, ErrNotReady
	}
	dst = append(dst, "WEBVTT\n"...)
	var at time.Duration
	any := false
	for i, e := range t.Epochs {
		r := t.Rendition(e.Tracks[0].Rendition) // of sound, perhaps, which takes its time too
		if r == nil {
			continue
		}
		end := uint64(math.MaxUint64)
		if i+1 < len(t.Epochs) {
			end = t.Epochs[i+1].FirstMSN
		}
		var sheets []Sheet
		for i := range e.Anchors {
			sheets = append(sheets, Sheets(t, e, i)...)
		}
		for g := range r.Segments.From(max(t.First, e.FirstMSN)) {
			if g.MSN >= end {
				break
			}
			d := g.Duration.Duration(g.Timescale(r))
			if Segment(t, e, g.MSN) != nil {
				dst, any = appendCue(dst, sheets, e, g, at, at+d), true
			}
			at += d
		}
	}
	if !any {
		return dst, ErrNotReady
	}
	return dst, nil
}

// appendCue writes the cue of a segment, whose still is on one of the sheets, or by itself.
func appendCue(dst []byte, sheets []Sheet, e *timeline.Epoch, g *timeline.Segment, from, to time.Duration) []byte {
	dst = append(dst, '\n')
	dst = g.Time.UTC().AppendFormat(dst, dateFormat)
	dst = appendTime(append(dst, '\n'), from)
	dst = appendTime(append(dst, " --> "...), to)
	dst = append(dst, "\nthumbnails/"...)
	dst = append(strconv.AppendUint(dst, e.Number, 10), '/')
	size, ok := SizeOf(g.Init.Track, ThumbnailWidth)
	n := sort.Search(len(sheets), func(i int) bool { return sheets[i].covers(g) <= 0 })
	if !ok || n == len(sheets) || sheets[n].covers(g) != 0 {
		dst = strconv.AppendUint(dst, g.MSN, 10)
		return append(dst, ".jpg\n"...)
	}
	s := &sheets[n]
	dst = append(s.AppendName(dst), "#xywh="...)
	place := s.place(g)
	for i, v := range [...]int{place % Columns * size.Width, place / Columns * size.Height, size.Width, size.Height} {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(v), 10)
	}
	return append(dst, '\n')
}

// covers tells whether a sheet is of a segment's time: -1 where it's after it, 1 where it's before.
func (s *Sheet) covers(g *timeline.Segment) int {
	middle := (g.Start + g.Duration/2).Duration(g.Timescale(s.r))
	switch {
	case g.MSN < s.first || middle < s.From:
		return -1
	case g.MSN >= s.end || middle >= s.To:
		return 1
	}
	return 0
}

// AppendName appends the sheet's name within its epoch's folder.
func (s *Sheet) AppendName(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, "sheet-"...), s.Anchor, 10)
	dst = strconv.AppendUint(append(dst, '-'), s.Number, 10)
	return append(dst, ".jpg"...)
}

// appendTime writes a WebVTT timestamp.
func appendTime(dst []byte, d time.Duration) []byte {
	ms := int64(d.Round(time.Millisecond) / time.Millisecond)
	dst = appendDigits(dst, ms/3_600_000, 2)
	dst = appendDigits(append(dst, ':'), ms/60_000%60, 2)
	dst = appendDigits(append(dst, ':'), ms/1000%60, 2)
	return appendDigits(append(dst, '.'), ms%1000, 3)
}

// appendDigits writes at least so many digits.
func appendDigits(dst []byte, v int64, digits int) []byte {
	s := strconv.FormatInt(v, 10)
	for n := len(s); n < digits; n++ {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}
