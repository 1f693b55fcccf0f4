package hlscheck

import (
	"maps"
	"slices"
	"time"
)

// checkFuture looks at where the newest media ends.
func (o *Observer) checkFuture(m *Media, at time.Time, f *findings) {
	tail := m.tail()
	if len(tail) == 0 || at.IsZero() {
		return
	}
	g := tail[len(tail)-1]
	if g.Date.IsZero() {
		return
	}
	length := g.Duration
	if g.URI == "" {
		for _, p := range g.Parts {
			length += p.Duration
		}
	}
	if end := g.Date.Add(length); end.After(at.Add(o.options.Skew + frameSlack)) {
		f.add(dateFuture, g.line, "segment %d ends at %v, it is %v", g.MSN, end, at)
	}
}

// checkIndependence looks at what a playlist says of its segments' and parts'
// first samples.
func (o *Observer) checkIndependence(t *track, f *findings) {
	inMaster := len(o.masters) > 0 && o.masters[len(o.masters)-1].mv.Independent
	if inMaster && t.m.independent {
		f.add(independent, 0, "in a media playlist too")
	}
	for _, g := range t.m.tail() {
		for i, p := range g.Parts {
			if i == 0 && !p.Independent && !p.Gap && (inMaster || t.m.independent) {
				f.add(partStart, p.line, "part %d.0", g.MSN)
			}
			url := resolve(t.url, p.URI)
			r := o.media.get(url)
			if r.isPart {
				continue
			}
			r.isPart, r.independent = true, p.Independent
			o.media.set(url, r)
			r.check(url, p.line, f)
		}
	}
}

// newestPart returns where the last listed part of a playlist is, and false
// where none is listed.
func (m *Media) newestPart() (position, bool) {
	tail := m.tail()
	for i := len(tail) - 1; i >= 0; i-- {
		if n := len(tail[i].Parts); n > 0 {
			return position{tail[i].MSN, int64(n - 1)}, true
		}
	}
	return position{}, false
}

// checkSiblings compares a playlist with the others of its stream.
func (o *Observer) checkSiblings(t *track, key string, f *findings) {
	o.checkReportsHeard(t, f)
	reported := map[string]bool{}
	for _, r := range t.m.Reports {
		sibling := withoutDirectives(resolve(t.url, r.URI))
		reported[sibling] = true
		o.checkReport(t, sibling, r, f)
	}
	if len(o.masters) == 0 {
		return
	}
	family := o.masters[len(o.masters)-1]
	names := family.playlists()
	if !names[key] {
		return
	}
	pictures := family.pictures()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if name == key {
			continue
		}
		s := o.playlists[name]
		if t.m.PartTarget > 0 {
			miss(t, s, key, name, reported[name], isAlive(t, s, family), f)
		}
		if s != nil && s.m != nil && !s.gone {
			checkAlignment(t.m, s.m, name, f)
			o.checkTiming(t, s, pictures[key] && pictures[name], f)
		}
	}
}

// miss notes whether a playlist has a report of a sibling that should be there.
func miss(t, sibling *track, key, name string, reported, alive bool, f *findings) {
	switch {
	case sibling == nil || sibling.m == nil:
		if !reported && alive {
			f.add(reportMissing, 0, "of %s", name)
		}
	case reported || !alive:
		// It was offered before it is reported again, and not gone in between.
		if s := sibling.unreported[key]; s != nil && s.seen > 0 && reported {
			f.list = append(f.list, s.missed(name)...)
		}
		delete(sibling.unreported, key)
	case sibling.unreported[key] == nil:
		if sibling.unreported == nil {
			sibling.unreported = map[string]*silence{}
		}
		sibling.unreported[key] = &silence{url: t.url.String(), at: t.at}
	}
}

// checkUnreported is told of a playlist each time it is offered. An answer that
// was on its way when the rendition left may be seen after the report was missed:
// once isn't enough.
func (t *track) checkUnreported(name string, f *findings) {
	for _, s := range t.unreported {
		if t.at.Before(s.at) {
			continue
		}
		if s.seen++; s.seen == 2 {
			f.list = append(f.list, s.missed(name)...)
		}
	}
}

// missed is what was found where the report was missing.
func (s *silence) missed(name string) []Violation {
	f := &findings{url: s.url, at: s.at}
	f.add(reportMissing, 0, "of %s", name)
	return f.list
}

// playlists returns the URLs of a multivariant playlist's media playlists.
func (ma master) playlists() map[string]bool {
	names := map[string]bool{}
	for _, v := range ma.mv.Variants {
		names[withoutDirectives(resolve(ma.url, v.URI))] = true
	}
	for _, r := range ma.mv.Renditions {
		if r.URI != "" {
			names[withoutDirectives(resolve(ma.url, r.URI))] = true
		}
	}
	return names
}

