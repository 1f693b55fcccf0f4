package dashcheck

import (
	"slices"
	"time"
)

// update compares an MPD with the one before it.
func (o *Observer) update(m *MPD, f *findings) {
	if !m.Dynamic && m.Start.IsZero() {
		return // a presentation of its own, for those who come after the end
	}
	before := o.last
	o.last = m
	if before == nil {
		return
	}
	line := m.root.line
	f.check(!m.Published.Before(before.Published), updatePublish, line, "%v, after %v", m.Published, before.Published)
	f.check(m.Start.Equal(before.Start), updateConstant, line, "availabilityStartTime is %v, and was %v", m.Start, before.Start)
	common := commonPeriods(before, m)
	switch {
	case !before.Dynamic && m.Dynamic:
		f.check(common == 0, updateType, line, "dynamic, with Periods of a static MPD")
		o.removed(before, m)
		o.checkNew(m, 0, f)
		return
	case before.Dynamic && m.Dynamic:
		checkConstant(before, m, f)
		f.check(m.After >= before.After || common == 0, pollNumber, line, "after=%d, and it was %d", m.After, before.After)
	}
	f.check(m.Longest >= before.Longest || common == 0, updateLongest, line, "%v, and it was %v", m.Longest, before.Longest)
	o.checkPeriodOrder(before, m, f)
	for _, p := range m.Periods {
		j := slices.IndexFunc(before.Periods, func(q *Period) bool { return q.ID == p.ID })
		if j < 0 {
			f.check(before.Dynamic, updateAfterEnd, p.node.line, "Period %s", p.ID)
			continue
		}
		checkPeriodUpdate(before.Periods[j], p, m, f)
		closed := j < len(before.Periods)-1
		for _, pair := range pairs(before.Periods[j], p) {
			checkRepresentationUpdate(before, pair[0], pair[1], closed, f)
		}
	}
	checkRemoved(before, m, f)
	o.removed(before, m)
}

func checkConstant(a, b *MPD, f *findings) {
	was, _ := a.root.attr("id")
	is, _ := b.root.attr("id")
	f.check(was == is || commonPeriods(a, b) == 0, updateID, b.root.line, "%q, and was %q", is, was)
	for _, name := range []string{
		"profiles", "minimumUpdatePeriod", "minBufferTime", "timeShiftBufferDepth", "suggestedPresentationDelay",
	} {
		was, _ := a.root.attr(name)
		is, _ := b.root.attr(name)
		f.check(was == is, updateConstant, b.root.line, "%s is %q, and was %q", name, is, was)
	}
	f.check(a.Clock == b.Clock, updateConstant, b.root.line, "UTCTiming is %q, and was %q", b.Clock, a.Clock)
}

func commonPeriods(a, b *MPD) int {
	n := 0
	for _, p := range a.Periods {
		if slices.ContainsFunc(b.Periods, func(q *Period) bool { return q.ID == p.ID }) {
			n++
		}
	}
	return n
}

// checkPeriodOrder demands that the new list is the old one, less some at the
// front, more some at the end.
func (o *Observer) checkPeriodOrder(a, b *MPD, f *findings) {
	first := slices.IndexFunc(a.Periods, func(p *Period) bool { return p.ID == b.Periods[0].ID })
	if first < 0 {
		f.check(commonPeriods(a, b) == 0, updateOrder, b.Periods[0].node.line, "Period %s is new, and the first", b.Periods[0].ID)
		o.checkNew(b, 0, f)
		return
	}
	n := 0
	for ; first+n < len(a.Periods); n++ {
		was := a.Periods[first+n].ID
		if n >= len(b.Periods) || b.Periods[n].ID != was {
			f.add(updateOrder, b.root.line, "Period %s isn't where it was", was)
			return
		}
	}
	o.checkNew(b, n, f)
}

