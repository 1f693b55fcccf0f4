package hls

import (
	"bytes"

	"sluice/packager/timeline"
)

// What the CLOSED-CAPTIONS attribute of every variant says.
const (
	captionsPresent = `,CLOSED-CAPTIONS="` + captionGroup + `"`
	captionsNone    = ",CLOSED-CAPTIONS=NONE"
	captionsUnknown = "" // a wrong NONE would take captions away from viewers

	captionsRendition = `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="` + captionGroup +
		`",NAME="CC1",LANGUAGE="und",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC1"` + "\n"
)

// captionMarker starts CEA-608 and CEA-708 data in an SEI message: country code,
// provider, "GA94", cc_data (ANSI/SCTE 128-1 §8.1).
var captionMarker = []byte("\xb5\x00\x31GA94\x03")

// captionReach is how far into a fragment to look: past moof and the parameter
// sets, to the SEI messages that stand before the first slice.
const captionReach = 8 << 10

// captionsAttribute looks at the newest segment of each rendition. Captions,
// where an encoder sends them, come with every picture.
func captionsAttribute(video []*timeline.Rendition) string {
	result := captionsUnknown
	for _, r := range video {
		data := newestStart(r)
		if bytes.Contains(data, captionMarker) {
			return captionsPresent
		}
		if data != nil {
			result = captionsNone
		}
	}
	return result
}

// newestStart returns the beginning of the newest segment's first fragment, or
// nil where it is in storage only.
func newestStart(r *timeline.Rendition) []byte {
	g := r.Open
	if g == nil {
		g = r.Segments.Last()
	}
	if g == nil || len(g.Parts) == 0 {
		return nil
	}
	data := g.Parts[0].Data
	return data[:min(len(data), captionReach)]
}
