package hlscheck

import (
	"cmp"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// mediaReader puts a media playlist together from its lines.
type mediaReader struct {
	m    *Media
	f    *findings
	need uint64 // the version that what it uses demands

	next             Segment // the one that the tags so far belong to
	started          bool    // next has a tag
	hasInf           bool
	currentMap       string
	hasMap           bool
	hasVersion       bool
	firstSegmentLine int
	firstBreakLine   int
}

func readMedia(lines []line, f *findings) *Media {
	r := &mediaReader{m: &Media{}, f: f, need: 1}
	target := false
	for _, l := range lines {
		if l.spec == nil {
			r.uri(l)
			continue
		}
		switch l.spec.place {
		case mediaSegment:
			r.segmentTag(l)
		case mediaMetadata:
			r.metadataTag(l)
		default:
			target = target || l.name == "EXT-X-TARGETDURATION"
			r.playlistTag(l)
		}
	}
	if !target {
		f.add(tagMissing, 0, "no EXT-X-TARGETDURATION")
	}
	r.finish()
	return r.m
}

func (r *mediaReader) needs(version uint64) { r.need = max(r.need, version) }

func (r *mediaReader) playlistTag(l line) {
	m := r.m
	number, _ := strconv.ParseUint(l.value, 10, 64)
	switch l.name {
	case "EXT-X-VERSION":
		m.Version, r.hasVersion = number, true
	case "EXT-X-INDEPENDENT-SEGMENTS":
		m.independent = true
	case "EXT-X-TARGETDURATION":
		m.Target = time.Duration(min(number, 1<<30)) * time.Second
		if number == 0 {
			r.f.add(tagValue, l.number, "target duration of 0")
		}
	case "EXT-X-MEDIA-SEQUENCE":
		m.Sequence = number
		r.sequenceTag(l)
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		m.Discontinuity = number
		r.sequenceTag(l)
	case "EXT-X-ENDLIST":
		m.Ended = true
	case "EXT-X-I-FRAMES-ONLY":
		m.IFrames = true
		r.needs(4)
	case "EXT-X-DEFINE":
		r.needs(8)
		if l.attrs.has("QUERYPARAM") {
			r.needs(11)
		}
	case "EXT-X-PART-INF":
		m.PartTarget = l.attrs.seconds("PART-TARGET")
	case "EXT-X-SERVER-CONTROL":
		m.Control = Control{
			BlockReload: l.attrs.yes("CAN-BLOCK-RELOAD"), SkipUntil: l.attrs.seconds("CAN-SKIP-UNTIL"),
			HoldBack: l.attrs.seconds("HOLD-BACK"), PartHoldBack: l.attrs.seconds("PART-HOLD-BACK"),
		}
		if l.attrs.has("CAN-SKIP-UNTIL") {
			// Its delta updates are versions of the same playlist, whose number
			// may not change.
			r.needs(9)
		}
	}
}

func (r *mediaReader) sequenceTag(l line) {
	if r.firstSegmentLine > 0 || l.name == "EXT-X-DISCONTINUITY-SEQUENCE" && r.firstBreakLine > 0 {
		r.f.add(orderSequence, l.number, "#%s", l.name)
	}
}

func (r *mediaReader) segmentTag(l line) {
	g := &r.next
	if !r.started {
		r.started, g.line = true, l.number
	}
	late := len(g.Parts) > 0
	switch l.name {
	case "EXTINF":
		if seconds, _, ok := strings.Cut(l.value, ","); ok {
			g.Duration, _ = parseSeconds(seconds)
			if strings.Contains(seconds, ".") {
				r.needs(3)
			}
		}
		g.line, r.hasInf, late = l.number, true, false
	case "EXT-X-BYTERANGE":
		r.needs(4)
		r.byteRange(l)
		late = false
	case "EXT-X-DISCONTINUITY":
		g.Breaks++
		if r.firstBreakLine == 0 {
			r.firstBreakLine = l.number
		}
	case "EXT-X-KEY":
		switch {
		case l.attrs.has("KEYFORMAT") || l.attrs.has("KEYFORMATVERSIONS"):
			r.needs(5)
		case l.attrs.has("IV"):
			r.needs(2)
		}
	case "EXT-X-MAP":
		r.needs(5) // and one more in finish
		r.currentMap, r.hasMap = l.attrs.text("URI"), true
	case "EXT-X-PROGRAM-DATE-TIME":
		g.Date, _ = parseDate(l.value)
	case "EXT-X-GAP":
		g.Gap, late = true, false
	case "EXT-X-BITRATE":
		late = false
	case "EXT-X-PART":
		late = false
		if r.firstSegmentLine == 0 {
			r.firstSegmentLine = l.number
		}
		g.Parts = append(g.Parts, Part{
			URI: l.attrs.text("URI"), Duration: l.attrs.seconds("DURATION"),
			Independent: l.attrs.yes("INDEPENDENT"), Gap: l.attrs.yes("GAP"), line: l.number,
		})
	}
	if late {
		r.f.add(orderPart, l.number, "#%s after the segment's first part", l.name)
	}
}

// byteRange reads EXT-X-BYTERANGE. Without an offset the range goes on where that of the
// segment before ends.
func (r *mediaReader) byteRange(l line) {
	length, offset, at := strings.Cut(l.value, "@")
	g := &r.next
	g.Range.Length, _ = strconv.ParseUint(length, 10, 64)
	if n := len(r.m.Segments); at {
		g.Range.Offset, _ = strconv.ParseUint(offset, 10, 64)
	} else if n > 0 {
		before := r.m.Segments[n-1].Range
		g.Range.Offset = before.Offset + before.Length
	}
}

func (r *mediaReader) metadataTag(l line) {
	m := r.m
	switch l.name {
	case "EXT-X-SKIP":
		r.needs(9)
		if l.attrs.has("RECENTLY-REMOVED-DATERANGES") {
			r.needs(10)
		}
		m.Skipped = l.attrs.number("SKIPPED-SEGMENTS")
		if m.Skipped == 0 {
			r.f.add(skipNone, l.number, "SKIPPED-SEGMENTS=%s", l.attrs.text("SKIPPED-SEGMENTS"))
		}
		if len(m.Segments) > 0 {
			r.f.add(orderSequence, l.number, "#EXT-X-SKIP after a segment")
		}
		m.Skipped = min(m.Skipped, 1<<40)
	case "EXT-X-DATERANGE":
		r.dateRange(l)
	case "EXT-X-PRELOAD-HINT":
		m.Hints = append(m.Hints, Hint{Type: l.attrs.text("TYPE"), URI: l.attrs.text("URI"), line: l.number})
	case "EXT-X-RENDITION-REPORT":
		p := Report{URI: l.attrs.text("URI"), LastMSN: l.attrs.number("LAST-MSN"), LastPart: -1, line: l.number}
		if l.attrs.has("LAST-PART") {
			p.LastPart = int64(min(l.attrs.number("LAST-PART"), 1<<40))
		}
		m.Reports = append(m.Reports, p)
	}
}

func (r *mediaReader) uri(l line) {
	g := r.take()
	g.URI = l.value
	if !r.hasInf {
		r.f.add(tagMissing, l.number, "no EXTINF")
	}
	if r.firstSegmentLine == 0 {
		r.firstSegmentLine = l.number
	}
	if !r.hasMap && r.m.Skipped == 0 && !g.Gap && isFragmented(g.URI) {
		r.f.add(mapMissing, l.number, "%.60q", g.URI)
	}
	r.m.Segments = append(r.m.Segments, g)
	r.hasInf = false
}

// take numbers the segment that is complete now, and begins another.
func (r *mediaReader) take() Segment {
	g := r.next
	r.next, r.started = Segment{}, false
	g.MSN = r.m.Sequence + r.m.Skipped + uint64(len(r.m.Segments))
	g.Map = r.currentMap
	g.Discontinuity = r.m.Discontinuity + uint64(g.Breaks)
	if n := len(r.m.Segments); n > 0 {
		g.Discontinuity = r.m.Segments[n-1].Discontinuity + uint64(g.Breaks)
	}
	return g
}

func (r *mediaReader) finish() {
	m := r.m
	m.finishRanges(r.f)
	if r.hasMap && !m.IFrames {
		r.needs(6)
	}
	if r.hasInf || r.next.Gap || r.started && len(r.next.Parts) == 0 {
		r.f.add(tagDangling, r.next.line, "tags of a segment without its URI")
	}
	if len(r.next.Parts) > 0 {
		g := r.take()
		m.Open = &g
	}
	if m.Version < r.need && (r.hasVersion || r.need > 1) {
		r.f.add(versionLow, 0, "EXT-X-VERSION of %d where %d is needed", m.Version, r.need)
	}
	if m.Version > r.need {
		r.f.add(versionHigh, 0, "EXT-X-VERSION of %d where %d would do", m.Version, r.need)
	}
}

// isFragmented tells fragmented MP4 by the name, as players do.
func isFragmented(uri string) bool {
	name, _, _ := strings.Cut(uri, "?")
	switch path.Ext(name) {
	case ".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa":
		return true
	}
	return false
}

func readMultivariant(lines []line, f *findings) *Multivariant {
	mv := &Multivariant{data: map[[2]string]bool{}}
	pending := 0 // line of an EXT-X-STREAM-INF that waits for its URI
	for _, l := range lines {
		if pending > 0 && l.spec != nil {
			f.add(variantURI, pending, "followed by #%s", l.name)
			mv.Variants, pending = mv.Variants[:len(mv.Variants)-1], 0
		}
		switch {
		case l.spec == nil && pending > 0:
			mv.Variants[len(mv.Variants)-1].URI, pending = l.value, 0
		case l.spec == nil:
			f.add(variantURI, l.number, "a URI without #EXT-X-STREAM-INF")
		case l.name == "EXT-X-INDEPENDENT-SEGMENTS":
			mv.Independent = true
		case l.name == "EXT-X-STREAM-INF":
			pending = l.number
			mv.Variants = append(mv.Variants, readVariant(l, f))
		case l.name == "EXT-X-I-FRAME-STREAM-INF":
			mv.IFrames = append(mv.IFrames, readIFrames(l, f))
		case l.name == "EXT-X-MEDIA":
			mv.Renditions = append(mv.Renditions, readRendition(l, f))
		case l.name == "EXT-X-START":
			mv.readStart(l, f)
		case l.name == "EXT-X-CONTENT-STEERING":
			mv.pathway = cmp.Or(l.attrs.text("PATHWAY-ID"), ownPathway)
		case l.name == "EXT-X-SESSION-DATA":
			mv.readData(l, f)
		}
	}
	if pending > 0 {
		f.add(variantURI, pending, "followed by nothing")
		mv.Variants = mv.Variants[:len(mv.Variants)-1]
	}
	return mv
}

// readIFrames reads EXT-X-I-FRAME-STREAM-INF.
func readIFrames(l line, f *findings) Variant {
	v := readStream(l, f)
	if v.URI = l.attrs.text("URI"); !v.HasVideo() {
		f.add(iframesCodecs, l.number, "CODECS=%q", l.attrs.text("CODECS"))
	}
	return v
}

// readStream reads what variants have in common with their I-frames.
func readStream(l line, f *findings) Variant {
	a := l.attrs
	v := Variant{
		Bandwidth: a.number("BANDWIDTH"), AverageBandwidth: a.number("AVERAGE-BANDWIDTH"),
		Resolution: a.text("RESOLUTION"), Pathway: cmp.Or(a.text("PATHWAY-ID"), ownPathway), line: l.number,
	}
	if a.has("CODECS") {
		v.Codecs = strings.Split(a.text("CODECS"), ",")
	} else {
		f.add(variantCodecs, l.number, "no CODECS")
	}
	if !a.has("AVERAGE-BANDWIDTH") || v.AverageBandwidth > v.Bandwidth {
		f.add(variantAverage, l.number, "AVERAGE-BANDWIDTH=%s of BANDWIDTH=%d", a.text("AVERAGE-BANDWIDTH"), v.Bandwidth)
	}
	if v.HasVideo() && !a.has("RESOLUTION") {
		f.add(variantSize, l.number, "no RESOLUTION")
	}
	return v
}

func readVariant(l line, f *findings) Variant {
	a, v := l.attrs, readStream(l, f)
	v.FrameRate, v.Audio, v.Captions = a.text("FRAME-RATE"), a.text("AUDIO"), a.text("CLOSED-CAPTIONS")
	v.Stable, v.Score = a.text("STABLE-VARIANT-ID"), a.text("SCORE")
	if !v.HasVideo() {
		return v
	}
	if _, decimals, _ := strings.Cut(v.FrameRate, "."); len(decimals) != 3 {
		f.add(variantRate, l.number, "FRAME-RATE=%s", v.FrameRate)
	}
	return v
}

// instreamID is a channel of CEA-608 or a service of CEA-708.
var instreamID = regexp.MustCompile(`^(CC[1-4]|SERVICE([1-9]|[1-5][0-9]|6[0-3]))$`)

func readRendition(l line, f *findings) Rendition {
	a := l.attrs
	r := Rendition{Type: a.text("TYPE"), Group: a.text("GROUP-ID"), Name: a.text("NAME"), URI: a.text("URI"), Stable: a.text("STABLE-RENDITION-ID"), line: l.number}
	if a.has("AUTOSELECT") && a.yes("DEFAULT") && !a.yes("AUTOSELECT") {
		f.add(renditionDefault, l.number, "DEFAULT=YES and AUTOSELECT=NO")
	}
	if r.Type != "VIDEO" && !a.has("LANGUAGE") {
		f.add(renditionLang, l.number, "no LANGUAGE")
	}
	if r.Type == "AUDIO" && !a.has("CHANNELS") {
		f.add(renditionChans, l.number, "no CHANNELS")
	}
	if r.Type == "CLOSED-CAPTIONS" && (!instreamID.MatchString(a.text("INSTREAM-ID")) || a.has("URI")) {
		f.add(renditionCC, l.number, "INSTREAM-ID=%q, URI=%q", a.text("INSTREAM-ID"), r.URI)
	}
	if a.yes("DEFAULT") {
		r.isDefault = true
	}
	return r
}
