package transcode

import (
	"fmt"

	"sluice/media"
	"sluice/packager/cmaf"
)

// fragments makes what a process is fed with: an init segment, once, and a
// fragment for each sample. They share one buffer, which grows to the largest.
type fragments struct {
	buf     []byte
	samples [1]media.Sample
}

// begin makes the next fragment follow the track's init segment.
func (f *fragments) begin(t media.Track) error {
	t.ID = feedTrack
	init, err := cmaf.Init(t)
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	f.buf = init
	return nil
}

// next returns sample number n as a fragment, after the init segment if that
// hasn't been returned. It is valid until the next call.
func (f *fragments) next(n int, s media.Sample) []byte {
	f.samples[0] = s
	part := cmaf.Fragment{Sequence: uint32(n + 1), TrackID: feedTrack, Samples: f.samples[:]}
	whole := part.AppendTo(f.buf)
	f.buf, f.samples[0].Data = whole[:0], nil
	return whole
}
