package hlscheck

import rules "sluice/packager/rule"

// Rule is one thing that playlists have to keep to; where nothing else is said, its
// Section is one of RFC 8216bis.
type Rule = rules.Rule

// Violation is a place at which a rule is broken.
type Violation = rules.Violation

// The levels.
const (
	Must   = rules.Must
	Should = rules.Should
)

// Rules returns all rules, in the order of this package's tables.
func Rules() []*Rule { return book.Rules() }

var book rules.Book

var rule = book.Add

// The text and its grammar.
var (
	docType     = rule("doc.content-type", "§4, Apple 10.4", Must, "the Content-Type is that of a playlist")
	docSize     = rule("doc.size", "project", Must, "a playlist has a sane size")
	docEncoding = rule("doc.encoding", "§4.1", Must, "UTF-8 without byte order mark, control characters or stray whitespace")
	docHeader   = rule("doc.header", "§4.4.1.1", Must, "the first line is #EXTM3U")
	docKind     = rule("doc.kind", "§4.1", Must, "either a multivariant or a media playlist")
	tagUnknown  = rule("tag.unknown", "§4.4", Should, "every #EXT line is a tag that the specification knows")
	tagOnce     = rule("tag.once", "§4.4.1 to §4.4.5", Must, "tags about the whole playlist, and EXT-X-SKIP, stand once")
	tagValue    = rule("tag.value", "§4.4", Must, "a tag's value has the form that the tag demands")
	tagDangling = rule("tag.dangling", "§4.4.4", Must, "a segment's tags are followed by its URI")
	tagMissing  = rule("tag.missing", "§4.4.3.1, §4.4.4.1", Must, "EXT-X-TARGETDURATION and EXTINF are there")
	attrGrammar = rule("attr.grammar", "§4.2", Must, "attribute lists are well formed")
	attrTwice   = rule("attr.twice", "§4.2", Must, "an attribute stands once in its list")
	attrType    = rule("attr.type", "§4.2", Must, "an attribute's value has its type")
	attrMissing = rule("attr.missing", "§4.4", Must, "required attributes are there")
	attrUnknown = rule("attr.unknown", "§6.3.1", Should, "every attribute is one that its tag knows")
	uriGrammar  = rule("uri.grammar", "§4.1", Must, "URIs parse")
	versionLow  = rule("version.low", "§8", Must, "EXT-X-VERSION is high enough for what the playlist uses")
	versionHigh = rule("version.high", "§6.2.1", Should, "EXT-X-VERSION is no higher than what the playlist uses")
)

// One media playlist.
var (
	targetDuration = rule("target.duration", "§4.4.3.1", Must, "EXTINF, rounded, is at most the target duration")
	orderSequence  = rule("order.sequence", "§4.4.3.2, §4.4.3.3", Must, "sequence numbers stand before the first segment and discontinuity")
	orderPart      = rule("order.part", "§4.4.4.9", Must, "a segment's tags stand before its first EXT-X-PART")
	controlSkip    = rule("control.skip", "§4.4.3.8", Must, "CAN-SKIP-UNTIL is at least six target durations")
	controlHold    = rule("control.hold-back", "§4.4.3.8", Must, "HOLD-BACK is at least three target durations")
	controlPart    = rule("control.part-hold-back", "§4.4.3.8, Apple 14.3", Must, "PART-HOLD-BACK is at least three part targets")
	controlBlock   = rule("control.block", "§6.2.5.2", Should, "a playlist with parts can be reloaded blocking")
	partInf        = rule("part.inf", "§4.4.3.7", Must, "EXT-X-PART needs EXT-X-PART-INF")
	partMax        = rule("part.max", "§4.4.4.9", Must, "a part is at most PART-TARGET long")
	partMin        = rule("part.min", "§4.4.4.9", Must, "a part that isn't the last is at least 85% of PART-TARGET")
	partSum        = rule("part.sum", "§3.2", Must, "the parts of a segment last as long as the segment")
	partOld        = rule("part.old", "§6.2.2", Should, "no part further than three target durations from the end")
	partStart      = rule("part.start", "§4.4.4.9, B.1", Should, "where segments are independent, so is the first part of each")
	partSync       = rule("part.sync", "§4.4.4.9", Must, "INDEPENDENT=YES says whether a part has a sync sample")
	mapMissing     = rule("map.missing", "Apple 8.20", Must, "fragmented MP4 needs EXT-X-MAP")
	dateMissing    = rule("date.missing", "Apple 8.4, B.1", Must, "a live playlist has dates")
	dateBreak      = rule("date.discontinuity", "§6.2.1", Should, "a segment after a discontinuity has a date")
	dateJump       = rule("date.jump", "§6.2.1", Must, "dates go on by the segments' durations")
	dateOverlap    = rule("date.overlap", "§6.2.1", Must, "dates step back by less than a second at a discontinuity")
	dateFuture     = rule("date.future", "project", Must, "no media is dated after it was fetched")
	rangeSame      = rule("daterange.same", "§4.4.5.1", Must, "an attribute says the same in all EXT-X-DATERANGE tags of an ID")
	rangeStart     = rule("daterange.start", "§4.4.5.1", Must, "a date range has a START-DATE")
	rangeEnd       = rule("daterange.end", "§4.4.5.1", Must, "END-DATE is START-DATE and DURATION, and not before START-DATE")
	rangeNext      = rule("daterange.end-on-next", "§4.4.5.1", Must, "END-ON-NEXT goes with CLASS, and with neither DURATION nor END-DATE")
	rangeIn        = rule("daterange.in", "§4.4.5.1.1", Must, "a break that is over says how long it was")
	rangeSection   = rule("daterange.section", "§4.4.5.1.1, SCTE 35 §9.6", Must, "SCTE35 attributes are splice_info_sections")
	hintEnded      = rule("hint.ended", "§4.4.5.3", Must, "an ended playlist has no preload hint")
	hintTwice      = rule("hint.twice", "§6.2.6", Should, "one preload hint of each type")
	hintListed     = rule("hint.listed", "§4.4.5.3", Must, "what is hinted isn't listed yet")
	endOpen        = rule("end.open", "§6.2.1", Must, "an ended playlist has no part without a segment")
	skipEnded      = rule("skip.ended", "§6.2.5.1", Must, "an ended playlist is not a delta update")
	skipNone       = rule("skip.none", "§4.4.5.2", Must, "EXT-X-SKIP skips something")
	skipBoundary   = rule("skip.boundary", "§6.2.5.1", Must, "only what is older than CAN-SKIP-UNTIL is skipped")
	reportRelative = rule("report.relative", "§4.4.5.4", Must, "a rendition report's URI is relative")
	reportValue    = rule("report.value", "§4.4.5.4", Must, "LAST-PART is there where LAST-MSN is and there are parts")
)