// checkNew demands that the Periods from n on weren't removed before.
func (o *Observer) checkNew(m *MPD, n int, f *findings) {
	for _, p := range m.Periods[n:] {
		_, ok := o.gone[p.ID]
		f.check(!ok, updateOrder, p.node.line, "Period %s is back", p.ID)
	}
}

// removed remembers the Periods of a that b doesn't have.
func (o *Observer) removed(a, b *MPD) {
	for _, p := range a.Periods {
		if len(o.gone) < maxPeriods && !slices.ContainsFunc(b.Periods, func(q *Period) bool { return q.ID == p.ID }) {
			o.gone[p.ID] = struct{}{}
		}
	}
}

func checkPeriodUpdate(was, is *Period, m *MPD, f *findings) {
	line := is.node.line
	f.check(is.Start == was.Start, updateStart, line, "Period %s starts at %v, and started at %v", is.ID, is.Start, was.Start)
	checkEventUpdate(was, is, f)
	f.check(was.Duration < 0 || is.Duration == was.Duration, updateEnd, line, "Period %s lasts %v, and lasted %v", is.ID, is.Duration, was.Duration)
	for _, pair := range [][2]*Period{{was, is}, {is, was}} {
		for _, s := range pair[0].Sets {
			checkSetUpdate(s, pair[1], f)
			for _, r := range s.Representations {
				if pair[0] == was && m.outOfWindow(r) {
					continue
				}
				f.check(pair[1].find(s.ID, r.ID) != nil, updateSets, line, "Representation %s of AdaptationSet %s joined or left Period %s", r.ID, s.ID, is.ID)
			}
		}
	}
}

// outOfWindow reports whether all of a Representation, which ended before its
// Period did, has left the window.
func (m *MPD) outOfWindow(r *Representation) bool {
	return len(r.Segments) > 0 && m.Depth > 0 && m.newestEnd()-r.at(r.last().end()) >= m.Depth-frameSlack
}

// checkSetUpdate compares what describes a set with what it was in the other MPD.
func checkSetUpdate(s *Set, other *Period, f *findings) {
	i := slices.IndexFunc(other.Sets, func(o *Set) bool { return o.ID == s.ID })
	if i < 0 {
		return
	}
	checkReferenceUpdate(s, other.Sets[i], f)
	for _, a := range s.node.attrs {
		v, _ := other.Sets[i].node.attr(a.Name.Local)
		f.check(v == a.Value, updateRep, other.Sets[i].node.line, "AdaptationSet %s: %s was or is %q, and %q", s.ID, a.Name.Local, a.Value, v)
	}
}

// find returns the Representation of those ids, or nil.
func (p *Period) find(set, rep string) *Representation {
	for _, s := range p.Sets {
		if s.ID != set {
			continue
		}
		for _, r := range s.Representations {
			if r.ID == rep {
				return r
			}
		}
	}
	return nil
}

// pairs yields the Representations that a Period has in both MPDs.
func pairs(was, is *Period) [][2]*Representation {
	var list [][2]*Representation
	for _, s := range is.Sets {
		for _, r := range s.Representations {
			if old := was.find(s.ID, r.ID); old != nil && len(old.Segments) > 0 && len(r.Segments) > 0 {
				list = append(list, [2]*Representation{old, r})
			}
		}
	}
	return list
}

func checkRepresentationUpdate(before *MPD, was, is *Representation, closed bool, f *findings) {
	line := is.node.line
	for name, v := range is.values {
		old, ok := was.values[name]
		known := ok || name == "frameRate" // it may have to be measured first
		f.check(name == "bandwidth" || known && (!ok || old == v), updateRep, line, "%s: %s is %q, and was %q", is.name(), name, v, old)
	}
	for name, old := range was.values {
		_, ok := is.values[name]
		f.check(ok, updateRep, line, "%s: %s was %q, and is gone", is.name(), name, old)
	}
	for _, name := range []string{"timescale", "presentationTimeOffset", "initialization", "media"} {
		old, _ := was.template.attr(name)
		v, _ := is.template.attr(name)
		f.check(old == v, updateRep, is.template.line, "%s: %s is %q, and was %q", is.name(), name, v, old)
	}
	measured := len(was.Segments) > 2 // from a segment that was whole in every track
	f.check(is.Bandwidth >= was.Bandwidth || !measured, updateBandwidth, line, "%s: %d, and it was %d", is.name(), is.Bandwidth, was.Bandwidth)
	checkSegmentsUpdate(before, was, is, closed, f)
}

