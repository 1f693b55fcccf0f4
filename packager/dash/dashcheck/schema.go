package dashcheck

import "strings"

// many is any number of times.
const many = 1 << 30

// kind is an element of the schema, as far as live streams of one profile use it.
type kind struct {
	children []child // in the order in which they stand
	attrs    map[string]attribute
	text     valueType // nil where there is no text
}

type child struct {
	name     string
	min, max int
}

type attribute struct {
	valid    valueType
	required bool
}

func optional(t valueType) attribute { return attribute{valid: t} }
func required(t valueType) attribute { return attribute{valid: t, required: true} }

var descriptor = &kind{attrs: map[string]attribute{
	"schemeIdUri": required(anyURI), "value": optional(anyText), "id": optional(anyText),
}}

// commonChildren and commonAttributes are those of RepresentationBaseType.
var commonChildren = []child{
	{"FramePacking", 0, many}, {"AudioChannelConfiguration", 0, many}, {"EssentialProperty", 0, many},
	{"SupplementalProperty", 0, many}, {"InbandEventStream", 0, many}, {"Label", 0, many}, {"ProducerReferenceTime", 0, many}, {"Resync", 0, many},
}

var commonAttributes = map[string]attribute{
	"profiles": optional(profileList), "width": optional(unsignedInt), "height": optional(unsignedInt),
	"sar": optional(ratio), "frameRate": optional(frameRates), "audioSamplingRate": optional(unsignedInt),
	"mimeType": optional(matching(`[a-z]+/[a-z0-9.+-]+`)), "segmentProfiles": optional(anyText),
	"codecs": optional(codecsList), "containerProfiles": optional(anyText), "maximumSAPPeriod": optional(double),
	"startWithSAP": optional(sapType), "maxPlayoutRate": optional(double), "codingDependency": optional(boolean),
	"scanType": optional(oneOf("progressive", "interlaced", "unknown")), "selectionPriority": optional(unsignedInt),
	"tag": optional(noSpace),
}

