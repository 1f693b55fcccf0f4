package dashcheck

import "time"

// checkReferences checks the ProducerReferenceTimes of a dynamic MPD.
func checkReferences(m *MPD, p *Period, f *findings) {
	for _, s := range p.Sets {
		list := s.node.all("ProducerReferenceTime")
		f.check(len(list) == 1, setReference, s.node.line, "%d of AdaptationSet %s", len(list), s.ID)
		for _, n := range list {
			f.check(n.prefixed, setReferences, n.line, "AdaptationSet %s", s.ID)
			checkReference(m, s, n, f)
		}
	}
}

func checkReference(m *MPD, s *Set, n *node, f *findings) {
	text, _ := n.attr("wallClockTime")
	at, err := parseDate(text)
	f.check(err == nil, setReference, n.line, "%.60q: %v", text, err)
	for _, r := range s.Representations {
		want := m.Start.Add(r.at(number(n, "presentationTime", 0)))
		d := at.Sub(want)
		f.check(d.Abs() < time.Millisecond, setReference, n.line, "%s: %v, which is at %v", r.name(), at, want)
	}
	clock := n.one("UTCTiming")
	if clock == nil {
		f.add(setReference, n.line, "no UTCTiming in that of AdaptationSet %s", s.ID)
		return
	}
	value, _ := clock.attr("value")
	u, err := m.base.Parse(value)
	f.check(err == nil && u.String() == m.Clock, setReference, clock.line, "UTCTiming is %.80q, and the MPD's %q", value, m.Clock)
}

// checkReferenceUpdate compares a set's with what it was.
func checkReferenceUpdate(s, other *Set, f *findings) {
	was, is := s.node.one("ProducerReferenceTime"), other.node.one("ProducerReferenceTime")
	if was == nil || is == nil {
		return // in the end there is none
	}
	for _, name := range []string{"id", "type", "wallClockTime", "presentationTime"} {
		a, _ := was.attr(name)
		b, _ := is.attr(name)
		f.check(a == b, updateReference, is.line, "AdaptationSet %s: %s was or is %q, and %q", s.ID, name, a, b)
	}
}
