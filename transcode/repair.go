package transcode

import "sluice/media"

// offsets repairs composition offsets that can't be, as the packager does: such a
// picture takes the one before. By its own it would be shown hours away, and all
// that came after it would be behind or late.
type offsets struct{ last media.Ticks }

func (o *offsets) repair(s media.Sample) media.Sample {
	if limit := media.TicksOf(maxOffset, media.VideoClock); s.CTSOffset > limit || s.CTSOffset < -limit {
		s.CTSOffset = o.last
	}
	o.last = s.CTSOffset
	return s
}
