package packager

import (
	"sluice/media"
)

// verdict is what intake says of a sample.
type verdict uint8

const (
	usable verdict = iota
	unusable
	jumped // usable, but in a new epoch only
)

// intake repairs one track's samples: what comes out has data, decode times
// that rise, and sane durations and offsets.
type intake struct {
	kind      media.Kind
	timescale media.Timescale
	frame     media.Ticks // nominal duration, of the newest sample or by default
	offset    media.Ticks // the newest CTSOffset
	last      media.Ticks // the newest DTS
	started   bool
}

func newIntake(t media.Track) intake {
	const framesPerSecond = 25 // until a sample says better
	in := intake{kind: t.Kind, timescale: t.Timescale, frame: max(media.Ticks(t.Timescale)/framesPerSecond, 1)}
	if c, ok := t.Codec.(media.Sound); ok {
		in.frame = c.FrameLength()
	}
	return in
}

// take repairs s in place. repaired counts what it had to change.
func (in *intake) take(s *media.Sample) (v verdict, repaired bool) {
	if len(s.Data) == 0 || s.DTS > maxTime || s.DTS < -maxTime {
		return unusable, false
	}
	limit := media.TicksOf(maxOffset, in.timescale)
	if s.Duration <= 0 || s.Duration > limit {
		s.Duration, repaired = in.frame, true
	}
	if in.kind != media.Video {
		s.Sync, s.CTSOffset = true, 0
	} else if s.CTSOffset > limit || s.CTSOffset < -limit {
		s.CTSOffset, repaired = in.offset, true
	}
	if in.started {
		step := s.DTS - in.last
		switch {
		case step > media.TicksOf(maxForward, in.timescale), -step > media.TicksOf(maxRegression, in.timescale):
			v = jumped
		case step <= 0:
			// The picture keeps its time of presentation.
			s.CTSOffset += step - 1
			s.DTS, repaired = in.last+1, true
			if in.kind != media.Video {
				s.CTSOffset = 0
			}
		}
	}
	in.frame, in.offset, in.last, in.started = s.Duration, s.CTSOffset, s.DTS, true
	return v, repaired
}
