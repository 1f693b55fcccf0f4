package dashcheck

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkMPD checks what can be seen in one MPD.
func checkMPD(m *MPD, f *findings) {
	line := m.root.line
	profiles, _ := m.root.attr("profiles")
	f.check(slices.Contains(strings.Split(strings.ReplaceAll(profiles, " ", ""), ","), "urn:mpeg:dash:profile:isoff-live:2011"),
		mpdProfile, line, "profiles is %.80q", profiles)
	if m.Dynamic {
		checkDynamic(m, f)
	} else {
		checkStatic(m, f)
	}
	checkService(m, f)
	checkSteering(m, f)
	checkPeriods(m, f)
	for _, p := range m.Periods {
		checkSets(p, f)
		if m.Dynamic {
			checkReferences(m, p, f)
		}
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				checkRepresentation(s, r, f)
				checkTimeline(m, r, f)
			}
			checkBoundaries(s, f)
		}
		checkEven(p, f)
	}
}

func checkDynamic(m *MPD, f *findings) {
	line := m.root.line
	f.check(!m.Start.IsZero(), mpdDynamic, line, "no availabilityStartTime")
	f.check(!m.Published.IsZero(), mpdDynamic, line, "no publishTime")
	f.check(m.Update > 0, mpdUpdates, line, "no minimumUpdatePeriod, or 0")
	f.check(m.Depth > 0, mpdUpdates, line, "no timeShiftBufferDepth, or 0")
	f.check(m.Delay < m.Depth || m.Depth <= 0, mpdDelay, line, "%v and %v", m.Delay, m.Depth)
	locations := m.root.all("Location")
	if len(locations) != 1 {
		f.add(locationForm, line, "%d Locations", len(locations))
	} else {
		checkLocation(m, locations[0], f)
	}
	for _, n := range m.root.all("PatchLocation") {
		checkPatchLocation(m, n, f)
	}
	timings := m.root.all("UTCTiming")
	f.check(len(timings) > 0, timingForm, line, "no UTCTiming")
	for _, n := range timings {
		scheme, _ := n.attr("schemeIdUri")
		value, _ := n.attr("value")
		u, err := m.base.Parse(value)
		if scheme != "urn:mpeg:dash:utc:http-iso:2014" || value == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" {
			f.add(timingForm, n.line, "%.60q, %.80q", scheme, value)
			continue
		}
		m.Clock = u.String()
	}
}

// checkLocation reads the MPD's next URL.
func checkLocation(m *MPD, n *node, f *findings) {
	text := strings.TrimSpace(n.text)
	u, err := m.base.Parse(text)
	if err != nil {
		f.add(locationForm, n.line, "%.80q: %v", text, err)
		return
	}
	same := *u
	q, own := same.Query(), m.base.Query()
	after, err := strconv.ParseUint(q.Get("after"), 10, 64)
	q.Del("after")
	own.Del("after")
	f.check(!q.Has("start") || own.Has("start"), locationForm, n.line, "%.80q in the MPD at %.80q", text, m.base)
	q.Del("start") // a date becomes the seconds since then
	own.Del("start")
	if err != nil || same.Scheme != m.base.Scheme || same.Host != m.base.Host || same.Path != m.base.Path ||
		q.Encode() != own.Encode() || u.Fragment != "" {
		f.add(locationForm, n.line, "%.80q in the MPD at %.80q", text, m.base)
		return
	}
	m.Next, m.After = u.String(), after
	if every, any, ok := m.newest(); ok {
		f.check(every <= after && after <= any, locationNumber, n.line,
			"%d, where every Representation lists %d, and one %d", after, every, any)
	}
}

// checkPatchLocation reads where the MPD's patch is.
func checkPatchLocation(m *MPD, n *node, f *findings) {
	id, _ := m.root.attr("id")
	published, _ := m.root.attr("publishTime")
	ttl, _ := n.attr("ttl")
	u, err := m.base.Parse(strings.TrimSpace(n.text))
	if err != nil {
		f.add(patchForm, n.line, "%v", err)
		return
	}
	q, life := u.Query(), atoi(ttl)
	beside := u.Scheme == m.base.Scheme && u.Host == m.base.Host && u.Path == strings.TrimSuffix(m.base.Path, "mpd")+"mpp"
	f.check(id != "" && beside && q.Get("publishTime") == published && q.Get("after") == strconv.FormatUint(m.After, 10) && life >= 1 && m.Patch == "",
		patchForm, n.line, "id %q, ttl %q, %.200q in the MPD of %s", id, ttl, u, published)
	m.Patch = u.String()
}

// checkSteering demands that what is cloned for other hosts is there, and is the MPD's folder.
func checkSteering(m *MPD, f *findings) {
	bases, steering := m.root.all("BaseURL"), m.root.one("ContentSteering")
	if steering == nil {
		f.check(len(bases) == 0, steeringForm, m.root.line, "BaseURL alone")
		return
	}
	at, _ := steering.attr("defaultServiceLocation")
	if len(bases) != 1 {
		f.add(steeringForm, steering.line, "%d BaseURLs", len(bases))
		return
	}
	name, _ := bases[0].attr("serviceLocation")
	text := strings.TrimSpace(bases[0].text)
	f.check(name != "" && name == at && text == "./", steeringForm, bases[0].line, "%q is %.80q, and the default is %q", name, text, at)
}

