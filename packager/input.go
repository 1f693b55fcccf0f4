package packager

import (
	"fmt"
	"time"

	"sluice/media"
	"sluice/packager/cmaf"
	"sluice/packager/timeline"
)

// input is one track of a session, over all the epochs that it makes.
type input struct {
	media.Track
	intake
	rendition timeline.RenditionID
	init      []byte
	metrics   laneMetrics
	seen      time.Time // arrival of the newest sample
	early     []arrival // kept until the first picture
}

// arrival is a sample and when its last byte was read.
type arrival struct {
	media.Sample
	arrived time.Time
}

// newInputs gives the tracks their renditions, video first.
func newInputs(tracks []media.Track, m *metrics) ([]*input, error) {
	if len(tracks) == 0 || len(tracks) > maxTracks {
		return nil, fmt.Errorf("session of %d tracks", len(tracks))
	}
	var video, audio []*input
	ids, names := map[media.TrackID]bool{}, map[timeline.RenditionID]bool{}
	for _, t := range tracks {
		if ids[t.ID] || t.Timescale == 0 || t.Timescale > maxTimescale {
			return nil, fmt.Errorf("track %d with timescale %d, or there twice", t.ID, t.Timescale)
		}
		ids[t.ID] = true
		init, err := cmaf.Init(t)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.ID, err)
		}
		in := &input{Track: t, intake: newIntake(t), init: init, metrics: m.of(t.Kind.String())}
		switch t.Kind {
		case media.Video:
			in.rendition = timeline.Source
			video = append(video, in)
		case media.Audio:
			in.rendition = timeline.Audio
			if n := len(audio); n > 0 {
				in.rendition = timeline.RenditionID(fmt.Sprintf("%s%d", timeline.Audio, n+1))
			}
			audio = append(audio, in)
		default:
			return nil, fmt.Errorf("track %d is %s", t.ID, t.Kind)
		}
		if t.Name != "" {
			in.rendition = timeline.RenditionID(t.Name)
		}
		if names[in.rendition] {
			return nil, fmt.Errorf("track %d is a second %s", t.ID, in.rendition)
		}
		names[in.rendition] = true
	}
	if len(video) > 1 {
		return nil, fmt.Errorf("session of %d video tracks", len(video))
	}
	return append(video, audio...), nil
}

// frameTime is how long the newest frame lasts.
func (in *input) frameTime() frameTime {
	return frameTime{uint64(in.frame), uint64(in.Timescale)}
}

// keepEarly keeps a sample for the first picture, within bounds.
func (in *input) keepEarly(s media.Sample, arrived time.Time) (dropped int) {
	in.early = append(in.early, arrival{s, arrived})
	oldest := s.DTS - media.TicksOf(maxEarly, in.Timescale)
	for len(in.early)-dropped > maxEarlySamples || in.early[dropped].DTS < oldest || in.early[dropped].DTS > s.DTS {
		dropped++
	}
	if dropped > 0 {
		rest := copy(in.early, in.early[dropped:])
		clear(in.early[rest:])
		in.early = in.early[:rest]
	}
	return dropped
}
