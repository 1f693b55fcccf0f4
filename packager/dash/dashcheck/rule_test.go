package dashcheck

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"sluice/media/scte35"
)

// faults break one rule each; some others break with it.
var faults = []struct {
	rule  *Rule
	name  string
	spoil func(*spoiler)
}{
	{docType, "", func(s *spoiler) { s.steps[first].contentType = "text/xml" }},
	{docSize, "", func(s *spoiler) { s.steps[first].body += strings.Repeat(" ", maxBody) }},
	{docXML, "not closed", func(s *spoiler) { s.once(`</MPD>`, "", first) }},
	{docXML, "not UTF-8", func(s *spoiler) { s.once(`<MPD`, "<!-- \xff --><MPD", first) }},
	{docXML, "a DTD", func(s *spoiler) { s.once(`<MPD`, `<!DOCTYPE MPD [<!ENTITY a "b">]><MPD`, first) }},
	{docXML, "nothing", func(s *spoiler) { s.steps[first].body = "" }},
	{docXML, "two roots", func(s *spoiler) { s.steps[first].body += "<a/>" }},
	{docXML, "text", func(s *spoiler) { s.steps[first].body += "404" }},
	{docXML, "too deep", func(s *spoiler) {
		s.once(`</MPD>`, strings.Repeat("<a>", maxDepth)+strings.Repeat("</a>", maxDepth)+"</MPD>", first)
	}},
	{docRoot, "name", func(s *spoiler) { s.change(`MPD( xmlns|>)`, "Mpd$1", first) }},
	{docRoot, "namespace", func(s *spoiler) { s.once(`mpd:2011"`, `MPD:2011"`, first) }},
	{schemaElement, "unknown", func(s *spoiler) { s.once(`<Role`, "<Roll/><Role", first) }},
	{schemaElement, "elsewhere", func(s *spoiler) { s.once(`<Role`, "<S d=\"1\"/><Role", first) }},
	{schemaOrder, "", func(s *spoiler) { s.once(`(<Location.*\n)(<Serv.*\n)`, "$2$1", first) }},
	{schemaOrder, "twice", func(s *spoiler) {
		s.once(`</SegmentTimeline>`, "</SegmentTimeline><SegmentTimeline><S t=\"0\" d=\"1\"/></SegmentTimeline>", first)
	}},
	{schemaAttribute, "", func(s *spoiler) { s.once(`<Role `, `<Role main="1" `, first) }},
	{schemaRequired, "attribute", func(s *spoiler) { s.once(` d="54000"`, "", first) }},
	{schemaRequired, "element", func(s *spoiler) { s.once(`(?s)<Period.*</Period>`, "", first) }},
	{schemaType, "duration", func(s *spoiler) { s.once(`"PT1S"`, `"1S"`, first) }},
	{schemaType, "empty duration", func(s *spoiler) { s.once(`"PT1S"`, `"PT"`, first) }},
	{schemaType, "months", func(s *spoiler) { s.once(`"PT1S"`, `"P1M"`, first) }},
	{schemaType, "date without a zone", func(s *spoiler) { s.once(`(publishTime="[^"Z]*)Z`, "$1", first) }},
	{schemaType, "number", func(s *spoiler) { s.once(`bandwidth="`, `bandwidth="-`, first) }},
	{schemaType, "number too large", func(s *spoiler) { s.once(`startNumber="`, `startNumber="99999999999`, first) }},
	{schemaType, "boolean", func(s *spoiler) { s.once(`segmentAlignment="true"`, `segmentAlignment="yes"`, first) }},
	{schemaType, "ratio", func(s *spoiler) { s.once(`sar="1:1"`, `sar="1"`, first) }},
	{schemaType, "text", func(s *spoiler) { s.once(`</Period>`, "text</Period>", first) }},
	{schemaType, "URI", func(s *spoiler) { s.once(`>manifest.mpd`, ">manifest mpd", first) }},
	{schemaType, "language", func(s *spoiler) { s.once(`lang="und"`, `lang="undetermined"`, first) }},
	{schemaType, "rate", func(s *spoiler) { s.once(`frameRate="30"`, `frameRate="29.97"`, first) }},
	{schemaType, "double", func(s *spoiler) { s.once(`Offset="0.1"`, `Offset="NaN"`, first) }},
	{schemaType, "no timescale", func(s *spoiler) { s.once(`timescale="90000"`, `timescale="0"`, first) }},

	{mpdProfile, "", func(s *spoiler) { s.once(`isoff-live`, "isoff-main", first) }},
	{mpdDynamic, "start", func(s *spoiler) { s.once(` availabilityStartTime="[^"]*"`, "", first) }},
	{mpdDynamic, "publishTime", func(s *spoiler) { s.once(` publishTime="[^"]*"`, "", first) }},
	{mpdUpdates, "none", func(s *spoiler) { s.once(` minimumUpdatePeriod="[^"]*"`, "", first) }},
	{mpdUpdates, "zero", func(s *spoiler) { s.once(`minimumUpdatePeriod="[^"]*"`, `minimumUpdatePeriod="PT0S"`, first) }},
	{mpdUpdates, "depth", func(s *spoiler) { s.once(` timeShiftBufferDepth="[^"]*"`, "", first) }},
	{mpdStatic, "updates", func(s *spoiler) { s.once(` minBuf`, ` minimumUpdatePeriod="PT1S" minBuf`, vod) }},
	{mpdStatic, "depth", func(s *spoiler) { s.once(` minBuf`, ` timeShiftBufferDepth="PT9S" minBuf`, closed) }},
	{mpdStatic, "location", func(s *spoiler) { s.once(`<Period`, `<Location>manifest.mpd</Location><Period`, closed) }},
	{mpdDuration, "none", func(s *spoiler) { s.once(` mediaPresentationDuration="[^"]*"`, "", vod) }},
	{mpdDuration, "too long", func(s *spoiler) {
		s.once(`mediaPresentationDuration="[^"]*"`, `mediaPresentationDuration="PT30S"`, vod)
	}},
	{mpdDelay, "", func(s *spoiler) { s.once(`Delay="[^"]*"`, `Delay="PT6S"`, first) }},
	{mpdLongest, "", func(s *spoiler) { s.once(`maxSegmentDuration="[^"]*"`, `maxSegmentDuration="PT1.9S"`, first) }},
	{mpdFuture, "", func(s *spoiler) { s.steps[first].at = s.steps[first].at.Add(-200 * time.Millisecond) }},
	{locationForm, "none", func(s *spoiler) { s.once(`<Location.*\n`, "", first) }},
	{locationForm, "two", func(s *spoiler) { s.once(`(<Location.*\n)`, "$1$1", first) }},
	{locationForm, "path", func(s *spoiler) { s.once(`>manifest`, ">index", first) }},
	{locationForm, "host", func(s *spoiler) { s.once(`>manifest`, ">https://localhost/live/live/manifest", first) }},
	{locationForm, "number", func(s *spoiler) { s.once(`after=45`, "after=", first) }},
	{locationForm, "lost query", func(s *spoiler) { s.steps[first].url += "?token=1" }},
	{locationNumber, "ahead", func(s *spoiler) { s.once(`after=45`, "after=46", first) }},
	{locationNumber, "behind", func(s *spoiler) { s.once(`after=45`, "after=44", first) }},
	{steeringForm, "no BaseURL", func(s *spoiler) {
		s.once(`(<Period)`, `<ContentSteering defaultServiceLocation=".">s</ContentSteering>$1`, first)
	}},
	{steeringForm, "another one", func(s *spoiler) {
		s.once(`(<Loc)`, `<BaseURL serviceLocation="a">./</BaseURL>$1`, first)
		s.once(`(<Period)`, `<ContentSteering defaultServiceLocation=".">s</ContentSteering>$1`, first)
	}},
	{steeringForm, "alone", func(s *spoiler) { s.once(`(<Loc)`, `<BaseURL serviceLocation=".">./</BaseURL>$1`, first) }},
	{patchForm, "", func(s *spoiler) {
		s.once(`(<Serv)`, `<PatchLocation ttl="9">manifest.mpp?after=45</PatchLocation>$1`, first)
	}},
	{patchForm, "static", func(s *spoiler) { s.once(`(<Period)`, `<PatchLocation ttl="9">manifest.mpp</PatchLocation>$1`, closed) }},
	{timingForm, "none", func(s *spoiler) { s.once(`^<UTCTiming.*\n`, "", first) }},
	{timingForm, "scheme", func(s *spoiler) { s.once(`^(<UTC.*)http-iso:2014`, "${1}direct:2014", first) }},
	{timingForm, "no value", func(s *spoiler) { s.once(`^(<UTC.*)value="/api/v1/time"`, `${1}value=""`, first) }},
	{timingForm, "not HTTP", func(s *spoiler) { s.once(`^(<UTC.*)value="/api`, `${1}value="ntp:/api`, first) }},
	{timingClock, "form", func(s *spoiler) { s.clock = "1772366400" }},
	{timingClock, "wrong", func(s *spoiler) { s.clock = "2026-03-01T11:00:00Z" }},
	{serviceLatency, "", func(s *spoiler) { s.once(`<Latency min="0"`, `<Latency min="5000"`, first) }},
	{serviceLatency, "rate", func(s *spoiler) { s.once(`min="0.96"`, `min="1.01"`, first) }},
	{serviceTarget, "", func(s *spoiler) { s.once(`<Latency`, `<Latency target="1200"`, first) }},

	{periodID, "none", func(s *spoiler) { s.once(`<Period id="3"`, "<Period", first) }},
	{periodID, "twice", func(s *spoiler) { s.once(`<Period id="4"`, `<Period id="3"`, back) }},
	{periodStart, "none", func(s *spoiler) { s.once(` start="[^"]*"`, "", first) }},
	{periodStart, "falls", func(s *spoiler) { s.once(`id="4" start="PT[^"]*"`, `id="4" start="PT1S"`, back) }},
	{periodZero, "", func(s *spoiler) { s.once(`start="PT0S"`, `start="PT1S"`, vod) }},
	{periodOverlap, "", func(s *spoiler) { s.once(`duration="PT11S"`, `duration="PT14.1S"`, back) }},
	{periodDuration, "", func(s *spoiler) { s.once(` duration="PT11S"`, "", back) }},
	{periodDuration, "static", func(s *spoiler) { s.once(` duration="PT4.2S"`, "", vod) }},
	{periodEmpty, "", func(s *spoiler) {
		s.once(`</Period>`, `</Period><Period id="9" start="PT2000000000S"></Period>`, first)
	}},
	{periodNumbers, "", func(s *spoiler) { s.change(`startNumber="47"`, `startNumber="46"`, back) }},
	{periodSets, "", func(s *spoiler) {
		s.change(`<AdaptationSet id="1"`, `<AdaptationSet id="7"`, back)
		s.once(`(?s)(<Period id="4".*Set )id="2"`, `${1}id="1"`, back)
		s.once(`<AdaptationSet id="7"`, `<AdaptationSet id="1"`, back)
	}},
	{eventStream, "", func(s *spoiler) { s.events(event(2, 0)+event(3, 90_000)+"</EventStream>"+stream+event(4, 0), first) }},
	{eventSplice, "nothing", func(s *spoiler) { s.events(`<Event id="2"/>`, first) }},
	{eventSplice, "a namespace", func(s *spoiler) { s.events(strings.ReplaceAll(event(2, 0), "35/2016", "35/2015"), first) }},
	{eventSplice, "no section", func(s *spoiler) { s.events(strings.ReplaceAll(event(2, 0), ">/D", ">/E"), first) }},
	{eventID, "none", func(s *spoiler) { s.events(strings.ReplaceAll(event(2, 0), ` id="2"`, ""), first) }},
	{eventID, "twice", func(s *spoiler) { s.events(event(2, 0)+event(2, 1), first) }},
	{eventOrder, "", func(s *spoiler) { s.events(event(2, 1)+event(3, 0), first) }},
	{eventPeriod, "after", func(s *spoiler) { s.events(event(2, 11*90_000), back) }},
	{eventPeriod, "before", func(s *spoiler) {
		s.events(event(2, 89_999), back)
		s.once(`(<EventStream)`, `$1 presentationTimeOffset="90000"`, back)
	}},
	{updateEvent, "time", func(s *spoiler) { s.events(event(2, 0), first); s.events(event(2, 1), second) }},
	{updateEvent, "duration", func(s *spoiler) {
		s.events(strings.ReplaceAll(event(2, 0), "<Event", `<Event duration="9"`), first)
		s.events(event(2, 0), second)
	}},
	{setID, "", func(s *spoiler) { s.once(`<AdaptationSet id="2"`, `<AdaptationSet id="1"`, first) }},
	{setID, "none", func(s *spoiler) { s.once(`<AdaptationSet id="2"`, `<AdaptationSet`, first) }},
	{setKind, "", func(s *spoiler) { s.once(`audio/mp4`, "video/mp4", first) }},
	{setKind, "container", func(s *spoiler) { s.once(`audio/mp4`, "audio/webm", first) }},
	{setAlign, "", func(s *spoiler) { s.once(` segmentAlignment="true"`, "", first) }},
	{setAlign, "access points", func(s *spoiler) { s.once(`startWithSAP="1"`, `startWithSAP="3"`, first) }},
	{setBoundaries, "", func(s *spoiler) { s.once(`(?s)(id="480p".*?)d="180000" r="3"`, `${1}d="179000" r="3"`, first) }},
	{setPicture, "", func(s *spoiler) { s.once(`par="16:9"`, `par="4:3"`, first) }},
	{setReference, "none", func(s *spoiler) { s.once(`<mpd:Prod.*\n`, "", first) }},
	{setReference, "clock", func(s *spoiler) { s.once(`(<mpd:Prod.*)/api/v1/time`, "$1/time", first) }},
	{setReference, "no clock", func(s *spoiler) { s.once(`(<mpd:Prod.*)<UTCTiming[^>]*/>`, "$1", first) }},
	{setReference, "wrong", func(s *spoiler) { s.once(`presentationTime="900000"`, `presentationTime="0"`, first) }},
	{setReference, "date", func(s *spoiler) { s.once(`wallClockTime="[^"]*Z"`, `wallClockTime="1772366400"`, first) }},
	{setReferences, "", func(s *spoiler) { s.change(`mpd:Prod`, "Prod", first) }},
	{setEmpty, "", func(s *spoiler) { s.once(`(?s)<Representation id="audio".*?</Representation>`, "", first) }},
	{repID, "", func(s *spoiler) { s.once(`Representation id="480p"`, `Representation id="source"`, first) }},
	{repBandwidth, "", func(s *spoiler) { s.once(`bandwidth="480000"`, `bandwidth="0"`, first) }},
	{repVideo, "", func(s *spoiler) { s.once(` width="1280"`, "", first) }},
	{repVideo, "sar", func(s *spoiler) { s.once(` sar="1:1"`, "", first) }},
	{repRate, "", func(s *spoiler) { s.once(` frameRate="30"`, "", first) }},
	{repRate, "terms", func(s *spoiler) { s.once(`frameRate="30"`, `frameRate="60/2"`, first) }},
	{repRate, "too high", func(s *spoiler) { s.once(`frameRate="30"`, `frameRate="30000"`, first) }},
	{repAudio, "rate", func(s *spoiler) { s.once(` audioSamplingRate="48000"`, "", first) }},
	{repAudio, "channels", func(s *spoiler) { s.once(`<AudioChannel.*\n`, "", first) }},
	{repCodecs, "", func(s *spoiler) { s.once(`avc1.64001f`, "avc1", first) }},
	{repCodecs, "none", func(s *spoiler) { s.once(` codecs="[^"]*"`, "", first) }},
	{repCodecs, "of the other kind", func(s *spoiler) { s.once(`mp4a.40.2`, "avc1.64001f", first) }},

	{templateForm, "none", func(s *spoiler) { s.once(`(?s)<SegmentTemplate.*?</SegmentTemplate>`, "", first) }},
	{templateForm, "no timeline", func(s *spoiler) { s.once(`(?s)<SegmentTimeline.*?</SegmentTimeline>`, "", first) }},
	{templateForm, "no init", func(s *spoiler) { s.once(` initialization="[^"]*"`, "", first) }},
	{templateForm, "no number", func(s *spoiler) { s.once(`\$Number\$`, "1", first) }},
	{templateForm, "number in init", func(s *spoiler) { s.once(`init\.mp4`, "$$Number$$.mp4", first) }},
	{templateForm, "unknown", func(s *spoiler) { s.once(`\$Number\$`, "$$Number$$-$$Epoch$$", first) }},
	{templateURL, "", func(s *spoiler) { s.once(`init\.mp4`, "%zz.mp4", first) }},
	{templateRelative, "", func(s *spoiler) { s.once(`initialization="`, `initialization="/live/live/`, first) }},
	{templateRelative, "other host", func(s *spoiler) { s.once(`initialization="`, `initialization="https://localhost/`, first) }},
	{templateRelative, "above", func(s *spoiler) { s.once(`initialization="`, `initialization="../`, first) }},
	{templateOffset, "complete", func(s *spoiler) { s.once(`Complete="false"`, `Complete="true"`, first) }},
	{templateOffset, "too large", func(s *spoiler) { s.once(`Offset="0.1"`, `Offset="2.1"`, first) }},
	{templateOffset, "none", func(s *spoiler) { s.once(` availabilityTimeOffset="0.1"`, "", first) }},
	{templateOffset, "static", func(s *spoiler) { s.once(`startNumber`, `availabilityTimeOffset="0.1" startNumber`, vod) }},
	{timelineFirst, "no time", func(s *spoiler) { s.once(`<S t="900000"`, "<S", first) }},
	{timelineFirst, "empty", func(s *spoiler) { s.once(`(?s)<SegmentTimeline>.*?</S`, "<SegmentTimeline></S", first) }},
	{timelineZero, "", func(s *spoiler) { s.once(`d="54000"`, `d="0"`, first) }},
	{timelineRepeat, "", func(s *spoiler) { s.once(`r="3"`, `r="-1"`, first) }},
	{timelineNumber, "", func(s *spoiler) { s.once(`<S t`, `<S n="41" t`, first) }},
	{timelineHole, "", func(s *spoiler) { s.once(`<S d="54000"`, `<S t="1620001" d="54000"`, first) }},
	{timelineOverlap, "", func(s *spoiler) { s.once(`<S d="54000"`, `<S t="1619999" d="54000"`, first) }},
	{timelineRun, "", func(s *spoiler) { s.once(`d="180000" r="3"/>`, `d="180000" r="2"/><S d="180000"/>`, first) }},
	{timelinePeriod, "before", func(s *spoiler) { s.change(`presentationTimeOffset="900000"`, `presentationTimeOffset="1200000"`, vod) }},
	{timelinePeriod, "after", func(s *spoiler) { s.once(`duration="PT11S"`, `duration="PT9S"`, back) }},
	{timelineEven, "", func(s *spoiler) { s.once(`<S t="480000" d="96256" r="1"/>`, `<S t="480000" d="96256" r="9"/>`, first) }},
	{timelineRange, "number", func(s *spoiler) { s.change(`startNumber="41"`, `startNumber="4294967293"`, first) }},
	{timelineRange, "time", func(s *spoiler) { s.once(`t="900000"`, `t="9007199254740993"`, first) }},
	{failoverForm, "valid", func(s *spoiler) { s.once(`valid="false"`, `valid="true"`, gap) }},
	{failoverForm, "nothing missing", func(s *spoiler) { s.once(`<FCS t="576256" d="96256"/>`, `<FCS t="672512" d="0"/>`, gap) }},
	{failoverForm, "twice", func(s *spoiler) { s.once(`(<FCS t="576256" d="96256"/>)`, `$1$1`, gap) }},
	{failoverForm, "nothing there", func(s *spoiler) { s.once(`<FCS t="576256"`, `<FCS t="576257"`, gap) }},

	{updateConstant, "start", func(s *spoiler) { s.once(`1970-01-01`, "1970-01-02", second) }},
	{updateConstant, "depth", func(s *spoiler) { s.once(`Depth="[^"]*"`, `Depth="PT5S"`, second) }},
	{updateConstant, "profiles", func(s *spoiler) { s.once(`isoff-live:2011`, "isoff-live:2011,urn:x", second) }},
	{updateConstant, "clock", func(s *spoiler) { s.change(`v1/time`, "v2/time", second) }},
	{updateID, "", func(s *spoiler) { s.once(`<MPD `, `<MPD id="4" `, second) }},
	{updatePublish, "", func(s *spoiler) { s.once(`publishTime="2026`, `publishTime="2025`, second) }},
	{updateType, "", func(s *spoiler) { s.steps[again] = s.steps[gap] }},
	{updateLongest, "", func(s *spoiler) {
		s.once(`maxSegmentDuration="[^"]*"`, `maxSegmentDuration="PT3S"`, first)
	}},
	{updateOrder, "gone in the middle", func(s *spoiler) { s.once(`(?s)<Period id="4".*?</Period>`, "", gap) }},
	{updateOrder, "new at the front", func(s *spoiler) { s.once(`<Period id="3"`, `<Period id="2"`, back) }},
	{updateOrder, "back again", func(s *spoiler) {
		s.change(`<Period id="5"`, `<Period id="3"`, again)
		s.removeFirstPeriod(gap, closed)
	}},
	{updateStart, "", func(s *spoiler) { s.once(`start="PT1772366400.123S"`, `start="PT1772366400.122S"`, second) }},
	{updateEnd, "", func(s *spoiler) { s.once(`duration="PT11S"`, `duration="PT10.9S"`, gap) }},
	{updateSets, "joined", func(s *spoiler) { s.once(`(?s)<AdaptationSet id="2".*?</AdaptationSet>\n`, "", first) }},
	{updateSets, "left", func(s *spoiler) { s.once(`(?s)<Representation id="480p".*?</Representation>\n`, "", second) }},
	{updateReference, "", func(s *spoiler) {
		s.once(`(<mpd:Prod.*)presentationTime="900000"`, `${1}presentationTime="900090"`, second)
	}},
	{updateRep, "codecs", func(s *spoiler) { s.once(`avc1.64001f`, "avc1.640020", second) }},
	{updateRep, "offset", func(s *spoiler) { s.once(`Offset="900000"`, `Offset="900001"`, second) }},
	{updateRep, "init", func(s *spoiler) { s.once(`/3/init`, "/4/init", second) }},
	{updateRep, "attribute gone", func(s *spoiler) { s.once(` lang="und"`, "", second) }},
	{updateRep, "a gap filled", func(s *spoiler) { s.once(`<Failover.*\n`, "", closed) }},
	{updateRep, "a gap filled in part", func(s *spoiler) { s.once(`<FCS t="576256" d="96256"/>`, `<FCS t="577256" d="95256"/>`, closed) }},
	{updateRep, "a gap in what leads", func(s *spoiler) {
		s.once(`(<SegmentTimeline>)`, `<FailoverContent valid="false"><FCS t="1260000" d="180000"/></FailoverContent>$1`, gap)
	}},
	{updateRep, "more is missing", func(s *spoiler) {
		endsEarly(s, gap)
		s.once(`(?s)(id="480p".*?)(<SegmentTimeline>)`, `${1}<FailoverContent valid="false"><FCS t="1809999" d="80001"/></FailoverContent>$2`, closed)
	}},
	{updateBandwidth, "", func(s *spoiler) { s.once(`bandwidth="480000"`, `bandwidth="479999"`, second) }},
	{updateNumber, "", func(s *spoiler) { s.change(`startNumber="41"`, `startNumber="40"`, second) }},
	{updateTime, "", func(s *spoiler) { s.once(`<S t="900000"`, `<S t="900001"`, second) }},
	{updateLength, "closed", func(s *spoiler) { s.once(`d="180000" r="3"/>`, `d="180000" r="2"/><S d="179999"/>`, first) }},
	{updateLength, "shorter", func(s *spoiler) { s.once(`d="54000"`, `d="181000"`, first) }},
	{updateLost, "", func(s *spoiler) { s.once(`<S d="18000"/>`, "", second); s.once(`r="4"`, `r="2"`, second) }},
	{updateEarly, "", func(s *spoiler) {
		s.change(`startNumber="41"`, `startNumber="44"`, second)
		s.change(`t="900000" d="180000" r="4"`, `t="1440000" d="180000" r="1"`, second)
		s.once(`<S t="480000" d="96256" r="1"/>\n<S d="95232"/>\n<S d`, `<S t="767744" d`, second)
	}},
	{updateAfterEnd, "segment", func(s *spoiler) {
		s.once(`(?s)(id="4".*?)d="180000" r="1"`, `${1}d="180000" r="0"`, closed)
		s.steps[vod] = s.steps[closed]
		s.steps[vod].body = observation(s.t).steps[closed].body
	}},
	{updateAfterEnd, "period", func(s *spoiler) {
		s.steps[vod].body = s.steps[closed].body
		s.once(`(?s)<Period id="4".*?</Period>`, "", closed)
		s.once(`mediaPresentationDuration="[^"]*"`, `mediaPresentationDuration="PT1772366411.123S"`, closed)
	}},
	{updateClosed, "", func(s *spoiler) { s.once(`<S d="90000"/>`, `<S d="90000" r="1"/>`, gap) }},
	{pollNumber, "", func(s *spoiler) { s.once(`after=46`, "after=44", second) }},
	{pollEarly, "", func(s *spoiler) { s.steps[second].url = strings.Replace(s.steps[second].url, "45", "46", 1) }},
	{pollLate, "", func(s *spoiler) { s.steps[second].asked = s.steps[second].at.Add(-20 * time.Second) }},

	{mediaMissing, "", func(s *spoiler) { s.gone = "https://127.0.0.1:8443/live/live/source/3/41.m4s" }},
	{mediaTimescale, "", func(s *spoiler) { s.init = func(i *Init) { i.Timescale = 12800 } }},
	{mediaCodec, "", func(s *spoiler) { s.init = func(i *Init) { i.Entry = "avc3" } }},
	{mediaStart, "", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Start++ } }},
	{mediaDuration, "", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Duration += 4600 } }},
	{mediaSync, "", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Sync = false } }},
	{mediaBandwidth, "", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Size *= 3 } }},
	{mediaEvents, "", func(s *spoiler) {
		s.media = func(_ string, m *Media) { m.Events = []string{"https://aomedia.org/emsg/ID3/", "urn:x/"} }
	}},
	{mediaGap, "empty", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Empty = true } }},
	{mediaGap, "filled", func(s *spoiler) { s.media = func(_ string, m *Media) { m.Empty = false } }},
}

// stream begins an EventStream of splices, and event is one of it.
const stream = `<EventStream schemeIdUri="urn:scte:scte35:2014:xml+bin" timescale="90000">`

func event(id, at int) string {
	data, err := scte35.Out(uint32(id), nil, 0, false).AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`<Event presentationTime="%d" id="%d"><Signal xmlns="http://www.scte.org/schemas/35/2016"><Binary>%s</Binary></Signal></Event>`,
		at, id, base64.StdEncoding.EncodeToString(data))
}

// events puts an EventStream into the first Period.
func (s *spoiler) events(text string, steps ...int) {
	s.once(`(<Period [^>]*>)`, "$1"+stream+text+"</EventStream>", steps...)
}

// removeFirstPeriod takes the first Period out.
func (s *spoiler) removeFirstPeriod(steps ...int) {
	for _, i := range steps {
		s.once(`(?s)<Period id="3".*?</Period>\n`, "", i)
	}
}
