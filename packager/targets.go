package packager

import (
	"context"
	"math/bits"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// Rules for targets (RFC 8216bis §4.4.3.7, §4.4.3.8, §4.4.4.9).
const (
	// partPrecision is what playlists print of a part's duration: five decimals.
	partPrecision = 10 * time.Microsecond
	// leastPart is how much of PART-TARGET a part must fill, in percent, unless
	// it is its segment's last.
	leastPart = 85
	// maxPartGrowth bounds the search for a target that suits every track.
	maxPartGrowth = 4
	// holdBack and partHoldBack are in target durations.
	holdBack     = 3
	partHoldBack = 3
	// segmentSlack is what a segment may be longer than TARGETDURATION: RFC
	// 8216bis compares rounded durations, and 29.97 frames a second make 2.002 s
	// of two.
	segmentSlack = 100 * time.Millisecond
	// jitter is added to a part of frames whose times are whole milliseconds.
	jitter = time.Millisecond
)

// frameTime is how long a frame lasts: num/den seconds.
type frameTime struct{ num, den uint64 }

// times returns the length of n frames, rounded up to what playlists print.
func (f frameTime) times(n uint64) time.Duration {
	const perSecond = uint64(time.Second / partPrecision)
	hi, lo := bits.Mul64(n*f.num, perSecond)
	lo, carry := bits.Add64(lo, f.den-1, 0)
	q, _ := bits.Div64((hi+carry)%f.den, lo, f.den)
	return time.Duration(q) * partPrecision
}

// fit returns how many whole frames fit into d.
func (f frameTime) fit(d time.Duration) uint64 {
	hi, lo := bits.Mul64(uint64(d), f.den)
	div := f.num * uint64(time.Second)
	q, _ := bits.Div64(hi%div, lo, div)
	return q
}

// nearest returns the number of frames whose length is nearest to d, at least one.
func (f frameTime) nearest(d time.Duration) uint64 {
	return max(f.fit(d+f.times(1)/2), 1)
}

// fills reports whether the whole frames that fit into target fill enough of it.
func (f frameTime) fills(target time.Duration) bool {
	n := f.fit(target)
	return n > 0 && f.times(n)*100 >= target*leastPart
}

// partTarget returns the PART-TARGET: as many whole frames of the first track as
// come nearest to part, or the next longer span that parts of all tracks fill.
func partTarget(part time.Duration, tracks []frameTime) time.Duration {
	first := tracks[0].times(tracks[0].nearest(part))
	longest := first
	for _, f := range tracks {
		longest = max(longest, f.times(1))
	}
search:
	for target := first; target <= maxPartGrowth*longest; {
		next := time.Duration(0)
		ok := true
		for _, f := range tracks {
			ok = ok && f.fills(target)
			if longer := f.times(f.fit(target) + 1); next == 0 || longer < next {
				next = longer
			}
		}
		if ok {
			return target
		}
		if next <= target {
			break search
		}
		target = next
	}
	return longest
}

// targets are what manifests promise for segments up to that length.
func targets(segment, part, lag time.Duration) timeline.Targets {
	whole := (segment - segmentSlack + time.Second - 1).Truncate(time.Second)
	whole = max(whole, time.Second)
	return timeline.Targets{
		Segment: whole, Part: part, HoldBack: holdBack * whole, PartHoldBack: partHoldBack*part + lag, Lag: lag,
	}
}

// frameStats are the nominal durations of a run of frames.
type frameStats struct {
	sum, shortest, longest media.Ticks
	n                      uint64
}

func (f *frameStats) add(d media.Ticks) {
	if f.n == 0 {
		f.shortest = d
	}
	f.sum, f.n = f.sum+d, f.n+1
	f.shortest, f.longest = min(f.shortest, d), max(f.longest, d)
}

// even reports whether all are the same but for rounding to whole ticks.
func (f *frameStats) even() bool { return f.longest-f.shortest <= 1 }

// mean is the frames' mean length.
func (f *frameStats) mean(ts media.Timescale) frameTime {
	return frameTime{num: uint64(f.sum), den: f.n * uint64(ts)}
}

// fixTargets appends the broadcast's targets, unless it has them, from what is
// known by now.
func (e *epoch) fixTargets(ctx context.Context) error {
	if e.record.now().Targets.Segment > 0 {
		return nil
	}
	leader := e.lanes[0]
	segment := e.settings.Segment
	var tracks []frameTime
	if leader.Kind == media.Video {
		length := leader.end - e.first
		if e.cutter.known > 0 {
			length = e.cutter.segmentLength(e.cutter.gops[0].length)
		}
		segment = max(segment, length.Duration(leader.Timescale))
		tracks = append(tracks, e.frames.mean(leader.Timescale))
	} else {
		tracks = append(tracks, leader.frameTime())
	}
	for _, l := range e.lanes[1:] {
		tracks = append(tracks, l.frameTime())
	}
	part := partTarget(e.settings.Part, e.withRungs(tracks))
	if e.frames.n > 0 && !e.frames.even() {
		part += jitter
	}
	for _, l := range e.all() { // what is published keeps the promise too
		part = max(part, frameTime{uint64(l.longest), uint64(l.Timescale)}.times(1))
	}
	return e.promise(ctx, targets(segment, part, e.expected.Lag))
}

func (e *epoch) promise(ctx context.Context, t timeline.Targets) error {
	if e.hasPart() {
		if err := e.date(ctx); err != nil {
			return err
		}
	}
	if err := e.record.append(ctx, timeline.TargetsFixed{Targets: t}); err != nil {
		return err
	}
	e.keep(t)
	return nil
}

// keep makes the epoch keep what manifests promise already.
func (e *epoch) keep(t timeline.Targets) {
	e.cutter.promise = promised(t, e.lanes[0].Timescale)
	for _, l := range e.all() {
		l.setLimit(t.Part)
	}
}

// withRungs adds the frames of the rungs that are expected.
func (e *epoch) withRungs(tracks []frameTime) []frameTime {
	for _, x := range e.expected.Rungs {
		if x.Frame > 0 {
			tracks = append(tracks, frameTime{uint64(x.Frame), uint64(time.Second)})
		}
	}
	return tracks
}

// firstTargets gives the epoch limits to start with: the broadcast's, where it
// has any; those of the last broadcast, where the same settings would give them
// and its keyframes came as they should; else what the first sample's duration
// makes likely.
func (e *epoch) firstTargets(ctx context.Context, last remembered) error {
	if t := e.record.now().Targets; t.Segment > 0 {
		e.keep(t)
		return nil
	}
	tracks := make([]frameTime, 0, len(e.lanes))
	for _, l := range e.lanes {
		tracks = append(tracks, l.frameTime())
	}
	likely := targets(e.settings.Segment, partTarget(e.settings.Part, e.withRungs(tracks)), e.expected.Lag)
	if likely == last.targets && e.settings == last.settings {
		return e.promise(ctx, likely)
	}
	for _, l := range e.lanes {
		l.setLimit(likely.Part)
	}
	return nil
}

// remembered is what a stream keeps of its last epoch.
type remembered struct {
	settings Settings
	targets  timeline.Targets
	gop      media.Ticks // the longest lately, on media.VideoClock
}

// promised is the longest segment that rounds to the target duration.
func promised(t timeline.Targets, ts media.Timescale) media.Ticks {
	return media.TicksOf(t.Segment+500*time.Millisecond, ts) - 1
}
