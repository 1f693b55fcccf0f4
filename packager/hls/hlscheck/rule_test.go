package hlscheck

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spoiler breaks an observation.
type spoiler struct {
	t     *testing.T
	steps []step
}

// change replaces what pattern matches, everywhere in the steps named; it must
// be there.
func (s *spoiler) change(pattern, with string, steps ...int) {
	s.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for _, i := range steps {
		require.True(s.t, re.MatchString(s.steps[i].body), "step %d has no %s", i, pattern)
		s.steps[i].body = re.ReplaceAllString(s.steps[i].body, with)
	}
}

// drop removes the lines that begin with a prefix.
func (s *spoiler) drop(prefix string, steps ...int) {
	s.t.Helper()
	s.change("^"+prefix+`.*\n`, "", steps...)
}

func (s *spoiler) add(text string, steps ...int) {
	for _, i := range steps {
		s.steps[i].body += text
	}
}

func (s *spoiler) page(p page, i int) { s.steps[i] = p.step() }

var (
	videos = []int{video1, video2, videoDelta, video3}
	audios = []int{audio1, audio2, audio3}
)

// faults break one rule each; some others break with it.
var faults = []struct {
	rule  *Rule
	name  string
	spoil func(*spoiler)
}{
	{docType, "the old type", func(s *spoiler) { s.steps[video1].contentType = "application/x-mpegURL" }},
	{docType, "no type", func(s *spoiler) {
		s.steps[video1].contentType, s.steps[video1].path = "", "source/index.txt"
	}},
	{docSize, "", func(s *spoiler) { s.add(strings.Repeat("#\n", maxBody/2), video1) }},
	{docEncoding, "byte order mark", func(s *spoiler) { s.steps[video1].body = "\ufeff" + s.steps[video1].body }},
	{docEncoding, "whitespace", func(s *spoiler) { s.change(`^1/4.m4s`, " 1/4.m4s", video1) }},
	{docEncoding, "tab", func(s *spoiler) { s.add("# a\tb\n", video1) }},
	{docEncoding, "not UTF-8", func(s *spoiler) { s.add("# \xff\n", video1) }},
	{docEncoding, "carriage return", func(s *spoiler) { s.add("#\r#\n", video1) }},
	{docHeader, "", func(s *spoiler) { s.change(`^#EXTM3U`, "\n#EXTM3U", video1) }},
	{docKind, "both", func(s *spoiler) { s.add("#EXT-X-TARGETDURATION:2\n", firstMaster) }},
	{docKind, "neither", func(s *spoiler) { s.steps[firstMaster].body = "#EXTM3U\n" }},
	{tagUnknown, "", func(s *spoiler) { s.add("#EXT-X-ALLOW-CACHE:NO\n", video1) }},
	{tagOnce, "", func(s *spoiler) { s.add("#EXT-X-TARGETDURATION:2\n", video1) }},
	{tagOnce, "skip", func(s *spoiler) { s.change(`^(#EXT-X-SKIP.*\n)`, "$1$1", videoDelta) }},
	{tagValue, "number", func(s *spoiler) { s.change(`DURATION:2$`, "DURATION:2.0", video1) }},
	{tagValue, "nought", func(s *spoiler) { s.change(`^#EXT-X-TARGETDURATION:2$`, "#EXT-X-TARGETDURATION:0", video1) }},
	{tagValue, "date without milliseconds", func(s *spoiler) { s.change(`\.000Z$`, "Z", video1) }},
	{tagValue, "date without zone", func(s *spoiler) { s.change(`\.000Z$`, ".000", video1) }},
	{tagValue, "no comma", func(s *spoiler) { s.change(`^#EXTINF:2.00000,`, "#EXTINF:2.00000", video1) }},
	{tagValue, "negative", func(s *spoiler) { s.change(`^#EXTINF:`, "#EXTINF:-", video1) }},
	{tagValue, "value where none is", func(s *spoiler) { s.change(`^#EXT-X-DISCONTINUITY$`, "#EXT-X-DISCONTINUITY:1", video1) }},
	{tagValue, "type", func(s *spoiler) { s.add("#EXT-X-PLAYLIST-TYPE:LIVE\n", video1) }},
	{tagValue, "range", func(s *spoiler) { s.change(`^1/4.m4s`, "#EXT-X-BYTERANGE:1-2\n1/4.m4s", video1) }},
	{tagDangling, "", func(s *spoiler) { s.add("#EXTINF:2.0,\n", video1) }},
	{tagMissing, "target", func(s *spoiler) { s.drop("#EXT-X-TARGETDURATION", video1) }},
	{tagMissing, "duration", func(s *spoiler) { s.change(`^#EXTINF:2.00000,\n1/4`, "1/4", video1) }},
	{attrGrammar, "comma at the end", func(s *spoiler) { s.change(`(PART-TARGET=0.2)$`, "$1,", video1) }},
	{attrGrammar, "space", func(s *spoiler) { s.change(`,HOLD-BACK`, ", HOLD-BACK", video1) }},
	{attrGrammar, "lower case", func(s *spoiler) { s.change(`,HOLD-BACK`, ",hold-back", video1) }},
	{attrGrammar, "open quote", func(s *spoiler) { s.change(`init.mp4"`, "init.mp4", video1) }},
	{attrGrammar, "after a quote", func(s *spoiler) { s.change(`init.mp4"`, `init.mp4"x`, video1) }},
	{attrGrammar, "no value", func(s *spoiler) { s.change(`PART-TARGET=0.2`, "PART-TARGET=", video1) }},
	{attrTwice, "", func(s *spoiler) { s.change(`(PART-TARGET=0.2)$`, "$1,$1", video1) }},
	{attrType, "quoted enum", func(s *spoiler) { s.change(`INDEPENDENT=YES`, `INDEPENDENT="YES"`, video1) }},
	{attrType, "other enum", func(s *spoiler) { s.change(`INDEPENDENT=YES`, `INDEPENDENT=NO`, video1) }},
	{attrType, "unquoted string", func(s *spoiler) { s.change(`URI="1/init.mp4"`, `URI=1/init.mp4`, video1) }},
	{attrType, "empty string", func(s *spoiler) { s.change(`URI="1/init.mp4"`, `URI=""`, video1) }},
	{attrType, "number", func(s *spoiler) { s.change(`PART-TARGET=0.2`, `PART-TARGET=1e-3`, video1) }},
	{attrType, "integer", func(s *spoiler) { s.change(`LAST-PART=`, `LAST-PART=0.`, video1) }},
	{attrType, "resolution", func(s *spoiler) { s.change(`1920x1080`, `1920X1080`, firstMaster) }},
	{attrType, "captions", func(s *spoiler) { s.change(`CLOSED-CAPTIONS="cc"`, `CLOSED-CAPTIONS=cc`, firstMaster) }},
	{attrType, "quoted NONE", func(s *spoiler) { s.change(`BANDWIDTH=4128000`, `BANDWIDTH="4128000"`, firstMaster) }},
	{attrMissing, "", func(s *spoiler) { s.change(`DURATION=0.20000,URI`, "URI", video1) }},
	{attrUnknown, "", func(s *spoiler) { s.change(`(PART-TARGET=0.2)$`, "$1,X=1", video1) }},
	{uriGrammar, "", func(s *spoiler) { s.change(`^1/4.m4s`, "1/%zz.m4s", video1) }},
	{uriGrammar, "in a tag", func(s *spoiler) { s.change(`"1/init`, `"1/ init`, video1) }},
	{versionLow, "", func(s *spoiler) { s.change(`VERSION:9`, "VERSION:8", videos...) }},
	{versionLow, "none", func(s *spoiler) { s.drop(`#EXT-X-VERSION`, videos...) }},
	{versionHigh, "", func(s *spoiler) { s.change(`VERSION:9`, "VERSION:10", videos...) }},

	{targetDuration, "", func(s *spoiler) { s.change(`^#EXTINF:2.00000,\n1/4`, "#EXTINF:2.50000,\n1/4", video1, video2) }},
	{orderSequence, "", func(s *spoiler) {
		s.drop("#EXT-X-MEDIA-SEQUENCE", video1)
		s.add("#EXT-X-MEDIA-SEQUENCE:3\n", video1)
	}},
	{orderSequence, "discontinuity", func(s *spoiler) {
		s.change(`(#EXT-X-DISCONTINUITY-SEQUENCE:1\n)`, "#EXT-X-DISCONTINUITY\n$1", video1)
	}},
	{orderPart, "", func(s *spoiler) {
		s.change(`^(#EXT-X-PROGRAM-DATE-TIME.*\n)(#EXT-X-PART.*2/13.0.*\n)`, "$2$1", video1)
	}},
	{controlSkip, "", func(s *spoiler) { s.change(`UNTIL=12.0`, "UNTIL=11.9", video1) }},
	{controlHold, "", func(s *spoiler) { s.change(`,HOLD-BACK=6.0`, ",HOLD-BACK=5.0", video1) }},
	{controlPart, "", func(s *spoiler) { s.change(`PART-HOLD-BACK=0.6`, "PART-HOLD-BACK=0.5", video1) }},
	{controlPart, "none", func(s *spoiler) { s.change(`,PART-HOLD-BACK=0.6`, "", video1) }},
	{controlBlock, "", func(s *spoiler) { s.change(`CAN-BLOCK-RELOAD=YES,`, "", video1) }},
	{partInf, "", func(s *spoiler) { s.drop(`#EXT-X-PART-INF`, video1) }},
	{partMax, "", func(s *spoiler) { s.change(`=0.20000(,URI="2/13.4)`, "=0.20001$1", video1) }},
	{partMin, "", func(s *spoiler) { s.change(`=0.20000(,URI="2/13.4)`, "=0.16999$1", video1) }},
	{partSum, "", func(s *spoiler) { s.drop(`#EXT-X-PART:.*2/13.4.m4s`, video1) }},
	{partOld, "", func(s *spoiler) {
		s.change(`^(#EXTINF.*\n1/5.m4s)`, "#EXT-X-PART:DURATION=0.2,URI=\"1/5.0.m4s\",INDEPENDENT=YES\n$1", video1)
	}},
	{partStart, "", func(s *spoiler) { s.change(`(2/13.0.m4s"),INDEPENDENT=YES`, "$1", video1) }},
	{partSync, "no sync sample", func(s *spoiler) { s.change(`(2/13.4.m4s")`, "$1,INDEPENDENT=YES", video1) }},
	{partSync, "not said", func(s *spoiler) { s.change(`(2/13.0.m4s"),INDEPENDENT=YES`, "$1", video1) }},
	{mapMissing, "", func(s *spoiler) { s.drop(`#EXT-X-MAP`, video1) }},
	{dateMissing, "", func(s *spoiler) { s.drop(`#EXT-X-PROGRAM`, video1) }},
	{dateBreak, "", func(s *spoiler) { s.drop(`#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:15`, video1) }},
	{dateJump, "", func(s *spoiler) { s.change(`12:00:06.000Z`, "12:00:06.200Z", video1) }},
	{dateOverlap, "", func(s *spoiler) { s.change(`12:00:15.000Z`, "12:00:12.900Z", video1) }},
	{dateFuture, "", func(s *spoiler) { s.steps[video1].at = s.steps[video1].at.Add(-time.Second) }},
	{attrType, "hexadecimal", func(s *spoiler) { s.change(`SCTE35-OUT=0xFC`, "SCTE35-OUT=0xfc", video1) }},
	{rangeSame, "", func(s *spoiler) { s.change(`^(#EXT-X-DATERANGE:ID="chapter".*)=1.0$`, "$1=1.0\n$1=1.1", video1) }},
	{rangeStart, "", func(s *spoiler) { s.change(`(ID="chapter").*,DUR`, "$1,DUR", video1) }},
	{rangeEnd, "", func(s *spoiler) { s.change(`(ID="chapter".*)$`, `$1,END-DATE="2026-03-01T12:00:05.500Z"`, video1) }},
	{rangeEnd, "before", func(s *spoiler) {
		s.change(`(ID="chapter".*),DUR.*$`, `$1,END-DATE="2026-03-01T12:00:03.500Z"`, video1)
	}},
	{rangeNext, "", func(s *spoiler) { s.change(`(ID="chapter".*)$`, `$1,END-ON-NEXT=YES`, video1) }},
	{rangeIn, "", func(s *spoiler) { s.change(`,DURATION=4.000`, "", video1) }},
	{rangeSection, "", func(s *spoiler) { s.change(`OUT=0xFC30`, "OUT=0xFC31", video1) }},
	{rangeSection, "nothing", func(s *spoiler) { s.change(`OUT=0x[0-9A-F]*`, "OUT=0x", video1) }},
	{reloadRange, "changed", func(s *spoiler) { s.change(`PLANNED-DURATION=5.000`, "PLANNED-DURATION=5.001", video2) }},
	{reloadRange, "taken back", func(s *spoiler) { s.drop(`#EXT-X-DATERANGE:ID="break".*SCTE35-IN`, video2) }},
	{reloadRangeGone, "", func(s *spoiler) { s.drop("#EXT-X-DATERANGE", video2) }},
	{reloadRangeGone, "delta update", func(s *spoiler) { s.drop("#EXT-X-DATERANGE", videoDelta) }},
	{alignRange, "", func(s *spoiler) { s.change(`PLANNED-DURATION=5.000`, "PLANNED-DURATION=5.001", audios...) }},
	{hintEnded, "", func(s *spoiler) { s.add("#EXT-X-ENDLIST\n", video3) }},
	{hintTwice, "", func(s *spoiler) { s.change(`^(#EXT-X-PRELOAD.*\n)`, "$1$1", video1) }},
	{hintListed, "", func(s *spoiler) { s.change(`(PRELOAD-HINT.*)2/15.4`, "${1}2/15.3", video1) }},
	{endOpen, "", func(s *spoiler) { s.drop("#EXT-X-PRELOAD", video3); s.add("#EXT-X-ENDLIST\n", video3) }},
	{skipEnded, "", func(s *spoiler) { s.add("#EXT-X-ENDLIST\n", videoDelta) }},
	{skipNone, "", func(s *spoiler) { s.change(`SEGMENTS=5`, "SEGMENTS=0", videoDelta) }},
	{skipBoundary, "", func(s *spoiler) { s.page(page{rendition: "source", first: 4, last: 15, open: 2, skip: 7}, videoDelta) }},
	{reportRelative, "", func(s *spoiler) { s.change(`"\.\./audio/`, `"`+origin+`audio/`, video1) }},
	{reportValue, "", func(s *spoiler) { s.change(`,LAST-PART=.*`, "", video1) }},

	{reloadTarget, "", func(s *spoiler) { s.change(`TARGETDURATION:2`, "TARGETDURATION:3", video2) }},
	{reloadPart, "", func(s *spoiler) { s.change(`PART-TARGET=0.2`, "PART-TARGET=0.201", video2) }},
	{reloadControl, "", func(s *spoiler) { s.change(`,HOLD-BACK=6.0`, ",HOLD-BACK=7.0", video2) }},
	{reloadVersion, "", func(s *spoiler) { s.change(`VERSION:9`, "VERSION:10", video2) }},
	{reloadMSN, "", func(s *spoiler) { s.page(page{rendition: "source", first: 2, last: 14, open: 8}, video2) }},
	{reloadBreak, "", func(s *spoiler) { s.change(`DISCONTINUITY-SEQUENCE:1`, "DISCONTINUITY-SEQUENCE:2", video2) }},
	{reloadBreak, "delta", func(s *spoiler) { s.change(`DISCONTINUITY-SEQUENCE:1`, "DISCONTINUITY-SEQUENCE:2", videoDelta) }},
	{reloadURI, "", func(s *spoiler) { s.change(`^1/4.m4s`, "1/44.m4s", video2) }},
	{reloadLength, "", func(s *spoiler) { s.change(`^#EXTINF:2.00000,\n1/4`, "#EXTINF:2.00001,\n1/4", video2) }},
	{reloadDate, "", func(s *spoiler) { s.change(`12:00:06.000Z`, "12:00:06.001Z", video2) }},
	{reloadMap, "", func(s *spoiler) { s.change(`2/init.mp4`, "3/init.mp4", video2) }},
	{reloadGap, "", func(s *spoiler) { s.change(`^1/4.m4s`, "#EXT-X-GAP\n1/4.m4s", video2) }},
	{reloadParts, "changed", func(s *spoiler) { s.change(`=0.20000(,URI="2/13.4)`, "=0.19900$1", video2) }},
	{reloadParts, "fewer", func(s *spoiler) { s.drop(`#EXT-X-PART:.*2/14.9.m4s`, video2) }},
	{reloadParts, "changed in the open segment", func(s *spoiler) { s.change(`2/15.2.m4s`, "2/15.22.m4s", video2) }},
	{reloadLost, "", func(s *spoiler) { s.page(page{rendition: "source", first: 3, last: 13}, video2) }},
	{reloadLost, "no longer whole", func(s *spoiler) { s.page(page{rendition: "source", first: 3, last: 13, open: 10}, video2) }},
	{reloadEarly, "", func(s *spoiler) { s.page(page{rendition: "source", first: 13, last: 14, open: 8}, video2) }},
	{reloadFew, "", func(s *spoiler) { s.page(page{rendition: "source", first: 10, last: 14, open: 8}, video2) }},
	{reloadEnded, "", func(s *spoiler) {
		s.page(page{rendition: "source", first: 3, last: 13, ended: true}, video1)
		s.steps[video1].at = s.steps[video2].at
	}},
	{reloadRestart, "the same epoch", func(s *spoiler) {
		s.page(page{rendition: "source", first: 3, last: 9, ended: true}, video1)
		s.page(page{rendition: "source", first: 10, last: 14, open: 8}, video2)
	}},
	{reloadRestart, "numbers from the start", func(s *spoiler) {
		s.page(page{rendition: "source", first: 3, last: 9, ended: true}, video1)
		s.page(page{rendition: "source", first: 1, last: 2, open: 8}, video2)
	}},
	{hintMissing, "", func(s *spoiler) { s.drop("#EXT-X-PRELOAD", video1) }},
	{hintMissing, "between segments", func(s *spoiler) {
		s.page(page{rendition: "source", first: 3, last: 14}, video1)
		s.drop("#EXT-X-PRELOAD", video1)
	}},
	{hintWrong, "", func(s *spoiler) { s.change(`(PRELOAD-HINT.*)2/15.4`, "${1}2/15.5", video1) }},
	{skipUnknown, "", func(s *spoiler) { s.page(page{rendition: "source", first: 2, last: 15, open: 2, skip: 7}, videoDelta) }},
	{skipExpand, "", func(s *spoiler) { s.drop(`#EXT-X-PART:.*2/13\.`, video3) }},

	{iframesCodecs, "", func(s *spoiler) { s.change(`CODECS="avc1.640028",RES`, `CODECS="mp4a.40.2",RES`, firstMaster) }},
	{variantCodecs, "of I-frames", func(s *spoiler) { s.change(`CODECS="avc1.640028",RES`, `RES`, firstMaster) }},
	{attrUnknown, "of I-frames", func(s *spoiler) { s.change(`(1080),URI`, `$1,FRAME-RATE=30.000,URI`, firstMaster) }},
	{iframesTag, "missing", func(s *spoiler) { s.drop("#EXT-X-I-FRAMES-ONLY", iframes1) }},
	{iframesTag, "of a variant", func(s *spoiler) { s.change(`^#EXT-X-TARGET`, "#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGET", video1) }},
	{iframesRange, "", func(s *spoiler) { s.drop("#EXT-X-BYTERANGE", iframes1, iframes2) }},
	{iframesEnd, "too early", func(s *spoiler) { s.change(`100000@0`, "99999@0", iframes1, iframes2) }},
	{iframesEnd, "behind the segment", func(s *spoiler) { s.change(`100000@0`, "1000001@0", iframes1, iframes2) }},
	{iframesEnd, "where the one before ends", func(s *spoiler) { s.change(`@0`, "", iframes1) }},
	{iframesParts, "", func(s *spoiler) {
		s.change(`^(#EXT-X-TARGET.*)`, "$1\n#EXT-X-PART-INF:PART-TARGET=0.2", iframes1, iframes2)
	}},
	{iframesSame, "another segment", func(s *spoiler) { s.change(`^1/4.m4s`, "1/5.m4s", iframes1) }},
	{iframesSame, "another length", func(s *spoiler) { s.change(`EXTINF:2.00000`, "EXTINF:1.90000", iframes1, iframes2) }},
	{reloadURI, "other bytes", func(s *spoiler) { s.change(`100000@0`, "100000@1", iframes2) }},
	{versionLow, "of I-frames", func(s *spoiler) { s.change(`VERSION:5`, "VERSION:4", iframes1, iframes2) }},
	{versionHigh, "of I-frames", func(s *spoiler) { s.change(`VERSION:5`, "VERSION:6", iframes1, iframes2) }},
	{alignTarget, "of I-frames", func(s *spoiler) { s.change(`TARGETDURATION:2`, "TARGETDURATION:3", iframes1, iframes2) }},
	{bandwidthPeak, "of I-frames", func(s *spoiler) {
		s.change(`:BANDWIDTH=400000,AVERAGE-BANDWIDTH=400000`, ":BANDWIDTH=399000,AVERAGE-BANDWIDTH=399000", lastMaster)
	}},

	{variantURI, "a tag", func(s *spoiler) { s.change(`^source`, "#EXT-X-INDEPENDENT-SEGMENTS\nsource", firstMaster) }},
	{variantURI, "nothing", func(s *spoiler) { s.drop(`source`, firstMaster) }},
	{variantURI, "no tag", func(s *spoiler) { s.add("other/index.m3u8\n", firstMaster) }},
	{variantCodecs, "", func(s *spoiler) { s.change(`CODECS=".*?",`, "", firstMaster) }},
	{variantSize, "", func(s *spoiler) { s.change(`RESOLUTION=.*?,`, "", firstMaster) }},
	{variantRate, "", func(s *spoiler) { s.change(`FRAME-RATE=.*?,`, "", firstMaster) }},
	{variantRate, "decimals", func(s *spoiler) { s.change(`29.970`, "29.97", firstMaster) }},
	{variantAverage, "", func(s *spoiler) { s.change(`AVERAGE-BANDWIDTH=.*?,`, "", firstMaster) }},
	{variantAverage, "above", func(s *spoiler) { s.change(`AVERAGE-BANDWIDTH=4`, "AVERAGE-BANDWIDTH=5", firstMaster) }},
	{variantGroup, "audio", func(s *spoiler) { s.change(`,AUDIO="audio"`, `,AUDIO="sound"`, firstMaster) }},
	{variantGroup, "captions", func(s *spoiler) { s.change(`CAPTIONS="cc"`, `CAPTIONS="dd"`, firstMaster) }},
	{variantCaptions, "", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)"cc"\nsource`, "${1}\"cc\"\nsource/index.m3u8\n${1}NONE\nother", firstMaster)
	}},
	{variantScore, "some", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)\nsource.*$`, "${1},SCORE=1.0\nsource/index.m3u8\n${1}\nsource/index.m3u8", firstMaster)
	}},
	{variantScore, "none", func(s *spoiler) { s.change(`^(#EXT-X-STREAM.*)$`, "${1},SCORE=0.0", firstMaster) }},
	{variantStable, "characters", func(s *spoiler) { s.change(`^(#EXT-X-STREAM.*)$`, `${1},STABLE-VARIANT-ID="a b"`, firstMaster) }},
	{variantStable, "two", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)\nsource.*$`, "${1},STABLE-VARIANT-ID=\"a\"\nsource/index.m3u8\n${1},STABLE-VARIANT-ID=\"a\"\nother/index.m3u8", firstMaster)
	}},
	{variantStable, "two names", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)\nsource.*$`, "${1},STABLE-VARIANT-ID=\"a\"\nsource/index.m3u8\n${1},STABLE-VARIANT-ID=\"b\"\nsource/index.m3u8", firstMaster)
	}},
	{variantStable, "some", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)\nsource.*$`, "${1},STABLE-VARIANT-ID=\"a\"\nsource/index.m3u8\n${1}\nother/index.m3u8", firstMaster)
	}},
	{renditionStable, "", func(s *spoiler) {
		s.change(`^(#EXT-X-MEDIA:TYPE=AUDIO.*)$`, `${1},STABLE-RENDITION-ID="ä"`, firstMaster)
	}},
	{sessionData, "neither", func(s *spoiler) { s.add("#EXT-X-SESSION-DATA:DATA-ID=\"a\"\n", firstMaster) }},
	{sessionData, "twice", func(s *spoiler) {
		s.add("#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\"\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"c\"\n", firstMaster)
	}},
	{steeringPathway, "", func(s *spoiler) { s.add("#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\",PATHWAY-ID=\"a\"\n", firstMaster) }},
	{startOffset, "", func(s *spoiler) { s.add("#EXT-X-START:TIME-OFFSET=60.0\n", firstMaster) }},
	{startEdge, "", func(s *spoiler) { s.add("#EXT-X-START:TIME-OFFSET=-5.9\n", firstMaster) }},
	{renditionName, "", func(s *spoiler) { s.change(`^(#EXT-X-MEDIA:TYPE=AUDIO.*\n)`, "$1$1", firstMaster) }},
	{renditionDefault, "two", func(s *spoiler) { s.change(`^(#EXT-X-MEDIA:TYPE=AUDIO.*\n)`, "$1$1", firstMaster) }},
	{renditionDefault, "not selected", func(s *spoiler) { s.change(`AUTOSELECT=YES`, "AUTOSELECT=NO", firstMaster) }},
	{renditionLang, "", func(s *spoiler) { s.change(`LANGUAGE="und",`, "", firstMaster) }},
	{renditionChans, "", func(s *spoiler) { s.change(`CHANNELS="2",`, "", firstMaster) }},
	{renditionCC, "no id", func(s *spoiler) { s.change(`,INSTREAM-ID="CC1"`, "", firstMaster) }},
	{renditionCC, "no channel", func(s *spoiler) { s.change(`INSTREAM-ID="CC1"`, `INSTREAM-ID="CC5"`, firstMaster) }},
	{renditionCC, "no service", func(s *spoiler) { s.change(`INSTREAM-ID="CC1"`, `INSTREAM-ID="SERVICE64"`, firstMaster) }},
	{renditionCC, "a URI", func(s *spoiler) { s.change(`INSTREAM-ID="CC1"`, `INSTREAM-ID="CC1",URI="x"`, firstMaster) }},
	{independent, "missing", func(s *spoiler) { s.drop("#EXT-X-INDEPENDENT", firstMaster) }},
	{independent, "twice", func(s *spoiler) { s.add("#EXT-X-INDEPENDENT-SEGMENTS\n", video1) }},
	{bandwidthPeak, "", func(s *spoiler) { s.change(`:BANDWIDTH=4128000`, ":BANDWIDTH=4120000", lastMaster) }},
	{reportMissing, "", func(s *spoiler) { s.drop("#EXT-X-RENDITION-REPORT", video1) }},
	{reportStale, "", func(s *spoiler) {
		s.steps[video3].at = s.steps[video3].at.Add(5 * time.Second)
		s.change(`LAST-MSN=16`, "LAST-MSN=13", video3)
	}},
	{reportAhead, "", func(s *spoiler) {
		s.change(`LAST-MSN=15`, "LAST-MSN=17", video2)
		s.steps[audio3].at = s.steps[audio3].at.Add(5 * time.Second)
	}},
	{alignTarget, "", func(s *spoiler) { s.change(`TARGETDURATION:2`, "TARGETDURATION:3", audios...) }},
	{alignPart, "", func(s *spoiler) { s.change(`PART-TARGET=0.2`, "PART-TARGET=0.21", audios...) }},
	{alignStart, "", func(s *spoiler) { s.change(`^2/14.m4s`, "2/20.m4s", audios...) }},
	{alignLength, "", func(s *spoiler) {
		s.change(`^(#EXT-X-STREAM.*)\nsource`, "${1}\nsource/index.m3u8\n${1}\naudio", firstMaster)
		s.change(`EXTINF:2.00000,\n2/13`, "EXTINF:1.96000,\n2/13", audios...)
	}},
	{alignControl, "", func(s *spoiler) { s.change(`,HOLD-BACK=6.0`, ",HOLD-BACK=7.0", audios...) }},
	{alignBreak, "", func(s *spoiler) { s.change(`DISCONTINUITY-SEQUENCE:1`, "DISCONTINUITY-SEQUENCE:2", audios...) }},
	{alignDate, "", func(s *spoiler) { s.change(`12:00:06.000Z`, "12:00:06.200Z", audios...) }},
}

func TestEachRuleFindsItsFault(t *testing.T) {
	covered := map[*Rule]bool{}
	for _, c := range transportFaults {
		covered[c.rule] = true
	}
	for _, c := range faults {
		covered[c.rule] = true
		t.Run(strings.TrimSuffix(c.rule.ID+"/"+c.name, "/"), func(t *testing.T) {
			s := &spoiler{t: t, steps: observation()}
			c.spoil(s)
			var ids []string
			for _, v := range observe(s.steps).Violations() {
				ids = append(ids, v.Rule.ID)
				require.NotEmpty(t, v.Detail)
				require.True(t, strings.HasPrefix(v.URL, origin), v.URL)
			}
			require.Contains(t, ids, c.rule.ID)
		})
	}
	ids := map[string]bool{}
	for _, r := range Rules() {
		require.True(t, covered[r], "no fault for %s", r.ID)
		require.False(t, ids[r.ID], "two rules %s", r.ID)
		ids[r.ID] = true
		require.NotEmpty(t, r.Section)
		require.NotEmpty(t, r.Says)
	}
}
