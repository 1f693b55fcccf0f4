package transcode

import "sluice/media"

// backlog keeps the frames that may have to be fed again: from the newest sync
// sample at or before the oldest frame that some rung still owes. It's bounded;
// where it overflows it's cut at a sync sample. Whoever uses it holds the
// engine's mutex.
type backlog struct {
	frames []*frame // in decode order; the first one is a sync sample
	first  int      // the number of frames[0], counted from the engine's first frame
	syncs  []int    // the numbers of the sync samples
	at     map[media.Ticks]*frame
	bytes  int
	// starved says that an overflow left nothing: the next sync sample is waited for.
	starved bool
}

// push takes a frame, and returns how many it had to drop for it.
func (b *backlog) push(f *frame) (dropped int) {
	if len(b.frames) == 0 && !f.sync {
		return 1
	}
	if b.at == nil {
		b.at = map[media.Ticks]*frame{}
	}
	for b.at[f.at] != nil { // two frames of one time: the publisher's fault, and no reason to lose one
		f.at++
	}
	b.starved = false
	if f.sync {
		b.syncs = append(b.syncs, b.end())
	}
	b.frames = append(b.frames, f)
	b.at[f.at] = f
	b.bytes += len(f.data)
	for len(b.frames) > 0 && b.overflows() {
		dropped += b.dropGOP()
	}
	return dropped
}

func (b *backlog) overflows() bool {
	span := b.frames[len(b.frames)-1].dts - b.frames[0].dts
	return b.bytes > backlogBytes || span > media.TicksOf(backlogTime, media.VideoClock)
}

// end is the number of the next frame.
func (b *backlog) end() int { return b.first + len(b.frames) }

// dropGOP drops the frames before the second sync sample, or all.
func (b *backlog) dropGOP() int {
	until := b.end()
	if len(b.syncs) > 1 {
		until = b.syncs[1]
	}
	n := until - b.first
	for _, f := range b.frames[:n] {
		delete(b.at, f.at)
		b.bytes -= len(f.data)
	}
	rest := copy(b.frames, b.frames[n:])
	clear(b.frames[rest:])
	b.frames = b.frames[:rest]
	b.syncs = b.syncs[:copy(b.syncs, b.syncs[1:])]
	b.first = until
	b.starved = rest == 0
	return n
}

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
	for len(b.syncs) > 1 {
		next := b.frames[b.syncs[1]-b.first].at
		if owed := b.oldest(done); owed != nil && owed.at < next {
			return
		}
		b.dropGOP()
	}
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

// newest returns the frame that is shown last, or nil.
func (b *backlog) newest() *frame {
	var newest *frame
	for _, f := range b.frames {
		if newest == nil || f.at > newest.at {
			newest = f
		}
	}
	return newest
}

// resume returns the number of the frame with which to begin, so that all after
// done can be decoded.
func (b *backlog) resume(done media.Ticks) int {
	owed := b.oldest(done)
	start := b.first
	for _, n := range b.syncs {
		if owed == nil || b.frames[n-b.first].at <= owed.at {
			start = n
		}
	}
	return start
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
