package hls

import (
	"fmt"
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// AppendIFrames appends the playlist of a rendition's I-frames (RFC 8216bis §4.4.3.6):
// the picture that each whole segment begins with, as a range of that segment's bytes,
// under the same numbers and dates as in AppendMedia. The error is ErrNotReady,
// ErrNoRendition (of what has no pictures, too) or ErrGone.
func AppendIFrames(dst []byte, t *timeline.Timeline, id timeline.RenditionID) ([]byte, error) {
	p, err := newMediaPlaylist(t, id)
	if err != nil {
		return dst, err
	}
	if p.r.Track.Kind != media.Video {
		return dst, fmt.Errorf("%w: %s has no pictures", ErrNoRendition, id)
	}
	dst = slices.Grow(dst, p.iframesSize())
	dst = append(dst, "#EXTM3U\n#EXT-X-VERSION:"+iframesVersion+"\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:"...)
	dst = appendUint(dst, uint64(t.Targets.Segment/time.Second))
	dst = p.appendSequences(append(dst, '\n'))
	for g := range p.r.Segments.From(p.first.MSN) {
		dst = p.appendIFrame(dst, g)
	}
	if t.State == timeline.Ended {
		dst = append(dst, "#EXT-X-ENDLIST\n"...)
	}
	return dst, nil
}

// appendIFrame writes what a whole segment begins with. That lasts until the next one,
// which begins where the segment ends.
func (p *mediaPlaylist) appendIFrame(dst []byte, g *timeline.Segment) []byte {
	dst = p.appendStart(dst, g)
	if key := g.Key(); key > 0 {
		dst = append(dst, "#EXT-X-BYTERANGE:"...)
		dst = appendUint(dst, uint64(key))
		dst = append(dst, "@0\n"...)
	} else {
		dst = append(dst, "#EXT-X-GAP\n"...)
	}
	return append(p.appendInf(dst, g), ".m4s\n"...)
}

// iframesSize is an upper bound for what AppendIFrames writes.
func (p *mediaPlaylist) iframesSize() int {
	const (
		header  = 256
		segment = 160 // EXT-X-PROGRAM-DATE-TIME, EXT-X-BYTERANGE, EXTINF, a URI
		start   = 80  // EXT-X-DISCONTINUITY, EXT-X-MAP
	)
	return header + int(p.last()+1-p.first.MSN)*segment + len(p.t.Epochs)*start
}

// keyBandwidth returns what was measured of the pictures that the broadcast's whole
// segments begin with; zero where there are none.
func keyBandwidth(r *timeline.Rendition) rates {
	if r.KeyBytes == 0 || r.Span <= 0 {
		return rates{}
	}
	average := uint64(float64(r.KeyBytes)*8/r.Span.Seconds() + 0.5)
	return rates{peak: max(r.PeakKeys, average), average: average}
}

// appendIFrameStream writes EXT-X-I-FRAME-STREAM-INF for a rendition of which there are
// I-frames.
func appendIFrameStream(dst []byte, r *timeline.Rendition) []byte {
	rate := keyBandwidth(r)
	if rate.peak == 0 {
		return dst
	}
	dst = appendRates(append(dst, "#EXT-X-I-FRAME-STREAM-INF:"...), rate)
	dst = appendCodecs(dst, []string{r.Track.Codec.RFC6381()})
	if c, ok := r.Track.Codec.(media.Picture); ok {
		dst = appendResolution(dst, c.Format())
	}
	dst = append(dst, `,URI="`...)
	dst = append(dst, r.ID...)
	return append(dst, "/iframes.m3u8\"\n"...)
}