func with(base, more map[string]attribute) map[string]attribute {
	all := map[string]attribute{}
	for k, v := range base {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// schema holds the elements by name; none means different things in different
// places.
var schema = map[string]*kind{
	"MPD": {
		children: []child{
			{"ProgramInformation", 0, many}, {"BaseURL", 0, many}, {"Location", 0, many}, {"PatchLocation", 0, many},
			{"ServiceDescription", 0, many}, {"ContentSteering", 0, 1}, {"Period", 1, many}, {"EssentialProperty", 0, many},
			{"SupplementalProperty", 0, many}, {"UTCTiming", 0, many},
		},
		attrs: map[string]attribute{
			"id": optional(anyText), "profiles": required(profileList), "type": optional(oneOf("static", "dynamic")),
			"availabilityStartTime": optional(dateText), "availabilityEndTime": optional(dateText),
			"publishTime": optional(dateText), "mediaPresentationDuration": optional(durationText),
			"minimumUpdatePeriod": optional(durationText), "minBufferTime": required(durationText),
			"timeShiftBufferDepth": optional(durationText), "suggestedPresentationDelay": optional(durationText),
			"maxSegmentDuration": optional(durationText), "maxSubsegmentDuration": optional(durationText),
		},
	},
	"ProgramInformation": {
		children: []child{{"Title", 0, 1}, {"Source", 0, 1}, {"Copyright", 0, 1}},
		attrs:    map[string]attribute{"lang": optional(language), "moreInformationURL": optional(anyURI)},
	},
	"Title": {text: anyText}, "Source": {text: anyText}, "Copyright": {text: anyText},
	"BaseURL": {text: anyURI, attrs: map[string]attribute{
		"serviceLocation": optional(anyText), "availabilityTimeOffset": optional(double),
		"availabilityTimeComplete": optional(boolean),
	}},
	"Location":      {text: anyURI},
	"PatchLocation": {text: anyURI, attrs: map[string]attribute{"ttl": optional(double)}},
	"ContentSteering": {text: anyURI, attrs: map[string]attribute{ // ETSI TS 103 998
		"defaultServiceLocation": optional(anyText), "queryBeforeStart": optional(boolean),
		"clientRequirement": optional(boolean), "proxyServerURL": optional(anyURI),
	}},
	"ServiceDescription": {
		children: []child{{"Scope", 0, many}, {"Latency", 0, many}, {"PlaybackRate", 0, many}},
		attrs:    map[string]attribute{"id": optional(unsignedInt)},
	},
	"Scope": descriptor,
	"Latency": {attrs: map[string]attribute{
		"referenceId": optional(unsignedInt), "target": optional(unsignedInt),
		"max": optional(unsignedInt), "min": optional(unsignedInt),
	}},
	"PlaybackRate": {attrs: map[string]attribute{"max": optional(double), "min": optional(double)}},
	"Period": {
		children: []child{
			{"BaseURL", 0, many}, {"AssetIdentifier", 0, 1}, {"EventStream", 0, many}, {"ServiceDescription", 0, many},
			{"AdaptationSet", 0, many}, {"SupplementalProperty", 0, many},
		},
		attrs: map[string]attribute{
			"id": optional(noSpace), "start": optional(durationText), "duration": optional(durationText),
			"bitstreamSwitching": optional(boolean),
		},
	},
	"AssetIdentifier": descriptor,
	"EventStream": {
		children: []child{{"Event", 0, many}},
		attrs: map[string]attribute{
			"schemeIdUri": required(anyURI), "value": optional(anyText), "timescale": optional(unsignedInt),
			"presentationTimeOffset": optional(unsignedLong),
		},
	},
	"Event": {text: anyText, attrs: map[string]attribute{
		"presentationTime": optional(unsignedLong), "duration": optional(unsignedLong), "id": optional(unsignedInt),
		"contentEncoding": optional(oneOf("base64")), "messageData": optional(anyText), "status": optional(anyText),
	}},
	"AdaptationSet": {
		children: append(append([]child(nil), commonChildren...),
			child{"Accessibility", 0, many}, child{"Role", 0, many}, child{"Rating", 0, many}, child{"Viewpoint", 0, many},
			child{"BaseURL", 0, many}, child{"SegmentTemplate", 0, 1}, child{"Representation", 0, many}),
		attrs: with(commonAttributes, map[string]attribute{
			"id": optional(unsignedInt), "group": optional(unsignedInt), "lang": optional(language),
			"contentType": optional(oneOf("text", "image", "audio", "video", "application", "font")),
			"par":         optional(ratio), "minBandwidth": optional(unsignedInt), "maxBandwidth": optional(unsignedInt),
			"minWidth": optional(unsignedInt), "maxWidth": optional(unsignedInt), "minHeight": optional(unsignedInt),
			"maxHeight": optional(unsignedInt), "minFrameRate": optional(frameRates), "maxFrameRate": optional(frameRates),
			"segmentAlignment": optional(boolean), "subsegmentAlignment": optional(boolean),
			"subsegmentStartsWithSAP": optional(sapType), "bitstreamSwitching": optional(boolean),
		}),
	},
	"FramePacking": descriptor, "AudioChannelConfiguration": descriptor, "EssentialProperty": descriptor,
	"SupplementalProperty": descriptor, "Accessibility": descriptor, "Role": descriptor, "Rating": descriptor,
	"Viewpoint": descriptor, "UTCTiming": descriptor,
	"InbandEventStream": {attrs: map[string]attribute{
		"schemeIdUri": required(anyURI), "value": optional(anyText), "timescale": optional(unsignedInt),
	}},
	"Label": {text: anyText, attrs: map[string]attribute{"id": optional(unsignedInt), "lang": optional(language)}},
	"ProducerReferenceTime": {
		children: []child{{"UTCTiming", 0, 1}},
		attrs: map[string]attribute{
			"id": required(unsignedInt), "inband": optional(boolean), "type": optional(oneOf("encoder", "captured", "application")),
			"applicationScheme": optional(anyText), "wallClockTime": required(anyText), "presentationTime": required(unsignedLong),
		},
	},
	"Resync": {attrs: map[string]attribute{
		"type": optional(sapType), "dT": optional(unsignedInt), "dImax": optional(double), "dImin": optional(double),
		"marker": optional(boolean),
	}},
	"Representation": {
		children: append(append([]child(nil), commonChildren...), child{"BaseURL", 0, many}, child{"SegmentTemplate", 0, 1}),
		attrs: with(commonAttributes, map[string]attribute{
			"id": required(noSpace), "bandwidth": required(unsignedInt), "qualityRanking": optional(unsignedInt),
			"dependencyId": optional(anyText),
		}),
	},
	"SegmentTemplate": {
		children: []child{{"Initialization", 0, 1}, {"FailoverContent", 0, 1}, {"SegmentTimeline", 0, 1}, {"BitstreamSwitching", 0, 1}},
		attrs: map[string]attribute{
			"timescale": optional(unsignedInt), "presentationTimeOffset": optional(unsignedLong),
			"availabilityTimeOffset": optional(double), "availabilityTimeComplete": optional(boolean),
			"duration": optional(unsignedInt), "startNumber": optional(unsignedInt), "endNumber": optional(unsignedInt),
			"media": optional(anyURI), "index": optional(anyURI), "initialization": optional(anyURI),
			"bitstreamSwitching": optional(anyURI), "eptDelta": optional(integer), "pdDelta": optional(integer),
		},
	},
	"Initialization":     {attrs: map[string]attribute{"sourceURL": optional(anyURI), "range": optional(anyText)}},
	"BitstreamSwitching": {attrs: map[string]attribute{"sourceURL": optional(anyURI), "range": optional(anyText)}},
	"FailoverContent": {
		children: []child{{"FCS", 1, many}},
		attrs:    map[string]attribute{"valid": optional(boolean)},
	},
	"FCS":             {attrs: map[string]attribute{"t": required(unsignedLong), "d": optional(unsignedLong)}},
	"SegmentTimeline": {children: []child{{"S", 0, many}}},
	"S": {attrs: map[string]attribute{
		"t": optional(unsignedLong), "n": optional(unsignedLong), "d": required(unsignedLong),
		"r": optional(integer), "k": optional(unsignedLong),
	}},
}

// checkSchema checks n, which stands where its name may stand, and all below it.
func checkSchema(n *node, f *findings) {
	k := schema[n.name.Local]
	for _, a := range n.attrs {
		want, ok := k.attrs[a.Name.Local]
		switch {
		case a.Name.Space != "":
			// Attributes of other namespaces may stand anywhere.
		case !ok:
			f.add(schemaAttribute, n.line, "%s has no attribute %s", n.name.Local, a.Name.Local)
		default:
			if err := want.valid(a.Value); err != nil {
				f.add(schemaType, n.line, "%s@%s is %.60q: %v", n.name.Local, a.Name.Local, a.Value, err)
			}
		}
	}
	for name, want := range k.attrs {
		if _, ok := n.attr(name); want.required && !ok {
			f.add(schemaRequired, n.line, "%s without @%s", n.name.Local, name)
		}
	}
	text := strings.TrimSpace(n.text)
	switch {
	case k.text == nil:
		f.check(text == "", schemaType, n.line, "text in %s: %.60q", n.name.Local, text)
	default:
		if err := k.text(text); err != nil {
			f.add(schemaType, n.line, "%s is %.60q: %v", n.name.Local, text, err)
		}
	}
	checkChildren(n, k, f)
}

func checkChildren(n *node, k *kind, f *findings) {
	at := 0
	count := map[string]int{}
	for _, c := range n.children {
		if c.name.Space != namespace {
			continue // xs:any, of other namespaces
		}
		place := -1
		for i, want := range k.children {
			if want.name == c.name.Local {
				place = i
			}
		}
		if place < 0 {
			f.add(schemaElement, c.line, "%s in %s", c.name.Local, n.name.Local)
			continue
		}
		f.check(place >= at, schemaOrder, c.line, "%s after %s in %s", c.name.Local, k.children[at].name, n.name.Local)
		at = max(at, place)
		count[c.name.Local]++
		checkSchema(c, f)
	}
	for _, want := range k.children {
		if got := count[want.name]; got < want.min {
			f.add(schemaRequired, n.line, "%s without %s", n.name.Local, want.name)
		} else if got > want.max {
			f.add(schemaOrder, n.line, "%d times %s in %s", got, want.name, n.name.Local)
		}
	}
}
