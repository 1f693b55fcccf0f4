package dashcheck

import rules "sluice/packager/rule"

// Rule is one thing that MPDs have to keep to; where nothing else is said, its
// Section is one of ISO/IEC 23009-1.
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

// The text and its schema.
var (
	docType         = rule("doc.content-type", "Annex C", Must, "the Content-Type is application/dash+xml")
	docSize         = rule("doc.size", "project", Must, "an MPD has a sane size")
	docXML          = rule("doc.xml", "§5.2.1", Must, "well-formed XML in UTF-8, without a DTD")
	docRoot         = rule("doc.root", "§5.2.2, Annex B", Must, "the root is MPD in urn:mpeg:dash:schema:mpd:2011")
	schemaElement   = rule("schema.element", "Annex B", Must, "every element is one that its parent has")
	schemaOrder     = rule("schema.order", "Annex B", Must, "elements stand in the schema's order, and as often as it allows")
	schemaAttribute = rule("schema.attribute", "Annex B", Must, "every attribute is one that its element has")
	schemaRequired  = rule("schema.required", "Annex B", Must, "required attributes and elements are there")
	schemaType      = rule("schema.type", "Annex B", Must, "values have the form of their type")
)

// One MPD: the presentation.
var (
	mpdProfile     = rule("mpd.profile", "§8.1, §8.4", Must, "the isoff-live profile is claimed")
	mpdDynamic     = rule("mpd.dynamic", "§5.3.1.2", Must, "a dynamic MPD has availabilityStartTime and publishTime")
	mpdUpdates     = rule("mpd.updates", "§5.3.1.2, IOP §4.4.3", Must, "a dynamic MPD has minimumUpdatePeriod, over 0, and timeShiftBufferDepth")
	mpdStatic      = rule("mpd.static", "§5.3.1.2", Must, "a static MPD has nothing that only dynamic ones have")
	mpdDuration    = rule("mpd.duration", "§5.3.1.2", Must, "a static MPD says how long it is, and it is that of its Periods")
	mpdDelay       = rule("mpd.delay", "§5.3.1.2, IOP §4.3.3", Must, "suggestedPresentationDelay is less than timeShiftBufferDepth")
	mpdLongest     = rule("mpd.longest", "§5.3.1.2", Must, "no segment is longer than maxSegmentDuration")
	mpdFuture      = rule("mpd.future", "§5.3.9.5.3", Must, "what is listed is available: no segment ends after the MPD was fetched, but for availabilityTimeOffset")
	locationForm   = rule("location.form", "§5.3.1.2, project", Must, "a dynamic MPD has one Location: its own URL, with ?after=N")
	locationNumber = rule("location.number", "project", Must, "N is at least the newest segment that every Representation of the last Period lists, and listed")
	steeringForm   = rule("steering.form", "ETSI TS 103 998 §5, project", Must, "an MPD with ContentSteering has one BaseURL: its own folder, the default service location")
	patchForm      = rule("patch.form", "§5.15.2, project", Must, "PatchLocation is in a dynamic MPD with an id: its patch beside it, with its publishTime and Location's N, and a ttl")
	timingForm     = rule("timing.form", "§5.8.4.11, IOP §4.7", Must, "a dynamic MPD has a UTCTiming of http-iso that resolves to an HTTP URL")
	timingClock    = rule("timing.clock", "§5.8.4.11", Must, "the clock tells the time in ISO 8601")
	serviceLatency = rule("service.latency", "Annex K", Must, "ServiceDescription bounds latency and rate sensibly")
	serviceTarget  = rule("service.target", "project", Must, "Latency has no target: Shaka adds it to the presentation delay")
)

