package hls

import (
	"strconv"

	"sluice/media"
	"sluice/packager/timeline"
)

// What the CLOSED-CAPTIONS attribute of every variant says.
const (
	captionsPresent = `,CLOSED-CAPTIONS="` + captionGroup + `"`
	captionsNone    = ",CLOSED-CAPTIONS=NONE"
	captionsUnknown = "" // a wrong NONE would take captions away from viewers
)

// captionsAttribute says what is known. There are none where the pictures have been
// looked at and no room for captions has come with them; it isn't known of codecs
// that nobody looks into.
func captionsAttribute(t *timeline.Timeline, video []*timeline.Rendition) string {
	if t.Captions.Data {
		return captionsPresent
	}
	for _, r := range video {
		switch r.Track.Codec.(type) {
		case *media.H264, *media.HEVC:
		default:
			return captionsUnknown
		}
	}
	return captionsNone
}

// appendCaptions writes an EXT-X-MEDIA for each channel and service (RFC 8216bis
// §4.4.6.1). Their languages aren't told in the pictures.
func appendCaptions(dst []byte, c media.Captions) []byte {
	c = c.Promised()
	for n := 1; n <= media.CaptionChannels; n++ {
		if c.Channel(n) {
			dst = appendCaption(dst, "CC", n)
		}
	}
	for n := 1; n <= media.CaptionServices; n++ {
		if c.Service(n) {
			dst = appendCaption(dst, "SERVICE", n)
		}
	}
	return dst
}

// captionsVersion is the version of a playlist that would have version without captions:
// services need one of their own (RFC 8216bis §8).
func captionsVersion(version string, c media.Captions) string {
	if c.Services != 0 {
		return max(version, "7")
	}
	return version
}

func appendCaption(dst []byte, kind string, n int) []byte {
	id := kind + strconv.Itoa(n)
	dst = append(dst, `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="`+captionGroup+`",NAME="`...)
	dst = append(dst, id...)
	dst = append(dst, `",LANGUAGE="und",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="`...)
	dst = append(dst, id...)
	return append(dst, "\"\n"...)
}
