package transcode

import "sluice/media"

// feedClock gives frames the times that ffmpeg sees: those of a clock of its own,
// which goes on where the publisher's jumps, forwards or backwards. Times are
// ticks of media.VideoClock.
type feedClock struct {
	shift    media.Ticks // from the run's clock
	last     media.Ticks // decode time of the newest frame, on its run's clock
	dts, end media.Ticks // of the newest frame, and of the latest shown, on the feed's
	grid     media.Ticks // what a run's first frame stands on; 0: anything
	broken   bool        // the next frame begins a run
}

func newFeedClock() feedClock {
	return feedClock{end: media.TicksOf(feedOrigin, media.VideoClock), broken: true}
}

// restart makes the next frame follow the newest one, whatever its time.
func (c *feedClock) restart() { c.broken = true }

// stamp returns the decode and presentation time of the next frame.
func (c *feedClock) stamp(s media.Sample) (dts, pts media.Ticks) {
	step := s.DTS - c.last
	if c.broken || step > media.TicksOf(maxFeedStep, media.VideoClock) || -step > media.TicksOf(maxFeedBack, media.VideoClock) {
		c.rebase(s)
	}
	dts = max(s.DTS+c.shift, c.dts+1)
	pts = s.PTS() + c.shift
	c.last, c.dts = s.DTS, dts
	c.end = max(c.end, pts+max(s.Duration, 1))
	return dts, pts
}

// rebase puts s after all that there was.
func (c *feedClock) rebase(s media.Sample) {
	at := max(c.end, c.dts+1+s.CTSOffset)
	if c.grid > 0 {
		at = (at + c.grid - 1) / c.grid * c.grid
	}
	c.shift, c.broken = at-s.PTS(), false
}
