package hls

import (
	"cmp"
	"slices"
	"strings"

	"sluice/media"
	"sluice/packager/timeline"
)

// scores are the SCOREs of the variants: the renditions of video in the order of what they
// are worth to who watches, the worst first. There are none where there's no choice of
// pictures. Bit rates don't tell, where codecs differ and where groups of sound do.
type scores []*timeline.Rendition

func scoresOf(video []*timeline.Rendition) scores {
	if len(video) < 2 {
		return nil
	}
	area := func(r *timeline.Rendition) int {
		if c, ok := r.Track.Codec.(media.Picture); ok {
			return c.Format().Width * c.Format().Height
		}
		return 0
	}
	list := slices.Clone(video)
	slices.SortStableFunc(list, func(a, b *timeline.Rendition) int {
		return cmp.Or(cmp.Compare(area(a), area(b)), cmp.Compare(bandwidth(a).peak, bandwidth(b).peak))
	})
	return list
}

// append writes a rendition's SCORE (RFC 8216bis §4.4.6.2): sound alone is worth 1.
func (s scores) append(dst []byte, r *timeline.Rendition) []byte {
	if len(s) == 0 {
		return dst
	}
	dst = append(dst, ",SCORE="...)
	return append(appendUint(dst, uint64(slices.Index(s, r)+2)), ".0"...)
}

// appendStable writes the ID of a playlist that stays the same however often the
// multivariant one is loaded, and on every CDN (§4.4.6.1, §4.4.6.2): the rendition's, if it
// has only characters that such an ID may have.
func appendStable(dst []byte, name string, r *timeline.Rendition) []byte {
	if r.ID == "" || strings.Trim(string(r.ID), stableCharacters) != "" {
		return dst
	}
	return append(append(append(append(dst, name...), `="`...), r.ID...), '"')
}

const stableCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=.-_"
