package dash

import (
	"strconv"

	"sluice/media"
)

// inbandEvents declares the events that fragments carry, of the kind that leads. It
// stands there always: players look into fragments only where it does, and a Period
// never changes.
const inbandEvents = `<InbandEventStream schemeIdUri="` + media.SchemeID3 + `" value=""/>` + "\n"

// appendCaptions writes which closed captions a Period's pictures have, in the form of
// DASH-IF's interoperability points (IOP 4.3 §6.4.3) and SCTE 214-1 §7.1. Their languages
// aren't told in the pictures.
func appendCaptions(dst []byte, c media.Captions) []byte {
	c = c.Promised()
	var channels, services []byte
	for n := 1; n <= media.CaptionChannels; n++ {
		if c.Channel(n) {
			channels = appendService(channels, "CC", n, "und")
		}
	}
	for n := 1; n <= media.CaptionServices; n++ {
		if c.Service(n) {
			services = appendService(services, "", n, "lang:und")
		}
	}
	dst = appendAccessibility(dst, "urn:scte:dash:cc:cea-608:2015", channels)
	return appendAccessibility(dst, "urn:scte:dash:cc:cea-708:2015", services)
}

func appendService(dst []byte, kind string, n int, says string) []byte {
	if len(dst) > 0 {
		dst = append(dst, ';')
	}
	dst = strconv.AppendInt(append(dst, kind...), int64(n), 10)
	return append(append(dst, '='), says...)
}

func appendAccessibility(dst []byte, scheme string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = append(append(dst, `<Accessibility schemeIdUri="`...), scheme...)
	return append(append(append(dst, `" value="`...), value...), "\"/>\n"...)
}
