package hlscheck

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is where a tag may stand (§4.4).
type place uint8

const (
	anywhere place = iota
	mediaPlaylist
	mediaSegment
	mediaMetadata
	multivariantPlaylist
)

// form is that of a tag's value.
type form uint8

const (
	formNone form = iota
	formInteger
	formAttributes
	formDuration // EXTINF
	formDate
	formRange
	formType // EXT-X-PLAYLIST-TYPE
)

type tagSpec struct {
	place place
	form  form
	once  bool
	attrs []attrSpec
}

// kind is the type of an attribute's value (§4.2).
type kind uint8

const (
	integer kind = iota
	decimal
	signed
	quoted
	uri
	enum
	hex
	resolution
	quotedOrNone // CLOSED-CAPTIONS
	date
)

type attrSpec struct {
	name     string
	kind     kind
	required bool
	values   []string // of an enum
}

func optional(k kind, names ...string) []attrSpec {
	specs := make([]attrSpec, len(names))
	for i, n := range names {
		specs[i] = attrSpec{name: n, kind: k}
	}
	return specs
}

func required(k kind, names ...string) []attrSpec {
	specs := optional(k, names...)
	for i := range specs {
		specs[i].required = true
	}
	return specs
}

func choice(name string, must bool, values ...string) []attrSpec {
	return []attrSpec{{name: name, kind: enum, required: must, values: values}}
}

var keyAttrs = slices.Concat(
	choice("METHOD", true, "NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR", "AES-256-GCM"),
	optional(uri, "URI"), optional(hex, "IV"), optional(quoted, "KEYFORMAT", "KEYFORMATVERSIONS"))

// iframeAttrs are those that EXT-X-I-FRAME-STREAM-INF shares with EXT-X-STREAM-INF (§4.4.6.3).
var iframeAttrs = slices.Concat(
	required(integer, "BANDWIDTH"), optional(integer, "AVERAGE-BANDWIDTH"), optional(decimal, "SCORE"),
	optional(quoted, "CODECS", "SUPPLEMENTAL-CODECS", "ALLOWED-CPC", "REQ-VIDEO-LAYOUT", "STABLE-VARIANT-ID",
		"VIDEO", "PATHWAY-ID"),
	optional(resolution, "RESOLUTION"),
	choice("HDCP-LEVEL", false, "TYPE-0", "TYPE-1", "NONE"), choice("VIDEO-RANGE", false, "SDR", "HLG", "PQ"))

var streamAttrs = slices.Concat(iframeAttrs,
	optional(decimal, "FRAME-RATE"), optional(quoted, "AUDIO", "SUBTITLES"), optional(quotedOrNone, "CLOSED-CAPTIONS"))

