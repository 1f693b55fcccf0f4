package slate

import (
	"context"
	"fmt"
	"time"

	"sluice/media"
)

// Clip is a slate for one set of tracks. It's immutable: any number of goroutines may
// use it at once.
type Clip struct {
	tracks  []media.Track
	reels   []*reel
	metrics *metrics
}

// newClip puts reels in the place of tracks.
func newClip(tracks []media.Track, reels []*reel, m *metrics) *Clip {
	c := &Clip{reels: reels, metrics: m}
	for i, t := range tracks {
		t.Codec = reels[i].codec
		c.tracks = append(c.tracks, t)
	}
	return c
}

// Tracks returns the tracks of the samples that Play writes. They are the stream's but for their
// parameter sets.
func (c *Clip) Tracks() []media.Track { return append([]media.Track(nil), c.tracks...) }

// Play begins an epoch on a sink and writes samples to it as time goes by, until ctx ends, which is
// no error, or until the sink errs. It doesn't call End. start is when the first samples arrive, whose
// decode time is 0; all others follow at their times. Where it's more than maxLate ago, it's now. Where
// the machine comes to be so late, another epoch begins.
func (c *Clip) Play(ctx context.Context, sink media.Sink, start time.Time) error {
	if c.metrics != nil {
		c.metrics.playing.Inc()
		defer c.metrics.playing.Dec()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if err := sink.Begin(ctx, c.Tracks()); err != nil {
			return over(ctx, fmt.Errorf("begin a slate: %w", err))
		}
		if now := time.Now(); now.Sub(start) > maxLate {
			start = now
		}
		if err := c.play(ctx, sink, start, timer); err != nil {
			return over(ctx, err)
		}
	}
	return nil
}

// over is nothing where ctx has ended: what a sink says of that is no news.
func over(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// play writes samples until ctx ends, or until it's too late for one.
func (c *Clip) play(ctx context.Context, sink media.Sink, start time.Time, timer *time.Timer) error {
	hands := make([]hand, len(c.reels))
	for i, r := range c.reels {
		hands[i] = newHand(r, c.tracks[i])
	}
	for {
		first := &hands[0]
		for i := range hands[1:] {
			if h := &hands[i+1]; h.due < first.due {
				first = h
			}
		}
		due := start.Add(first.due)
		switch late := time.Since(due); {
		case ctx.Err() != nil || late > maxLate:
			return nil
		case late < 0:
			timer.Reset(-late)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
		}
		if err := sink.WriteSample(ctx, first.id, first.sample(), due); err != nil {
			return fmt.Errorf("write a slate's sample: %w", err)
		}
		first.advance()
	}
}

// hand plays one track. Its times are all made of whole numbers of frames from the start on, so
// that no rounding adds up.
type hand struct {
	*reel
	id media.TrackID
	ts media.Timescale
	n  int64 // of the next frame, from the start on
	// Of a file's sound: the number of the loop, and that of its first frame, and of the next
	// loop's.
	loop, begun, ends int64
	dts               media.Ticks   // of the next frame
	due               time.Duration // likewise, since the start
}

func newHand(r *reel, t media.Track) hand {
	h := hand{reel: r, id: t.ID, ts: t.Timescale}
	if h.sounds() {
		h.ends = h.loopBegins(1)
	}
	return h
}

// sounds reports that the track is a file's sound, which is tied to the picture's loop.
func (h *hand) sounds() bool { return h.form.SampleRate > 0 && !h.form.silent() }

// loopBegins is the number of the first frame of a loop of a file's sound: the one that begins
// nearest to the picture's loop. So some loops have a frame more than others.
func (h *hand) loopBegins(loop int64) int64 {
	at := h.form.elapsed(loop*int64(h.form.Frames), media.Timescale(h.form.SampleRate))
	return int64((at + h.length/2) / h.length)
}

// at is the decode time of a frame.
func (h *hand) at(n int64) media.Ticks {
	if h.form.SampleRate > 0 {
		return media.Ticks(n*int64(h.length)).Rescale(media.Timescale(h.form.SampleRate), h.ts)
	}
	return h.form.elapsed(n, h.ts)
}

// sample is the next one.
func (h *hand) sample() media.Sample {
	f := &h.frames[(h.n-h.begun)%int64(len(h.frames))]
	return media.Sample{DTS: h.dts, Duration: h.at(h.n+1) - h.dts, Sync: f.sync, Data: f.data}
}

func (h *hand) advance() {
	h.n++
	if h.sounds() && h.n == h.ends {
		h.loop++
		h.begun, h.ends = h.ends, h.loopBegins(h.loop+1)
	}
	h.dts = h.at(h.n)
	h.due = h.dts.Duration(h.ts)
}
