package packager

import (
	"time"

	"sluice/media"
)

// leastSegment is the shortest segment that irregular keyframes may make.
const leastSegment = time.Second

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
// manifests promise.
type cutter struct {
	target, least media.Ticks
	frame         media.Ticks // nominal duration of a frame: half of it is tolerated
	promise       media.Ticks // the longest segment that keeps the promise; 0: none yet
	usual         media.Ticks // the longest GOP of the epoch before; 0: unknown

	start  media.Ticks // of the open segment
	sync   media.Ticks // the newest sync sample
	frames int         // since then, that one included

	gops    [gopMemory]gop // newest first
	known   int            // how many of gops are set
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
	c.sync, c.frames = at, 0
	c.predict()
}

// cuts reports whether a sync sample there would end the open segment.
func (c *cutter) cuts(at media.Ticks) bool {
	length := at - c.start
	switch {
	case length >= c.enough(c.gops[0].length):
		return true
	case c.known < 2 && c.promise > 0 && c.usual > 0 && length+max(c.usual, c.longest()) > c.promise:
		return true // an epoch that joined in the middle of a GOP begins with a short one
	case length+c.frame/2 < c.least:
		return false
	}
	return c.irregular() || c.promise > 0 && length+c.longest() > c.promise
}

// enough is the length from which on a segment ends at the next sync sample:
// the target, less what the one after it would miss it by at least.
func (c *cutter) enough(gop media.Ticks) media.Ticks {
	return c.target - max(c.frame/2, min(gop/2, c.target/nearTarget))
}

// cut starts a segment.
func (c *cutter) cut(at media.Ticks) {
	c.start = at
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