// pictures returns the URLs of a multivariant playlist's media playlists of video.
func (ma master) pictures() map[string]bool {
	names := map[string]bool{}
	for _, v := range ma.mv.Variants {
		if v.HasVideo() {
			names[withoutDirectives(resolve(ma.url, v.URI))] = true
		}
	}
	return names
}

// isAlive reports whether a sibling is known to be part of the stream at the
// time of t: renditions come and go.
func isAlive(t, sibling *track, family master) bool {
	if sibling != nil && sibling.gone {
		return false
	}
	heard := family.at
	if sibling != nil && sibling.at.After(heard) {
		heard = sibling.at
	}
	return t.at.Sub(heard).Abs() <= 2*t.m.Target
}

// checkReport compares a rendition report with what its rendition showed long
// before, and remembers it.
func (o *Observer) checkReport(t *track, sibling string, r Report, f *findings) {
	s := o.playlists[sibling]
	if s == nil || s.m == nil {
		return
	}
	said := position{r.LastMSN, r.LastPart}
	if shown, ok := s.m.newestPart(); ok && said.before(shown) && t.at.Sub(s.at) > t.m.Target {
		f.add(reportStale, r.line, "%d.%d of %s, which showed %d.%d at %v", said.msn, said.part, sibling, shown.msn, shown.part, s.at)
	}
	if s.reported.before(said) {
		s.reported, s.reportAt = said, t.at
	}
}

// checkReportsHeard compares a playlist with what others reported of it long
// before.
func (o *Observer) checkReportsHeard(t *track, f *findings) {
	shown, ok := t.m.newestPart()
	if ok && shown.before(t.reported) && t.at.Sub(t.reportAt) > t.m.Target {
		f.add(reportAhead, 0, "%d.%d was reported at %v, it shows %d.%d", t.reported.msn, t.reported.part, t.reportAt, shown.msn, shown.part)
	}
}

// checkAlignment compares two renditions of a stream, as far as they list the
// same segments.
func checkAlignment(m, other *Media, name string, f *findings) {
	a, b := m.tail(), other.tail()
	overlap := false
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch g, h := &a[i], &b[j]; {
		case g.MSN < h.MSN:
			i++
		case g.MSN > h.MSN:
			j++
		default:
			overlap = true
			compareAligned(g, h, name, f)
			i++
			j++
		}
	}
	if !overlap {
		return
	}
	compareSiblingRanges(m, other, name, f)
	if m.Target != other.Target {
		f.add(alignTarget, 0, "%v, of %s %v", m.Target, name, other.Target)
	}
	if m.PartTarget != other.PartTarget {
		f.add(alignPart, 0, "%v, of %s %v", m.PartTarget, name, other.PartTarget)
	}
	if m.Control != other.Control {
		f.add(alignControl, 0, "%+v, of %s %+v", m.Control, name, other.Control)
	}
}

func compareAligned(g, h *Segment, name string, f *findings) {
	if g.Discontinuity != h.Discontinuity {
		f.add(alignBreak, g.line, "segment %d: %d, of %s %d", g.MSN, g.Discontinuity, name, h.Discontinuity)
	}
	if g.Date.IsZero() || h.Date.IsZero() {
		return
	}
	const slack = 2 * frameSlack // both may be off
	if off := g.Date.Sub(h.Date); off.Abs() > slack {
		f.add(alignDate, g.line, "segment %d begins %v after that of %s", g.MSN, off.Round(time.Millisecond), name)
	}
}

// checkTiming compares the newest segments that two renditions both list:
// pictures to the tick, and sound to half a frame of it. An epoch's last segment
// may differ in length: nobody knows what else the publisher had.
func (o *Observer) checkTiming(t, sibling *track, pictures bool, f *findings) {
	const newest = 4
	slack := soundSlack
	if pictures {
		slack = rounding
	}
	for i := max(0, len(t.m.Segments)-newest); i < len(t.m.Segments); i++ {
		g := &t.m.Segments[i]
		j := slices.IndexFunc(sibling.m.Segments, func(h Segment) bool { return h.MSN == g.MSN })
		if j < 0 {
			continue
		}
		h := &sibling.m.Segments[j]
		if off := g.Duration - h.Duration; pictures && !g.Gap && !h.Gap && t.m.goesOn(i) && sibling.m.goesOn(j) && off.Abs() > slack {
			f.add(alignLength, g.line, "segment %d lasts %v, of %s %v", g.MSN, g.Duration, sibling.url, h.Duration)
		}
		a, b := o.media.get(resolve(t.url, g.URI)), o.media.get(resolve(sibling.url, h.URI))
		if off := a.start - b.start; a.hasStart && b.hasStart && off.Abs() > slack {
			f.add(alignStart, g.line, "segment %d starts at %v, of %s at %v", g.MSN, a.start, sibling.url, b.start)
		}
	}
}

// goesOn reports whether whole segment i has one after it in its epoch.
func (m *Media) goesOn(i int) bool {
	tail := m.tail()
	return i+1 < len(tail) && tail[i+1].Breaks == 0
}