// newest is the newest number that every Representation of the last Period
// lists, and the newest that any does.
func (m *MPD) newest() (every, any uint64, ok bool) {
	for _, s := range m.Periods[len(m.Periods)-1].Sets {
		for _, r := range s.Representations {
			if len(r.Segments) == 0 {
				continue
			}
			n := r.last().Number
			if !ok || n < every {
				every = n
			}
			any, ok = max(any, n), true
		}
	}
	return every, any, ok
}

func checkStatic(m *MPD, f *findings) {
	line := m.root.line
	f.check(len(m.root.all("PatchLocation")) == 0, patchForm, line, "a static MPD")
	for _, name := range []string{"minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay"} {
		_, ok := m.root.attr(name)
		f.check(!ok, mpdStatic, line, "@%s", name)
	}
	f.check(m.root.one("Location") == nil, mpdStatic, line, "Location")
	last := m.Periods[len(m.Periods)-1]
	if m.Duration < 0 {
		f.add(mpdDuration, line, "no mediaPresentationDuration")
	} else if d := last.Start + last.Duration - m.Duration; last.Duration >= 0 && (d < -rounding || d > rounding) {
		f.add(mpdDuration, line, "%v, and the last Period ends at %v", m.Duration, last.Start+last.Duration)
	}
	// One that keeps availabilityStartTime goes on with a dynamic presentation's clock.
	f.check(m.Periods[0].Start == 0 || !m.Start.IsZero(), periodZero, m.Periods[0].node.line, "it begins at %v", m.Periods[0].Start)
}

func checkService(m *MPD, f *findings) {
	for _, n := range m.root.all("ServiceDescription") {
		for _, l := range n.all("Latency") {
			low, high := number(l, "min", 0), number(l, "max", 1<<32)
			f.check(low <= high, serviceLatency, l.line, "min %d, max %d", low, high)
			_, target := l.attr("target")
			f.check(!target, serviceTarget, l.line, "a target")
		}
		for _, r := range n.all("PlaybackRate") {
			low, high := fraction(r, "min", 1), fraction(r, "max", 1)
			f.check(low > 0.5 && low <= 1 && high >= 1 && high < 2, serviceLatency, r.line, "rates from %v to %v", low, high)
		}
	}
}

func fraction(n *node, name string, otherwise float64) float64 {
	if s, ok := n.attr(name); ok {
		v, _ := strconv.ParseFloat(s, 64)
		return v
	}
	return otherwise
}

func checkPeriods(m *MPD, f *findings) {
	ids := map[string]bool{}
	sets := map[string]string{}
	var numbers uint64
	for i, p := range m.Periods {
		line := p.node.line
		_, hasStart := p.node.attr("start")
		f.check(hasStart || !m.Dynamic, periodStart, line, "Period %q has no start", p.ID)
		f.check(p.ID != "" && !ids[p.ID], periodID, line, "%q", p.ID)
		ids[p.ID] = true
		p.checkEvents(f)
		f.check(len(p.Sets) > 0, periodEmpty, line, "Period %s", p.ID)
		last := i == len(m.Periods)-1
		f.check(p.Duration > 0 || p.Duration == absent && last && m.Dynamic, periodDuration, line, "Period %s: %v", p.ID, p.Duration)
		if !last {
			next := m.Periods[i+1]
			f.check(next.Start > p.Start, periodStart, next.node.line, "Period %s starts at %v, after %v", next.ID, next.Start, p.Start)
			f.check(p.Start+p.Duration <= next.Start, periodOverlap, line, "Period %s ends at %v, the next starts at %v",
				p.ID, p.Start+p.Duration, next.Start)
		}
		highest := numbers
		for _, s := range p.Sets {
			if kind, ok := sets[s.ID]; ok && kind != s.ContentType {
				f.add(periodSets, s.node.line, "AdaptationSet %s was %s, and is %s in Period %s", s.ID, kind, s.ContentType, p.ID)
			}
			sets[s.ID] = s.ContentType
			for _, r := range s.Representations {
				if len(r.Segments) > 0 {
					f.check(r.Segments[0].Number > numbers, periodNumbers, r.template.line, "%s begins with %d, after %d",
						r.name(), r.Segments[0].Number, numbers)
					highest = max(highest, r.last().Number)
				}
			}
		}
		numbers = highest
	}
}

// Fetch is an MPD as it came.
type Fetch struct {
	URL         string // absolute, with its query
	Body        []byte
	Asked       time.Time // when it was asked for; zero where that isn't known
	At          time.Time // when the last byte came
	ContentType string    // as in the header; empty where there is none
}

// after is the N that the request asks for what comes after.
func (f Fetch) after() (uint64, bool) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(u.Query().Get("after"), 10, 64)
	return n, err == nil
}
