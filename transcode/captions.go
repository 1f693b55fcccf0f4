package transcode

import (
	"slices"

	"sluice/media"
	"sluice/media/sei"
	"sluice/transcode/rung"
)

// Closed captions lie in the source's pictures. They are taken out before the
// encoders, and put into what comes back: a rung that leaves out every other picture
// would lose every other pair of their bytes, and there are encoders that drop them all.

// captionsOf returns the captions that a picture has; nil where it has none.
func captionsOf(c media.Codec, data []byte) (triples []byte) {
	hevc := false
	switch c.(type) {
	case *media.H264:
	case *media.HEVC:
		hevc = true
	default:
		return nil
	}
	for m := range sei.Of(data, hevc) {
		if t, ok := m.CaptionData(); ok {
			triples = append(triples, t...)
		}
	}
	return triples
}

// captionsUpTo returns the captions of a frame and of those before it, in the order in
// which they are shown, that this rung hasn't had. The engine's mutex is held.
func (e *engine) captionsUpTo(o *outlet, f *frame) []byte {
	if f == nil || o.Codec == rung.AV1 {
		return nil
	}
	var had []*frame
	for _, g := range e.backlog.frames {
		if g.captions != nil && g.run == f.run && g.at > o.done && g.at <= f.at {
			had = append(had, g)
		}
	}
	slices.SortFunc(had, func(a, b *frame) int { return int(a.at - b.at) })
	var all []byte
	for _, g := range had {
		all = append(all, g.captions...)
	}
	return all[max(0, len(all)-maxCaptions):]
}

// withCaptions puts captions in front of a picture's first slice.
func withCaptions(c rung.Codec, data, triples []byte) []byte {
	if len(triples) == 0 {
		return data
	}
	return sei.InsertCaptions(data, c == rung.HEVC, triples)
}
