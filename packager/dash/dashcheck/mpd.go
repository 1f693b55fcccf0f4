package dashcheck

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// absent is a duration that isn't there.
const absent = time.Duration(-1)

// MPD is a manifest, as far as its rules need it. Durations that are not there
// are negative.
type MPD struct {
	URL       string // as fetched
	Dynamic   bool
	Start     time.Time // availabilityStartTime
	Published time.Time
	Duration  time.Duration // mediaPresentationDuration
	Update    time.Duration // minimumUpdatePeriod
	Depth     time.Duration // timeShiftBufferDepth
	Delay     time.Duration // suggestedPresentationDelay
	Longest   time.Duration // maxSegmentDuration
	Buffer    time.Duration // minBufferTime
	Next      string        // Location, resolved; empty where there is none
	After     uint64        // the N in it
	Patch     string        // PatchLocation, resolved; empty where there is none
	Clock     string        // the URL of UTCTiming, resolved
	Periods   []*Period

	root *node
	base *url.URL
}

// Period is a Period.
type Period struct {
	ID       string
	Start    time.Duration
	Duration time.Duration
	Sets     []*Set
	Events   []Event

	node *node
}

// Set is an AdaptationSet.
type Set struct {
	ID              string
	ContentType     string
	Representations []*Representation

	node *node
}

// Representation is a Representation with the attributes that it inherits.
type Representation struct {
	ID, MimeType, Codecs string
	Bandwidth            uint64
	Timescale            uint64
	Offset               uint64 // presentationTimeOffset
	Init                 string // URL, resolved
	Segments             []Segment

	period   *Period
	node     *node
	template *node
	values   map[string]string // attributes, inherited ones included
	label    string            // for people
}

// Segment is a segment as it is listed.
type Segment struct {
	Number         uint64
	Time, Duration uint64 // in the Representation's timescale
	Gap            bool   // it holds no media, and FailoverContent says so
	Missing        uint64 // of Duration, at its end: likewise; all of it where Gap is set
	URL            string // resolved

	line int
	run  int // which S it stands in
}

// ticks converts a time of the Representation.
func (r *Representation) ticks(v uint64) time.Duration {
	return time.Duration(math.Round(float64(v) / float64(r.Timescale) * float64(time.Second)))
}

// at is a media time on the presentation's clock.
func (r *Representation) at(v uint64) time.Duration {
	if v < r.Offset {
		return r.period.Start - r.ticks(r.Offset-v)
	}
	return r.period.Start + r.ticks(v-r.Offset)
}

// last returns the newest segment; there is one.
func (r *Representation) last() Segment { return r.Segments[len(r.Segments)-1] }

func (s Segment) end() uint64 { return s.Time + s.Duration }

// Parse reads an MPD and checks it by itself. It returns nil where it can't be
// read at all.
func Parse(url string, body []byte) (*MPD, []Violation) {
	f := &findings{url: url}
	m := parse(url, body, f)
	if m != nil {
		checkMPD(m, f)
	}
	return m, f.list
}

// parse reads the document and its schema. Nil stands for one of which the rest
// can't be checked.
func parse(from string, body []byte, f *findings) *MPD {
	if len(body) > maxBody {
		f.add(docSize, 0, "%d bytes", len(body))
		return nil
	}
	root, err := readTree(body)
	if err != nil {
		f.add(docXML, 0, "%v", err)
		return nil
	}
	if root.name.Local != "MPD" || root.name.Space != namespace {
		f.add(docRoot, root.line, "%s in %q", root.name.Local, root.name.Space)
		return nil
	}
	before := len(f.list)
	checkSchema(root, f)
	for _, v := range f.list[before:] {
		if v.Rule == schemaRequired || v.Rule == schemaType {
			return nil
		}
	}
	base, err := url.Parse(from)
	if err != nil {
		f.add(templateURL, 0, "%v", err)
		return nil
	}
	return build(root, base, f)
}

// build makes the model of a document that its schema allows.
func build(root *node, base *url.URL, f *findings) *MPD {
	m := &MPD{URL: base.String(), root: root, base: base}
	kind, _ := root.attr("type")
	m.Dynamic = kind == "dynamic"
	m.Start, m.Published = date(root, "availabilityStartTime"), date(root, "publishTime")
	m.Duration, m.Update = duration(root, "mediaPresentationDuration"), duration(root, "minimumUpdatePeriod")
	m.Depth, m.Delay = duration(root, "timeShiftBufferDepth"), duration(root, "suggestedPresentationDelay")
	m.Longest = duration(root, "maxSegmentDuration")
	m.Buffer = duration(root, "minBufferTime")
	next := time.Duration(0)
	for _, n := range root.all("Period") {
		p := &Period{Start: duration(n, "start"), Duration: duration(n, "duration"), node: n}
		p.ID, _ = n.attr("id")
		if p.Start == absent {
			p.Start = next
		}
		next = p.Start + max(p.Duration, 0)
		m.Periods = append(m.Periods, p)
		p.events(f)
		for _, n := range n.all("AdaptationSet") {
			s := &Set{node: n}
			s.ID, _ = n.attr("id")
			s.ContentType, _ = n.attr("contentType")
			p.Sets = append(p.Sets, s)
			for _, rn := range n.all("Representation") {
				if r := representation(p, n, rn, base, f); r != nil {
					s.Representations = append(s.Representations, r)
				}
			}
		}
	}
	return m
}