// A media playlist that is loaded again.
var (
	reloadTarget    = rule("reload.target", "§6.2.1", Must, "EXT-X-TARGETDURATION never changes")
	reloadPart      = rule("reload.part-target", "§6.2.1", Must, "PART-TARGET never changes")
	reloadControl   = rule("reload.control", "§6.2.1", Must, "EXT-X-SERVER-CONTROL never changes")
	reloadVersion   = rule("reload.version", "§6.2.1", Must, "EXT-X-VERSION never changes")
	reloadMSN       = rule("reload.sequence", "§6.2.2", Must, "the media sequence number never falls")
	reloadBreak     = rule("reload.discontinuity", "§6.2.2", Must, "a segment keeps its discontinuity sequence number")
	reloadURI       = rule("reload.uri", "§6.2.1", Must, "a segment keeps its URI, and its bytes")
	reloadLength    = rule("reload.duration", "§6.2.1", Must, "a segment keeps its duration")
	reloadDate      = rule("reload.date", "§6.2.1", Must, "a segment keeps its date")
	reloadMap       = rule("reload.map", "§6.2.1", Must, "a segment keeps its EXT-X-MAP")
	reloadGap       = rule("reload.gap", "§6.2.1", Must, "a gap stays a gap, and media stays media")
	reloadParts     = rule("reload.parts", "§6.2.1", Must, "parts are only added at the end, and removed together")
	reloadRange     = rule("reload.daterange", "§4.4.5.1", Must, "a date range keeps what its attributes said")
	reloadRangeGone = rule("reload.daterange-gone", "§6.2.5.1, project", Must, "a date range stays, in delta updates too, until its end is before the first segment")
	reloadLost      = rule("reload.lost", "§6.2.1", Must, "the end of a playlist never moves back")
	reloadEarly     = rule("reload.early", "§6.2.2", Must, "removing segments leaves three target durations")
	reloadFew       = rule("reload.few", "Apple 8.11", Must, "removing segments leaves six")
	reloadEnded     = rule("reload.ended", "§4.4.3.4", Must, "nothing is added after EXT-X-ENDLIST")
	reloadRestart   = rule("reload.restart", "§6.2.2", Must, "a broadcast that follows another goes on with its numbers")
	hintMissing     = rule("hint.missing", "B.1", Must, "a playlist with parts hints at the next one")
	hintWrong       = rule("hint.wrong", "§4.4.5.3", Must, "what is hinted is what comes next")
	skipUnknown     = rule("skip.unknown", "§6.2.5.1", Must, "a delta update skips only what a reader has")
	skipExpand      = rule("skip.expand", "§6.2.5.1", Must, "a delta update expands to the whole playlist")
)

