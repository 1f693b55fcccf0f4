package packager

import (
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// leastSegment is the shortest segment that irregular keyframes may make.
const leastSegment = time.Second

// leastSpliced is the shortest segment that a splice makes: there is sound in it,
// whatever its codec. Where one would be shorter, its start is near enough.
const leastSpliced = 250 * time.Millisecond

// gopMemory is how many GOPs the cutter remembers.
const gopMemory = 4

// maxAhead bounds how many GOPs ahead the cutter looks.
const maxAhead = 64

// nearTarget is the part of the target, one in so many, by which a keyframe may
// come too early and still end a segment. Publishers stamp frames when they are
// captured, and 48 frames at 25 Hz are meant to be two seconds: to wait for the
// next keyframe would double the segment.
const nearTarget = 20

// cutter decides at which sync samples of the leading video segments start. All
// times are presentation times, in ticks.
//
// A segment ends at the first sync sample at or right before the target, or
// after it, counted from its start, so that regular GOPs give regular segments whether or not they
// divide the target. It ends earlier, though not within a second, where the
// keyframes are irregular, or where the next GOP would make it longer than the
// manifests promise. It also ends at the first sync sample from a splice on, and
// what comes after that as early as it must, to keep the promise.
type cutter struct {
	target, least media.Ticks
	shortest      media.Ticks // segment that a splice may make
	frame         media.Ticks // nominal duration of a frame: half of it is tolerated
	promise       media.Ticks // the longest segment that keeps the promise; 0: none yet
	usual         media.Ticks // the longest GOP of the epoch before; 0: unknown

	start  media.Ticks // of the open segment
	sync   media.Ticks // the newest sync sample
	frames int         // since then, that one included

	gops    [gopMemory]gop // newest first
	known   int            // how many of gops are set
	whole   media.Ticks    // the longest GOP there was: what is forced for splices cuts those remembered short
	splices []media.Ticks  // that no segment starts at yet; rising
	spliced bool           // the open segment started at one, likely within a GOP of the usual length
	nextCut media.Ticks    // where the next segment starts if this GOP is like the last; 0: unknown
}

type gop struct {
	length media.Ticks
	frames int
}

// begin starts at an epoch's first sample.
func (c *cutter) begin(at media.Ticks) {
	c.start, c.sync, c.frames = at, at, 0
}

// keyframe takes note of a sync sample and the GOP that it ends.
func (c *cutter) keyframe(at media.Ticks) {
	if at <= c.sync {
		return
	}
	copy(c.gops[1:], c.gops[:])
	c.gops[0] = gop{length: at - c.sync, frames: c.frames}
	c.known = min(c.known+1, gopMemory)
	c.whole = max(c.whole, at-c.sync)
	c.sync, c.frames = at, 0
	c.predict()
}

// splice wants a segment to start at the first sync sample from at on.
func (c *cutter) splice(at media.Ticks) {
	i, known := slices.BinarySearch(c.splices, at)
	if known || at <= c.start || len(c.splices) == timeline.MaxSplices {
		return
	}
	c.splices = slices.Insert(c.splices, i, at)
	c.predict()
}

// unsplice takes that back.
func (c *cutter) unsplice(at media.Ticks) {
	if i, known := slices.BinarySearch(c.splices, at); known {
		c.splices = slices.Delete(c.splices, i, i+1)
		c.predict()
	}
}

// splicesBy reports whether a splice is waited for that a sync sample there serves:
// one up to a frame early is meant.
func (c *cutter) splicesBy(at media.Ticks) bool {
	return len(c.splices) > 0 && c.splices[0] <= at+c.frame
}

// cuts reports whether a sync sample there would end the open segment.
func (c *cutter) cuts(at media.Ticks) bool {
	length := at - c.start
	switch {
	case length >= c.enough(c.gops[0].length):
		return true
	case c.known < 2 && c.promise > 0 && c.usual > 0 && length+max(c.usual, c.longest()) > c.promise:
		return true // an epoch that joined in the middle of a GOP begins with a short one
	case length < c.shortest:
		return false
	case c.splicesBy(at) || c.spliced && c.breaksPromise(length, c.whole):
		return true
	case length+c.frame/2 < c.least:
		return false
	}
	return c.irregular() || c.breaksPromise(length, c.longest())
}

// breaksPromise reports whether a segment of that length would get too long with a
// GOP of that length.
func (c *cutter) breaksPromise(length, gop media.Ticks) bool {
	return c.promise > 0 && length+gop > c.promise
}

// enough is the length from which on a segment ends at the next sync sample:
// the target, less what the one after it would miss it by at least.
func (c *cutter) enough(gop media.Ticks) media.Ticks {
	return c.target - max(c.frame/2, min(gop/2, c.target/nearTarget))
}

// cut starts a segment.
func (c *cutter) cut(at media.Ticks) {
	c.start, c.spliced = at, c.splicesBy(at)
	for c.splicesBy(at) {
		c.splices = slices.Delete(c.splices, 0, 1)
	}
	c.predict()
}

// predict looks for the next cut, should GOPs go on as the last one was.
func (c *cutter) predict() {
	c.nextCut = 0
	if c.known == 0 || c.known == 1 && c.torn() || c.irregular() || c.known > 1 && c.gops[0].frames != c.gops[1].frames {
		return
	}
	at := c.sync
	for range maxAhead {
		at += c.gops[0].length
		if c.cuts(at) {
			c.nextCut = at
			return
		}
	}
}

// torn reports whether the newest GOP is shorter than its frames say: pictures at its
// beginning were to be decoded only.
func (c *cutter) torn() bool {
	nominal := media.Ticks(c.gops[0].frames) * c.frame
	return nominal-c.gops[0].length > c.gops[0].length/8
}

// counts a frame, and reports whether it is by prediction the last before a cut.
func (c *cutter) count() (last bool) {
	c.frames++
	return c.known > 0 && c.frames == c.gops[0].frames && c.nextCut == c.sync+c.gops[0].length
}

// irregular reports whether the GOPs remembered differ by more than two frames
// and a tenth.
func (c *cutter) irregular() bool {
	if c.known < 2 {
		return false
	}
	shortest := c.gops[0].length
	for _, g := range c.gops[:c.known] {
		shortest = min(shortest, g.length)
	}
	longest := c.longest()
	return longest-shortest > max(2*c.frame, longest/10)
}

func (c *cutter) longest() media.Ticks {
	var l media.Ticks
	for _, g := range c.gops[:c.known] {
		l = max(l, g.length)
	}
	return l
}

// segmentLength is what the rule makes of GOPs of that length.
func (c *cutter) segmentLength(gop media.Ticks) media.Ticks {
	n := (c.enough(gop) + gop - 1) / gop
	return max(n, 1) * gop
}