// representation reads one, and checks what its segments can't be listed without.
func representation(p *Period, set, n *node, base *url.URL, f *findings) *Representation {
	r := &Representation{period: p, node: n, values: map[string]string{}}
	for _, from := range []*node{set, n} {
		for _, a := range from.attrs {
			if a.Name.Space == "" && (from == n || commonAttributes[a.Name.Local].valid != nil) {
				r.values[a.Name.Local] = a.Value
			}
		}
	}
	r.ID, r.MimeType, r.Codecs = r.values["id"], r.values["mimeType"], r.values["codecs"]
	r.Bandwidth = number(n, "bandwidth", 0)
	r.label = fmt.Sprintf("Representation %s of Period %s", r.ID, p.ID)
	r.template = n.one("SegmentTemplate")
	if r.template == nil || r.template.one("SegmentTimeline") == nil {
		f.add(templateForm, n.line, "no SegmentTemplate with a SegmentTimeline in Representation %s", r.ID)
		return nil
	}
	r.Timescale, r.Offset = number(r.template, "timescale", 1), number(r.template, "presentationTimeOffset", 0)
	if r.Timescale == 0 {
		f.add(schemaType, r.template.line, "timescale 0")
		return nil
	}
	r.list(base, f)
	return r
}

// list expands the SegmentTimeline.
func (r *Representation) list(base *url.URL, f *findings) {
	r.Init, _ = r.resolve("initialization", 0, base, f)
	media, ok := r.resolve("media", math.MaxUint32, base, f)
	prefix, suffix, _ := strings.Cut(media, strconv.FormatUint(math.MaxUint32, 10))
	next, at := number(r.template, "startNumber", 1), uint64(0)
	for i, s := range r.template.one("SegmentTimeline").all("S") {
		at = number(s, "t", at)
		d := number(s, "d", 0)
		text, _ := s.attr("r")
		repeat, _ := strconv.ParseInt(text, 10, 64)
		if repeat < 0 {
			f.add(timelineRepeat, s.line, "r %d of Representation %s", repeat, r.ID)
			repeat = 0
		}
		_, explicit := s.attr("t")
		f.check(i > 0 || explicit, timelineFirst, s.line, "the first S of Representation %s has no @t", r.ID)
		_, numbered := s.attr("n")
		f.check(!numbered, timelineNumber, s.line, "S@n in Representation %s", r.ID)
		f.check(d > 0, timelineZero, s.line, "Representation %s", r.ID)
		for ; repeat >= 0 && f.segments < maxSegments; repeat-- {
			f.segments++
			g := Segment{Number: next, Time: at, Duration: d, line: s.line, run: i}
			if ok {
				g.URL = prefix + strconv.FormatUint(next, 10) + suffix
			}
			r.Segments = append(r.Segments, g)
			next, at = next+1, at+d
		}
	}
	f.check(len(r.Segments) > 0, timelineFirst, r.template.line, "Representation %s lists no segment", r.ID)
	f.check(next <= math.MaxUint32, timelineRange, r.template.line, "number %d", next)
	r.failover(f)
}

// failover marks the segments that hold no media, or none at their end.
func (r *Representation) failover(f *findings) {
	n := r.template.one("FailoverContent")
	if n == nil {
		return
	}
	valid, _ := n.attr("valid")
	f.check(valid == "false", failoverForm, n.line, "valid is %q", valid)
	for _, fcs := range n.all("FCS") {
		found := false
		t, d := number(fcs, "t", 0), number(fcs, "d", 0)
		for i := range r.Segments {
			if g := &r.Segments[i]; g.Time <= t && t < g.end() && t+d == g.end() && g.Missing == 0 {
				g.Gap, g.Missing, found = g.Time == t, d, true
			}
		}
		f.check(found, failoverForm, fcs.line, "no segment of Representation %s ends with t %d and d %d", r.ID, t, d)
	}
}

// resolve fills in a template and resolves it.
func (r *Representation) resolve(name string, n uint64, base *url.URL, f *findings) (string, bool) {
	template, ok := r.template.attr(name)
	if !ok {
		f.add(templateForm, r.template.line, "Representation %s has no @%s", r.ID, name)
		return "", false
	}
	counted := strings.Contains(template, "$Number$")
	f.check(counted == (name == "media"), templateForm, r.template.line, "%s is %.80q", name, template)
	filled := strings.NewReplacer("$RepresentationID$", r.ID, "$Number$", strconv.FormatUint(n, 10),
		"$Bandwidth$", strconv.FormatUint(r.Bandwidth, 10), "$$", "%24").Replace(template)
	if strings.Contains(filled, "$") {
		f.add(templateForm, r.template.line, "%s is %.80q: an identifier that isn't known, or not closed", name, template)
		return "", false
	}
	u, err := base.Parse(filled)
	if err != nil {
		f.add(templateURL, r.template.line, "%s is %.80q: %v", name, template, err)
		return "", false
	}
	below := strings.HasPrefix(u.Path, base.Path[:strings.LastIndexByte(base.Path, '/')+1])
	f.check(below && u.Host == base.Host && !strings.HasPrefix(filled, "/") && !strings.Contains(filled, ":"),
		templateRelative, r.template.line, "%s is %.80q", name, template)
	return u.String(), true
}

func date(n *node, name string) time.Time {
	if s, ok := n.attr(name); ok {
		t, _ := parseDate(s)
		return t
	}
	return time.Time{}
}

func duration(n *node, name string) time.Duration {
	if s, ok := n.attr(name); ok {
		d, _ := parseDuration(s)
		return d
	}
	return absent
}

func number(n *node, name string, otherwise uint64) uint64 {
	if s, ok := n.attr(name); ok {
		v, _ := strconv.ParseUint(s, 10, 64)
		return v
	}
	return otherwise
}

// name says which Representation of which Period.
func (r *Representation) name() string {
	return fmt.Sprintf("Representation %s of Period %s", r.ID, r.period.ID)
}