// tagSpecs are all tags of RFC 8216bis §4.4.
var tagSpecs = map[string]*tagSpec{
	"EXTM3U":                     {form: formNone, once: true},
	"EXT-X-VERSION":              {form: formInteger, once: true},
	"EXT-X-INDEPENDENT-SEGMENTS": {form: formNone, once: true},
	"EXT-X-START": {form: formAttributes, once: true, attrs: slices.Concat(
		required(signed, "TIME-OFFSET"), choice("PRECISE", false, "YES", "NO"))},
	"EXT-X-DEFINE": {form: formAttributes, attrs: optional(quoted, "NAME", "VALUE", "IMPORT", "QUERYPARAM")},

	"EXT-X-TARGETDURATION":         {place: mediaPlaylist, form: formInteger, once: true},
	"EXT-X-MEDIA-SEQUENCE":         {place: mediaPlaylist, form: formInteger, once: true},
	"EXT-X-DISCONTINUITY-SEQUENCE": {place: mediaPlaylist, form: formInteger, once: true},
	"EXT-X-ENDLIST":                {place: mediaPlaylist, form: formNone, once: true},
	"EXT-X-PLAYLIST-TYPE":          {place: mediaPlaylist, form: formType, once: true},
	"EXT-X-I-FRAMES-ONLY":          {place: mediaPlaylist, form: formNone, once: true},
	"EXT-X-PART-INF": {place: mediaPlaylist, form: formAttributes, once: true,
		attrs: required(decimal, "PART-TARGET")},
	"EXT-X-SERVER-CONTROL": {place: mediaPlaylist, form: formAttributes, once: true, attrs: slices.Concat(
		optional(decimal, "CAN-SKIP-UNTIL", "HOLD-BACK", "PART-HOLD-BACK"),
		choice("CAN-SKIP-DATERANGES", false, "YES"), choice("CAN-BLOCK-RELOAD", false, "YES"))},

	"EXTINF":                  {place: mediaSegment, form: formDuration},
	"EXT-X-BYTERANGE":         {place: mediaSegment, form: formRange},
	"EXT-X-DISCONTINUITY":     {place: mediaSegment, form: formNone},
	"EXT-X-KEY":               {place: mediaSegment, form: formAttributes, attrs: keyAttrs},
	"EXT-X-MAP":               {place: mediaSegment, form: formAttributes, attrs: slices.Concat(required(uri, "URI"), optional(quoted, "BYTERANGE"))},
	"EXT-X-PROGRAM-DATE-TIME": {place: mediaSegment, form: formDate},
	"EXT-X-GAP":               {place: mediaSegment, form: formNone},
	"EXT-X-BITRATE":           {place: mediaSegment, form: formInteger},
	"EXT-X-PART": {place: mediaSegment, form: formAttributes, attrs: slices.Concat(
		required(uri, "URI"), required(decimal, "DURATION"), optional(quoted, "BYTERANGE"),
		choice("INDEPENDENT", false, "YES"), choice("GAP", false, "YES"))},

	"EXT-X-DATERANGE": {place: mediaMetadata, form: formAttributes, attrs: slices.Concat(
		required(quoted, "ID"), optional(quoted, "CLASS", "CUE"), optional(date, "START-DATE", "END-DATE"),
		optional(decimal, "DURATION", "PLANNED-DURATION"), optional(hex, "SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"),
		choice("END-ON-NEXT", false, "YES"))},
	"EXT-X-SKIP": {place: mediaMetadata, form: formAttributes, once: true, attrs: slices.Concat(
		required(integer, "SKIPPED-SEGMENTS"), optional(quoted, "RECENTLY-REMOVED-DATERANGES"))},
	"EXT-X-PRELOAD-HINT": {place: mediaMetadata, form: formAttributes, attrs: slices.Concat(
		choice("TYPE", true, "PART", "MAP"), required(uri, "URI"), optional(integer, "BYTERANGE-START", "BYTERANGE-LENGTH"))},
	"EXT-X-RENDITION-REPORT": {place: mediaMetadata, form: formAttributes, attrs: slices.Concat(
		required(uri, "URI"), optional(integer, "LAST-MSN", "LAST-PART"))},

	"EXT-X-MEDIA": {place: multivariantPlaylist, form: formAttributes, attrs: slices.Concat(
		choice("TYPE", true, "AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"), required(quoted, "GROUP-ID", "NAME"),
		optional(uri, "URI"), optional(integer, "BIT-DEPTH", "SAMPLE-RATE"),
		optional(quoted, "LANGUAGE", "ASSOC-LANGUAGE", "STABLE-RENDITION-ID", "INSTREAM-ID", "CHARACTERISTICS", "CHANNELS"),
		choice("DEFAULT", false, "YES", "NO"), choice("AUTOSELECT", false, "YES", "NO"), choice("FORCED", false, "YES", "NO"))},
	"EXT-X-STREAM-INF":         {place: multivariantPlaylist, form: formAttributes, attrs: streamAttrs},
	"EXT-X-I-FRAME-STREAM-INF": {place: multivariantPlaylist, form: formAttributes, attrs: slices.Concat(iframeAttrs, required(uri, "URI"))},
	"EXT-X-SESSION-DATA": {place: multivariantPlaylist, form: formAttributes, attrs: slices.Concat(
		required(quoted, "DATA-ID"), optional(quoted, "VALUE", "LANGUAGE"), optional(uri, "URI"),
		choice("FORMAT", false, "JSON", "RAW"))},
	"EXT-X-SESSION-KEY": {place: multivariantPlaylist, form: formAttributes, attrs: keyAttrs},
	"EXT-X-CONTENT-STEERING": {place: multivariantPlaylist, form: formAttributes, once: true, attrs: slices.Concat(
		required(uri, "SERVER-URI"), optional(quoted, "PATHWAY-ID"))},
}

