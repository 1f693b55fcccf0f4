package transcode

import (
	"slices"
	"time"

	"sluice/media"
)

// backlog keeps the frames that may have to be fed again: from the newest sync
// sample at or before the oldest frame that some rung still owes. It's bounded.
// Where it overflows it's cut: at a sync sample, or, within one long GOP, behind
// what every rung has had; a process that runs goes on then, one that has to be
// started again waits for the next sync sample. Whoever uses it holds the
// engine's mutex.
type backlog struct {
	frames   []*frame // in decode order
	first    int      // the number of frames[0], counted from the engine's first frame
	syncs    []int    // the numbers of the sync samples
	at       map[media.Ticks]*frame
	bytes    int
	headless bool // what frames[0] refers to is gone
	starved  bool // nothing is left, and only a sync sample can follow
}

func newBacklog() backlog { return backlog{at: map[media.Ticks]*frame{}, starved: true} }

// push takes a frame; false where it can't be of use. All up to done is had by
// every rung. lost counts frames that weren't and are dropped.
func (b *backlog) push(f *frame, done media.Ticks) (taken bool, lost int) {
	if b.starved && !f.sync {
		return false, 1
	}
	for b.at[f.at] != nil { // two frames of one time: the publisher's fault, and no reason to lose one
		f.at++
	}
	b.starved = false
	if len(b.frames) == 0 {
		b.headless = !f.sync
	}
	if f.sync {
		b.syncs = append(b.syncs, b.end())
	}
	b.frames = append(b.frames, f)
	b.at[f.at] = f
	b.bytes += len(f.data)
	for b.overflows() {
		lost += b.relieve(done)
	}
	return true, lost
}

func (b *backlog) overflows() bool {
	if len(b.frames) == 0 {
		return false
	}
	span := b.frames[len(b.frames)-1].dts - b.frames[0].dts
	return b.bytes > backlogBytes || span > media.TicksOf(backlogTime, media.VideoClock)
}

// relieve drops what costs least, and returns how many frames that loses.
func (b *backlog) relieve(done media.Ticks) (lost int) {
	if n := b.nextSync(); n > b.first {
		return b.drop(n, done)
	}
	had := slices.IndexFunc(b.frames, func(f *frame) bool { return f.at > done })
	switch {
	case had < 0:
		had = len(b.frames)
	case had == 0:
		b.starved = true
		return b.drop(b.end(), done)
	}
	b.drop(b.first+had, done)
	b.headless = true
	return 0
}

// nextSync is the number of the first sync sample that isn't the very first
// frame; 0 where there is none.
func (b *backlog) nextSync() int {
	for _, n := range b.syncs {
		if n > b.first {
			return n
		}
	}
	return 0
}

// drop drops the frames before number n, and returns how many of them are later
// than done.
func (b *backlog) drop(n int, done media.Ticks) (lost int) {
	gone := b.frames[:n-b.first]
	for _, f := range gone {
		delete(b.at, f.at)
		b.bytes -= len(f.data)
		if f.at > done {
			lost++
		}
	}
	b.frames = slices.Delete(b.frames, 0, len(gone))
	b.syncs = slices.DeleteFunc(b.syncs, func(sync int) bool { return sync < n })
	b.first = n
	b.headless = len(b.frames) > 0 && !b.frames[0].sync
	return lost
}

// end is the number of the next frame.
func (b *backlog) end() int { return b.first + len(b.frames) }

// get returns frame number n, or the first one after it that is still there; nil
// where there is none yet.
func (b *backlog) get(n int) (*frame, int) {
	n = max(n, b.first)
	if n >= b.end() {
		return nil, n
	}
	return b.frames[n-b.first], n
}

// release drops what nobody needs who has had everything up to done.
func (b *backlog) release(done media.Ticks) {
	if b.nextSync() == 0 {
		return
	}
	if start := b.start(done); start > b.first {
		b.drop(start, done)
	}
}

// syncSince is the first sync sample that arrived after a time, or else the newest;
// nil where none is left.
func (b *backlog) syncSince(t time.Time) *frame {
	var f *frame
	for _, n := range b.syncs {
		if f = b.frames[n-b.first]; f.arrived.After(t) {
			break
		}
	}
	return f
}

// start is the number of the newest sync sample at or before what comes after
// done; of the very first frame where there is none.
func (b *backlog) start(done media.Ticks) int {
	owed := b.oldest(done)
	start := b.first
	for _, n := range b.syncs {
		if owed == nil || b.frames[n-b.first].at <= owed.at {
			start = n
		}
	}
	return start
}

// restart returns the number of the frame with which a new process begins, so
// that all after done can be decoded, or as much as is left. lost counts what isn't.
func (b *backlog) restart(done media.Ticks) (n, lost int) {
	if b.headless || len(b.frames) == 0 {
		n := b.nextSync()
		if n == 0 {
			n, b.starved = b.end(), true
		}
		lost = b.drop(n, done)
	}
	return b.start(done), lost
}

// oldest returns the frame that is shown first of those after a time, or nil.
func (b *backlog) oldest(after media.Ticks) *frame {
	var oldest *frame
	for _, f := range b.frames {
		if f.at > after && (oldest == nil || f.at < oldest.at) {
			oldest = f
		}
	}
	return oldest
}

// tail returns copies of the newest GOP's frames, for another engine.
func (b *backlog) tail() []*frame {
	if len(b.syncs) == 0 {
		return nil
	}
	gop := b.frames[b.syncs[len(b.syncs)-1]-b.first:]
	tail := make([]*frame, len(gop))
	for i, f := range gop {
		c := *f
		c.placed = false
		tail[i] = &c
	}
	return tail
}