// One MPD: Periods and sets.
var (
	periodID       = rule("period.id", "§5.3.2.2", Must, "every Period of a dynamic MPD has an id, and no two have the same")
	periodStart    = rule("period.start", "§5.3.2.2", Must, "Periods have rising starts")
	periodZero     = rule("period.zero", "§5.3.2.1", Must, "a presentation that is its own begins at 0")
	periodOverlap  = rule("period.overlap", "§5.3.2.1", Must, "a Period ends before the next begins")
	periodDuration = rule("period.duration", "project", Must, "every Period but a dynamic MPD's last has a duration")
	periodEmpty    = rule("period.empty", "§5.3.2.1", Must, "a Period has an AdaptationSet")
	periodNumbers  = rule("period.numbers", "project", Must, "numbers rise from Period to Period")
	periodSets     = rule("period.sets", "IOP §3.2.12", Should, "an AdaptationSet keeps its id and kind from Period to Period")
	eventStream    = rule("event.stream", "§5.10.2.2", Must, "a Period has one EventStream for each scheme and value")
	eventSplice    = rule("event.splice", "SCTE 214-1 §6.7", Must, "a splice's Event holds one Signal with one Binary, a splice_info_section")
	eventID        = rule("event.id", "§5.10.2.2, project", Must, "every Event has an id of its own in its stream")
	eventOrder     = rule("event.order", "§5.10.2.1", Must, "the Events of a stream stand in the order of their times")
	eventPeriod    = rule("event.period", "§5.10.2.1", Must, "an Event starts within its Period")
	setID          = rule("set.id", "§5.3.3.2", Must, "AdaptationSets have distinct ids")
	setKind        = rule("set.kind", "§5.3.3.2, §5.3.7.2", Must, "contentType, mimeType and codecs agree")
	setAlign       = rule("set.align", "§8.4.2, IOP §3.2.1", Must, "segments are aligned and start with SAP type 1 or 2")
	setBoundaries  = rule("set.boundaries", "§5.3.3.2", Must, "segments of all Representations have the same numbers and boundaries")
	setPicture     = rule("set.picture", "§5.3.3.2", Must, "par is the picture's shape")
	setReference   = rule("set.reference", "§5.12, IOP low latency §9.X.4", Must, "an AdaptationSet of a dynamic MPD has a ProducerReferenceTime that says what its Period's start says, by the clock of UTCTiming")
	setReferences  = rule("set.references", "project", Must, "ProducerReferenceTime has a prefix: Shaka doesn't reckon with presentationTimeOffset")
	setEmpty       = rule("set.empty", "§5.3.3.1", Must, "an AdaptationSet has a Representation")
	repID          = rule("rep.id", "§5.3.5.2", Must, "Representations of a Period have distinct ids")
	repBandwidth   = rule("rep.bandwidth", "§5.3.5.2", Must, "bandwidth is over 0")
	repVideo       = rule("rep.video", "IOP §3.2.4", Must, "video has codecs, width, height and sar")
	repRate        = rule("rep.frame-rate", "IOP §3.2.4", Should, "video has frameRate, between 1 and 300, in lowest terms")
	repAudio       = rule("rep.audio", "IOP §3.2.5", Must, "audio has codecs, audioSamplingRate and AudioChannelConfiguration")
	repCodecs      = rule("rep.codecs", "§5.3.7.2, RFC 6381", Must, "codecs names one codec in full")
)

// One MPD: segments.
var (
	templateForm     = rule("template.form", "§5.3.9.4.2, §5.3.9.4.4", Must, "a Representation has a SegmentTemplate of its own, with initialization and $Number$")
	templateURL      = rule("template.url", "§5.3.9.4.4", Must, "templates resolve to URLs")
	templateRelative = rule("template.relative", "project", Must, "URLs are relative to the MPD, and below it")
	templateOffset   = rule("template.offset", "§5.3.9.5.3, IOP low latency §9.X.4", Must, "dynamic: availabilityTimeComplete is false and availabilityTimeOffset less than a segment; static: neither")
	timelineFirst    = rule("timeline.first", "§5.3.9.6.2", Must, "a SegmentTimeline isn't empty, and its first S has @t")
	timelineZero     = rule("timeline.zero", "§5.3.9.6.2", Must, "no segment has a duration of 0")
	timelineRepeat   = rule("timeline.repeat", "§5.3.9.6.2, project", Must, "@r isn't negative: players guess at where such a run ends")
	timelineNumber   = rule("timeline.number", "project", Must, "S has no @n: players count")
	timelineHole     = rule("timeline.hole", "§5.3.9.6.1, IOP §4.3.2", Must, "a segment starts where the one before it ends")
	timelineOverlap  = rule("timeline.overlap", "§5.3.9.6.2", Must, "a segment doesn't start before the one before it ends")
	timelineRun      = rule("timeline.run", "§5.3.9.6.1", Should, "equal segments stand in one S")
	timelinePeriod   = rule("timeline.period", "§5.3.2.1", Must, "segments lie in their Period")
	timelineEven     = rule("timeline.even", "§7.2.1", Should, "the sets of a Period start within a segment of each other, and end so")
	timelineRange    = rule("timeline.range", "Annex B", Must, "numbers fit xs:unsignedInt")
	failoverForm     = rule("failover.form", "§5.3.9.7", Must, "FailoverContent has valid=false and names segments that are listed")
)