// Playlists of I-frames.
var (
	iframesCodecs = rule("iframes.codecs", "§4.4.6.3", Must, "I-frames are pictures, and nothing else is in their CODECS")
	iframesTag    = rule("iframes.tag", "§4.4.6.3", Must, "what EXT-X-I-FRAME-STREAM-INF names has EXT-X-I-FRAMES-ONLY, and what EXT-X-STREAM-INF names hasn't")
	iframesRange  = rule("iframes.range", "§4.4.3.6", Must, "an I-frame is a range of its segment's bytes")
	iframesEnd    = rule("iframes.end", "§4.4.3.6", Must, "the range ends with the I-frame")
	iframesParts  = rule("iframes.parts", "project", Must, "a playlist of I-frames has no parts, and promises none")
	iframesSame   = rule("iframes.same", "§6.2.4, project", Must, "an I-frame has the URI of the segment of its number")
)

// The multivariant playlist, and playlists beside each other.
var (
	variantURI       = rule("variant.uri", "§4.4.6.2", Must, "EXT-X-STREAM-INF is followed by a URI")
	variantCodecs    = rule("variant.codecs", "Apple 9.1", Must, "a variant has CODECS")
	variantSize      = rule("variant.resolution", "Apple 9.2", Must, "a variant with video has RESOLUTION")
	variantRate      = rule("variant.frame-rate", "Apple 9.15, §4.4.6.2", Must, "a variant with video has FRAME-RATE, with three decimals")
	variantAverage   = rule("variant.average", "Apple 9.14", Must, "a variant has AVERAGE-BANDWIDTH, at most BANDWIDTH")
	variantGroup     = rule("variant.group", "§4.4.6.2", Must, "a variant's groups exist")
	variantCaptions  = rule("variant.captions", "§4.4.6.2", Must, "CLOSED-CAPTIONS=NONE stands in all variants or in none")
	variantScore     = rule("variant.score", "§4.4.6.2", Must, "all variants have a SCORE, over 0, or none has")
	variantStable    = rule("variant.stable", "§4.4.6.2", Must, "a STABLE-VARIANT-ID is that of one URI, and all have one or none")
	renditionStable  = rule("rendition.stable", "§4.4.6.1", Must, "a STABLE-RENDITION-ID is that of one URI, and all have one or none")
	sessionData      = rule("session.data", "§4.4.6.4", Must, "an EXT-X-SESSION-DATA has VALUE or URI, and a DATA-ID of its own in its language")
	steeringPathway  = rule("steering.pathway", "§4.4.6.6", Must, "EXT-X-CONTENT-STEERING names a pathway that variants have")
	startOffset      = rule("start.offset", "§4.4.2.2, project", Must, "EXT-X-START counts from the end, whose time all viewers have in common")
	startEdge        = rule("start.edge", "§4.4.2.2", Should, "a live stream isn't begun within three target durations of its end")
	renditionName    = rule("rendition.name", "§4.4.6.1.1", Must, "names in a group are distinct")
	renditionDefault = rule("rendition.default", "§4.4.6.1, §4.4.6.1.1", Must, "one DEFAULT a group, and it is AUTOSELECT")
	renditionLang    = rule("rendition.language", "Apple 8.10", Must, "renditions have a LANGUAGE")
	renditionChans   = rule("rendition.channels", "§4.4.6.1", Should, "audio renditions have CHANNELS")
	renditionCC      = rule("rendition.captions", "§4.4.6.1", Must, "captions have an INSTREAM-ID, of a channel or service, and no URI")
	independent      = rule("independent", "Apple 9.11, 9.12, §4.4.2.1", Should, "EXT-X-INDEPENDENT-SEGMENTS stands in the multivariant playlist, and only there")
	bandwidthPeak    = rule("bandwidth.peak", "§4.1, §4.4.6.2, Apple 9.13", Must, "BANDWIDTH is at least the measured peak")
	reportMissing    = rule("report.missing", "B.1", Must, "there is a rendition report for each other rendition")
	reportStale      = rule("report.stale", "§4.4.5.4", Must, "a rendition report is up to date")
	reportAhead      = rule("report.ahead", "§4.4.5.4", Must, "a rendition report promises nothing")
	alignTarget      = rule("align.target", "§6.2.4, Apple 8.2", Must, "all playlists have one target duration")
	alignPart        = rule("align.part-target", "§6.2.4, project", Must, "all playlists have one PART-TARGET")
	alignStart       = rule("align.start", "§6.2.4, project", Must, "segments of one number start at the same media time")
	alignLength      = rule("align.duration", "§6.2.4, project", Must, "segments of one number last as long in every rendition")
	alignControl     = rule("align.control", "§6.2.4", Must, "all playlists have one EXT-X-SERVER-CONTROL")
	alignBreak       = rule("align.discontinuity", "§6.2.4, Apple 8.15", Must, "discontinuities lie at the same places")
	alignRange       = rule("align.daterange", "§6.2.4, project", Must, "date ranges say the same in all renditions")
	alignDate        = rule("align.date", "§6.2.4, Apple 8.22", Must, "segments of one number begin at the same time")
)
