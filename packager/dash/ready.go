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

// newest is the newest segment that Ready counts as told by all. What follows,
// or has stopped, must not hold up the others: a segment that the leading
// rendition has finished counts, and one of which it has so much that renditions
// which follow should have begun it.
func newest(t *timeline.Timeline) uint64 {
	n := listedByAll(t)
	e := t.Current()
	if e == nil || !presentable(e) {
		return n
	}
	leader := t.Rendition(e.Tracks[0].Rendition)
	g := leader.Open
	if g == nil || g.Duration.Duration(g.Timescale(leader)) < t.Patience() {
		return n
	}
	return max(n, least(t, e, func(rt *timeline.Rendition) bool { return !rt.Follows }))
}

// listedByAll is the N of Location: the newest segment of which the MPD tells in
// every Representation, or which the leading rendition has finished. Whoever is
// told less than Ready counts asks again by it, and at once gets what has come.
func listedByAll(t *timeline.Timeline) uint64 {
	e := t.Current()
	switch {
	case e == nil:
		return t.Next.MSN - 1
	case !presentable(e):
		return newestAnchor(e).MSN - 1
	}
	all := least(t, e, func(*timeline.Rendition) bool { return true })
	return max(all, finished(t.Rendition(e.Tracks[0].Rendition), e))
}

// least is the newest segment that all have begun of those renditions of the
// newest Period that count. One that was absent counts for what is new since.
func least(t *timeline.Timeline, e *timeline.Epoch, counts func(*timeline.Rendition) bool) uint64 {
	n := t.Next.MSN - 1
	for _, id := range newestAnchor(e).Renditions {
		if r := t.Rendition(id); r != nil && !r.Absent() && counts(r) {
			n = min(n, max(begun(r, e), r.Back))
		}
	}
	return n
}

// newestAnchor is that of the epoch's newest Period.
func newestAnchor(e *timeline.Epoch) timeline.Anchor { return e.Anchors[len(e.Anchors)-1] }

// presentable reports whether the newest Period of the epoch can be listed.
func presentable(e *timeline.Epoch) bool { return newestAnchor(e).Fixed }

// begun is the newest segment of e that r has a part of, or has finished;
// that before e's first where there is none.
func begun(r *timeline.Rendition, e *timeline.Epoch) uint64 {
	if r.Open != nil && r.Open.Epoch == e.Number {
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