func checkSegmentsUpdate(before *MPD, was, is *Representation, closed bool, f *findings) {
	first, last := was.Segments[0], was.last()
	line := is.template.line
	f.check(is.Segments[0].Number >= first.Number, updateNumber, line, "%s: startNumber is %d, and was %d", is.name(), is.Segments[0].Number, first.Number)
	f.check(is.last().Number >= last.Number, updateLost, line, "%s ends with %d, and ended with %d", is.name(), is.last().Number, last.Number)
	known := map[uint64]Segment{}
	for _, g := range was.Segments {
		known[g.Number] = g
	}
	for _, g := range is.Segments {
		old, ok := known[g.Number]
		if !ok {
			if g.Number > last.Number {
				f.check(before.Dynamic, updateAfterEnd, g.line, "segment %d of %s", g.Number, is.name())
				f.check(!closed, updateClosed, g.line, "segment %d of %s", g.Number, is.name())
			}
			continue
		}
		f.check(g.Time == old.Time, updateTime, g.line, "segment %d of %s is at %d, and was at %d", g.Number, is.name(), g.Time, old.Time)
		grows := g.Number == last.Number && g.Duration >= old.Duration && before.Dynamic
		f.check(g.Duration == old.Duration || grows, updateLength, g.line, "segment %d of %s lasts %d, and lasted %d", g.Number, is.name(), g.Duration, old.Duration)
		upTo, had := g.end()-g.Missing, old.end()-old.Missing
		f.check(upTo == had || old.Missing == 0 && (grows || before.mayLack(was, old)), updateRep, g.line,
			"segment %d of %s has media up to %d, and had up to %d", g.Number, is.name(), upTo, had)
	}
}

// mayLack reports whether a segment may turn out to have less media than it is listed
// with: what was expected of a rung that is behind may not come. The leading
// Representation has what it is listed with, and what isn't there never comes.
func (m *MPD) mayLack(r *Representation, g Segment) bool {
	return m.Dynamic && !r.leads() && g.Missing == 0 && r.last().Number-g.Number < maxAhead
}

// leads reports whether a Representation is the first of its Period.
func (r *Representation) leads() bool {
	first := slices.IndexFunc(r.period.Sets, func(s *Set) bool { return len(s.Representations) > 0 })
	return r.period.Sets[first].Representations[0] == r
}

// checkRemoved demands that what left the window was old enough.
func checkRemoved(a, b *MPD, f *findings) {
	if !a.Dynamic || !b.Dynamic || b.Depth <= 0 {
		return
	}
	newest := b.newestEnd()
	for _, p := range a.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				var keeps uint64 // the first number that is still listed
				for _, q := range b.Periods {
					if now := q.find(s.ID, r.ID); q.ID == p.ID && now != nil && len(now.Segments) > 0 {
						keeps = now.Segments[0].Number
					}
				}
				for _, g := range r.Segments {
					if keeps > 0 && g.Number >= keeps {
						break
					}
					age := newest - r.at(g.end())
					f.check(age >= b.Depth-frameSlack, updateEarly, b.root.line, "segment %d of %s was removed %v after its end", g.Number, r.name(), age)
				}
			}
		}
	}
}

// newestEnd is where the newest media ends on the presentation's clock.
func (m *MPD) newestEnd() time.Duration {
	var end time.Duration
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				if len(r.Segments) > 0 {
					end = max(end, r.at(r.last().end()))
				}
			}
		}
	}
	return end
}