// An MPD that is loaded again.
var (
	updateConstant  = rule("update.constant", "§5.4.1, IOP §4.3.2", Must, "availabilityStartTime, profiles, delays and depths never change")
	updateID        = rule("update.id", "§5.15.2", Must, "an MPD with patches keeps its id")
	updatePublish   = rule("update.publish", "§5.4.1", Must, "publishTime never falls")
	updateType      = rule("update.type", "IOP §4.6.4", Must, "a static MPD is the last one of its Periods")
	updateLongest   = rule("update.longest", "§5.4.1", Should, "maxSegmentDuration never falls")
	updateOrder     = rule("update.period-order", "§5.4.1", Must, "Periods are added at the end and removed at the front")
	updateStart     = rule("update.period-start", "§5.4.1", Must, "a Period keeps its start")
	updateEnd       = rule("update.period-duration", "§5.4.1", Must, "a Period keeps its duration once it has one")
	updateEvent     = rule("update.event", "§5.10.2.2", Must, "an Event keeps its time, its content, and its duration once it has one")
	updateSets      = rule("update.sets", "§5.4.1", Must, "AdaptationSets and Representations neither join nor leave a Period")
	updateReference = rule("update.reference", "§5.4.1", Must, "a ProducerReferenceTime stays as it was")
	updateRep       = rule("update.representation", "§5.4.1", Must, "what describes a Representation stays the same")
	updateBandwidth = rule("update.bandwidth", "project", Must, "a Representation's bandwidth doesn't fall within a Period, once it was measured")
	updateNumber    = rule("update.number", "§5.4.1", Must, "startNumber never falls, and goes with the segments that are removed")
	updateTime      = rule("update.time", "§5.4.1", Must, "a segment keeps its time")
	updateLength    = rule("update.duration", "§5.4.1", Must, "a segment keeps its duration once another follows it, and doesn't get shorter before")
	updateLost      = rule("update.lost", "§5.4.1", Must, "the end of a timeline never moves back")
	updateEarly     = rule("update.early", "§5.3.1.2", Must, "a segment isn't removed before timeShiftBufferDepth has passed")
	updateAfterEnd  = rule("update.after-end", "IOP §4.6.4", Must, "nothing is added to a static presentation")
	updateClosed    = rule("update.closed", "§5.4.1", Must, "nothing is added to a Period that isn't the last")
	pollNumber      = rule("poll.number", "project", Must, "Location's N never falls within a broadcast")
	pollEarly       = rule("poll.early", "project", Must, "?after=N is answered with N+1, or when it has been held for as long as it may be")
	pollLate        = rule("poll.late", "project", Must, "?after=N isn't held longer than that")
)

// The media behind the URLs.
var (
	mediaMissing   = rule("media.missing", "§5.3.9.5.3", Must, "what is listed can be fetched")
	mediaTimescale = rule("media.timescale", "§5.3.9.2.2, IOP §3.2.1", Must, "SegmentTemplate's timescale is the init segment's")
	mediaCodec     = rule("media.codec", "§5.3.7.2", Must, "the init segment's sample entry is that of codecs")
	mediaStart     = rule("media.start", "§7.2.1, §5.3.9.6.1", Must, "a segment is presented from its S's time on")
	mediaDuration  = rule("media.duration", "§7.2.1, §5.3.9.6.1", Must, "a segment lasts as long as its S says")
	mediaSync      = rule("media.sync", "§5.3.7.2", Must, "a segment starts with a sync sample")
	mediaBandwidth = rule("media.bandwidth", "§5.3.5.2", Must, "at bandwidth a segment is there minBufferTime after its end at the latest")
	mediaEvents    = rule("media.events", "§5.10.3.3.1", Must, "the events in a segment are of schemes that its MPD declares")
	mediaGap       = rule("media.gap", "§5.3.9.7", Must, "segments without media are those that FailoverContent names")
)
