package packager

import (
	"context"

	"sluice/media"
	"sluice/media/sei"
	"sluice/packager/timeline"
)

// lookForCaptions looks into a picture of the leading rendition, and records what
// captions there are that weren't known. Codecs but H.264 and H.265 aren't looked into.
func (e *epoch) lookForCaptions(ctx context.Context, data []byte) error {
	hevc := false
	switch e.lanes[0].Codec.(type) {
	case *media.H264:
	case *media.HEVC:
		hevc = true
	default:
		return nil
	}
	news := false
	for m := range sei.Of(data, hevc) {
		news = e.captions.Note(m) || news
	}
	if found := e.captions.Found(); news && e.record.now().Captions.And(found) != e.record.now().Captions {
		return e.record.append(ctx, timeline.CaptionsFound{Epoch: e.number, Captions: found})
	}
	return nil
}
