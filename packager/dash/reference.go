package dash

import (
	"strconv"
	"time"

	"sluice/media"
)

// schemaPrefix is declared in live MPDs for the one element that is written with it.
const schemaPrefix = "mpd"

// utcTiming is all of a UTCTiming element but its value.
const utcTiming = `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014"`

// appendReference writes the ProducerReferenceTime (ISO/IEC 23009-1 §5.12) of the
// AdaptationSet of track: at a Period's start its media clock stood at
// presentationTimeOffset, by the clock that UTCTiming names. It says what the Period
// says already, to monitors that look for it here.
//
// It has a prefix, which no reader of namespaces minds, for Shaka's sake: that takes
// presentationTime for a time of the presentation, without its offset, dates the
// presentation by it, and then tells a latency that is wrong by decades. It doesn't see
// elements with prefixes. For the same reason no fragment has a prft box.
func appendReference(dst []byte, q *period, id int, track *media.Track) []byte {
	if q.clock == "" {
		return dst
	}
	dst = append(dst, "<"+schemaPrefix+`:ProducerReferenceTime id="`...)
	dst = strconv.AppendInt(dst, int64(id), 10)
	dst = append(dst, `" type="encoder" wallClockTime="`...)
	dst = time.UnixMilli(q.start.Milliseconds()).UTC().AppendFormat(dst, dateForm)
	dst = append(dst, '"')
	dst = appendInt(dst, "presentationTime", int64(q.offset(track.Timescale)))
	dst = append(dst, ">"+utcTiming...)
	dst = appendText(dst, "value", q.clock)
	return append(dst, "/></"+schemaPrefix+":ProducerReferenceTime>\n"...)
}
