package hlscheck

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stableID is what STABLE-VARIANT-ID and STABLE-RENDITION-ID may be (§4.4.6.1, §4.4.6.2).
var stableID = regexp.MustCompile(`^[A-Za-z0-9+/=._-]+$`)

// ids are those of a kind of playlist, both ways.
type ids struct {
	what       *Rule
	uris, ids  map[string]string
	some, none bool
}

func newIDs(what *Rule) *ids {
	return &ids{what: what, uris: map[string]string{}, ids: map[string]string{}}
}

// add takes the ID of a playlist, the empty one where it has none.
func (s *ids) add(id, uri string, line int, f *findings) {
	if uri == "" {
		return
	}
	if id == "" {
		s.none = true
		return
	}
	s.some = true
	if !stableID.MatchString(id) {
		f.add(s.what, line, "%.60q has other characters", id)
	}
	if other, ok := s.uris[id]; ok && other != uri {
		f.add(s.what, line, "%q is that of %.80q too", id, other)
	}
	if other, ok := s.ids[uri]; ok && other != id {
		f.add(s.what, line, "%q is called %q too", uri, other)
	}
	s.uris[id], s.ids[uri] = uri, id
}

// checkIDs demands that playlists have an ID each, of their own.
func (mv *Multivariant) checkIDs(f *findings) {
	variants, renditions := newIDs(variantStable), newIDs(renditionStable)
	for _, v := range mv.Variants {
		variants.add(v.Stable, v.URI, v.line, f)
	}
	for _, r := range mv.Renditions {
		renditions.add(r.Stable, r.URI, r.line, f)
	}
	for _, s := range []*ids{variants, renditions} {
		if s.some && s.none {
			f.add(s.what, 0, "some have none")
		}
	}
}

// ownPathway is that of variants that name none.
const ownPathway = "."

// checkPathway demands that there is what players begin with.
func (mv *Multivariant) checkPathway(f *findings) {
	has := func(v Variant) bool { return v.Pathway == mv.pathway }
	if mv.pathway != "" && !slices.ContainsFunc(mv.Variants, has) {
		f.add(steeringPathway, 0, "PATHWAY-ID=%q", mv.pathway)
	}
}

// checkScores demands that all variants have a SCORE where one has.
func (mv *Multivariant) checkScores(f *findings) {
	n := 0
	for _, v := range mv.Variants {
		if v.Score == "" {
			continue
		}
		n++
		if score, err := strconv.ParseFloat(v.Score, 64); err != nil || score <= 0 {
			f.add(variantScore, v.line, "SCORE=%s", v.Score)
		}
	}
	if n > 0 && n < len(mv.Variants) {
		f.add(variantScore, 0, "%d of %d have one", n, len(mv.Variants))
	}
}

// readStart reads EXT-X-START.
func (mv *Multivariant) readStart(l line, f *findings) {
	text := l.attrs.text("TIME-OFFSET")
	span, err := parseSeconds(strings.TrimPrefix(text, "-"))
	if err != nil {
		return // attribute.type
	}
	if mv.Start = -span; !strings.HasPrefix(text, "-") || span == 0 {
		f.add(startOffset, l.number, "TIME-OFFSET=%s", text)
	}
}

// readData reads EXT-X-SESSION-DATA.
func (mv *Multivariant) readData(l line, f *findings) {
	a := l.attrs
	if a.has("VALUE") == a.has("URI") {
		f.add(sessionData, l.number, "%s has VALUE and URI, or neither", a.text("DATA-ID"))
	}
	id := [2]string{a.text("DATA-ID"), a.text("LANGUAGE")}
	if mv.data[id] {
		f.add(sessionData, l.number, "a second %s in %q", id[0], id[1])
	}
	mv.data[id] = true
}

// checkStart looks how near to the end the multivariant playlist has players begin.
func (o *Observer) checkStart(m *Media, f *findings) {
	if len(o.masters) == 0 {
		return
	}
	start := o.masters[len(o.masters)-1].mv.Start
	if least := 3 * m.Target; start < 0 && -start < least && !m.Ended {
		f.add(startEdge, 0, "%v from the end, with a target duration of %v", -start, m.Target.Round(time.Second))
	}
}
