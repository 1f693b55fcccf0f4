package dash

import "sluice/packager/timeline"

// Ready reports whether the MPD of t is worth sending to who asks for what
// comes after segment N = after: every track has begun a newer one, or there
// is nothing to wait for because the stream has ended. With after = 0 it says
// whether there is an MPD of a live stream at all.
//
// While the publisher is away it holds: the MPD would say nothing new, and the
// next epoch's first part is worth telling at once.
func Ready(t *timeline.Timeline, after uint64) bool {
	switch t.State {
	case timeline.Offline, timeline.Ended:
		return true
	}
	n := newest(t)
	return n > after && n >= t.First && t.Ready()
}

// newest is the newest segment that every track of the open epoch has begun:
// the N of Location. One that the leading track has finished counts for all: a
// track that has stopped must not hold up the others.
func newest(t *timeline.Timeline) uint64 {
	e := t.Current()
	switch {
	case e == nil:
		return t.Next.MSN - 1
	case !presentable(t, e):
		return newestAnchor(e) - 1
	}
	least := t.Next.MSN - 1
	for _, rt := range e.Tracks {
		least = min(least, begun(t.Rendition(rt.Rendition), e))
	}
	return max(least, finished(t.Rendition(e.Tracks[0].Rendition), e))
}

// newestAnchor is the first segment of the open epoch's newest Period.
func newestAnchor(e *timeline.Epoch) uint64 { return e.Anchors[len(e.Anchors)-1].MSN }

// presentable reports whether the newest Period of the open epoch e can be
// listed: every track has begun, if only with a gap, or one of them stays away
// for so long that the leading track has finished two segments.
func presentable(t *timeline.Timeline, e *timeline.Epoch) bool {
	if finished(t.Rendition(e.Tracks[0].Rendition), e) > newestAnchor(e) {
		return true
	}
	for _, rt := range e.Tracks {
		if begun(t.Rendition(rt.Rendition), e) < newestAnchor(e) {
			return false
		}
	}
	return true
}

// begun is the newest segment of e that r has a part of, or has finished;
// that before e's first where there is none.
func begun(r *timeline.Rendition, e *timeline.Epoch) uint64 {
	if r.Open != nil {
		return r.Open.MSN
	}
	return finished(r, e)
}

// finished is the newest whole segment of e that r has; that before e's first
// where there is none.
func finished(r *timeline.Rendition, e *timeline.Epoch) uint64 {
	if last := r.Segments.Last(); last != nil {
		return max(last.MSN, e.FirstMSN-1)
	}
	return e.FirstMSN - 1
}
