package hls

import (
	"fmt"
	"time"

	"sluice/packager/timeline"
)

// Blocks answers a blocking reload's question: does the rendition's playlist
// hold what _HLS_msn and _HLS_part ask for, or must the request wait? A negative
// part stands for a request without _HLS_part, which waits for the whole segment.
//
// The rules are those of RFC 8216bis §6.2.5.2. A part index past the last one
// of a finished segment means the first part of the one after it. What has left
// the playlist is answered at once, as is everything after the stream's end. How
// far ahead a request is goes by the rendition's own segments: one that follows
// another is behind it. The error is ErrNoRendition, ErrGone, or ErrAhead where
// the request is not one that a client may make; a timeline that isn't ready
// makes the request wait.
func Blocks(t *timeline.Timeline, id timeline.RenditionID, msn uint64, part int) (ready bool, err error) {
	if !t.Ready() {
		return false, nil
	}
	r, err := find(t, id)
	if err != nil {
		return false, err
	}
	if t.State == timeline.Ended {
		return true, nil
	}
	next := r.NextPosition(t) // of which the segment isn't whole
	if err := tooFarAhead(t, next, msn, part); err != nil {
		return false, err
	}
	if part < 0 {
		return msn < next.MSN, nil
	}
	if g := r.Segment(msn); g != nil && g.Closed && !g.Gap() && part >= listedParts(t, g, g.Timescale(r)) {
		msn, part = msn+1, 0
	}
	return msn < next.MSN || msn == next.MSN && part < next.Part, nil
}

func tooFarAhead(t *timeline.Timeline, next timeline.Position, msn uint64, part int) error {
	whole := next.MSN - 1
	if msn > whole && msn-whole > maxSegmentsAhead {
		return fmt.Errorf("%w: segment %d after %d", ErrAhead, msn, whole)
	}
	ahead := -1 // parts past the newest one, at the least
	switch {
	case msn == next.MSN:
		ahead = part - (next.Part - 1)
	case msn > next.MSN:
		ahead = part + 1
	}
	if ahead > advancePartLimit(t.Targets.Part) {
		return fmt.Errorf("%w: part %d.%d where %d.%d is next", ErrAhead, msn, part, next.MSN, next.Part)
	}
	return nil
}

// advancePartLimit is three parts, or three seconds' worth of shorter ones.
func advancePartLimit(target time.Duration) int {
	if target >= time.Second {
		return int(advanceSpan / time.Second)
	}
	return int((advanceSpan + target - 1) / target)
}