// check reports whether a value without attributes has its form.
func (f form) check(s string) error {
	var err error
	switch f {
	case formInteger:
		if !isDigits(s) || len(s) > 20 {
			return fmt.Errorf("not a decimal integer: %.40q", s)
		}
		_, err = strconv.ParseUint(s, 10, 64)
	case formDuration:
		seconds, _, ok := strings.Cut(s, ",")
		if !ok {
			return fmt.Errorf("no comma after the duration: %.40q", s)
		}
		_, err = parseSeconds(seconds)
	case formDate:
		_, err = parseDate(s)
	case formRange:
		n, o, at := strings.Cut(s, "@")
		if !isDigits(n) || at && !isDigits(o) {
			return fmt.Errorf("not a byte range: %.40q", s)
		}
	case formType:
		if s != "EVENT" && s != "VOD" {
			return fmt.Errorf("neither EVENT nor VOD: %.40q", s)
		}
	}
	return err
}

// parseDate reads a date with its zone and at least milliseconds (§4.4.4.6).
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not a date with milliseconds and zone: %.40q", s)
}

func checkAttributes(l line, f *findings) {
	known := 0
	for _, spec := range l.spec.attrs {
		a, ok := l.attrs[spec.name]
		if !ok {
			if spec.required {
				f.add(attrMissing, l.number, "#%s without %s", l.name, spec.name)
			}
			continue
		}
		known++
		if !spec.accepts(a) {
			f.add(attrType, l.number, "#%s: %s=%.60q", l.name, spec.name, a.value)
		}
		if spec.kind == uri {
			checkURI(a.value, l.number, f)
		}
	}
	if known == len(l.attrs) {
		return
	}
	for name := range l.attrs {
		if strings.HasPrefix(name, "X-") && l.name == "EXT-X-DATERANGE" {
			continue
		}
		if !slices.ContainsFunc(l.spec.attrs, func(s attrSpec) bool { return s.name == name }) {
			f.add(attrUnknown, l.number, "#%s: %.40s", l.name, name)
		}
	}
}

func (s attrSpec) accepts(a attribute) bool {
	switch s.kind {
	case quoted, uri:
		return a.quoted && (a.value != "" || s.name == "VALUE" || s.name == "RECENTLY-REMOVED-DATERANGES")
	case date:
		_, err := parseDate(a.value)
		return a.quoted && err == nil
	case quotedOrNone:
		return a.quoted && a.value != "" || !a.quoted && a.value == "NONE"
	case integer:
		_, err := strconv.ParseUint(a.value, 10, 64)
		return !a.quoted && isDigits(a.value) && err == nil
	case decimal:
		_, err := parseSeconds(a.value)
		return !a.quoted && err == nil
	case signed:
		_, err := parseSeconds(strings.TrimPrefix(a.value, "-"))
		return !a.quoted && err == nil
	case enum:
		return !a.quoted && slices.Contains(s.values, a.value)
	case hex:
		return !a.quoted && (strings.HasPrefix(a.value, "0x") || strings.HasPrefix(a.value, "0X")) &&
			strings.Trim(a.value[2:], "0123456789ABCDEF") == ""
	case resolution:
		w, h, ok := strings.Cut(a.value, "x")
		return !a.quoted && ok && isDigits(w) && isDigits(h)
	}
	return false
}

func checkURI(s string, number int, f *findings) {
	if _, err := url.Parse(s); err != nil || strings.ContainsAny(s, " \t<>\\^`{|}") {
		f.add(uriGrammar, number, "%.80q", s)
	}
}
