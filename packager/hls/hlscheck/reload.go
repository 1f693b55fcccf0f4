package hlscheck

import (
	"net/url"
	"slices"
	"time"
)

// reload takes a media playlist into what is known, and returns it whole.
func (o *Observer) reload(u *url.URL, m *Media, at time.Time, f *findings) *Media {
	key := withoutDirectives(u.String())
	t := o.playlists[key]
	if t == nil {
		if len(o.playlists) == maxPlaylists {
			return m
		}
		t = &track{url: u}
		o.playlists[key] = t
	}
	isDelta := m.Skipped > 0
	if isDelta {
		expanded := t.expand(m, at, f)
		if expanded == nil {
			return m
		}
		m = expanded
	}
	if t.m != nil {
		t.compare(m, isDelta, f)
	}
	t.remember(m, at)
	t.m, t.at, t.fromDelta, t.gone = m, at, isDelta, false
	t.checkUnreported(key, f)
	o.checkFuture(m, at, f)
	o.checkIndependence(t, f)
	if o.checkFamily(t, key, f); m.IFrames {
		o.checkIFrames(t, f)
		return m
	}
	o.checkSiblings(t, key, f)
	return m
}

// expand puts the skipped segments back in. It returns nil where they aren't
// known.
func (t *track) expand(delta *Media, at time.Time, f *findings) *Media {
	if t.m == nil {
		return nil
	}
	first := delta.Sequence
	from := slices.IndexFunc(t.m.Segments, func(g Segment) bool { return g.MSN == first })
	if from < 0 || uint64(len(t.m.Segments)-from) < delta.Skipped {
		// A reader that was away for longer may not ask for a delta update.
		if at.Sub(t.at) <= delta.Control.SkipUntil/2 {
			f.add(skipUnknown, 0, "segments %d to %d are skipped", first, first+delta.Skipped-1)
		}
		return nil
	}
	whole := *delta
	whole.Skipped = 0
	skipped := t.m.Segments[from : from+int(delta.Skipped)]
	if d := skipped[0].Discontinuity; d != delta.Discontinuity {
		f.add(reloadBreak, 0, "segment %d: %d was %d", first, delta.Discontinuity, d)
	}
	last := skipped[len(skipped)-1]
	whole.Segments = slices.Clone(skipped)
	for _, g := range delta.Segments {
		last = g.after(last)
		whole.Segments = append(whole.Segments, last)
	}
	if delta.Open != nil {
		open := delta.Open.after(last)
		whole.Open = &open
	}
	return &whole
}

// after returns g with what the segment before it passes on.
func (g Segment) after(before Segment) Segment {
	g.Discontinuity = before.Discontinuity + uint64(g.Breaks)
	if g.Map == "" {
		g.Map = before.Map
	}
	return g
}

// last returns the MSN of the last segment, the open one included.
func (m *Media) last() (uint64, bool) {
	tail := m.tail()
	if len(tail) == 0 {
		return 0, false
	}
	return tail[len(tail)-1].MSN, true
}

// compare applies the rules about what may change when a playlist is reloaded.
func (t *track) compare(m *Media, isDelta bool, f *findings) {
	old := t.m
	if t.restarted(m, f) {
		t.history, t.reported = nil, position{}
		return
	}
	if old.Ended && (!m.Ended || !samePosition(old, m)) {
		f.add(reloadEnded, 0, "it goes on")
	}
	comparePromises(old, m, f)
	compareRanges(old, m, f)
	if m.Sequence < old.Sequence {
		f.add(reloadMSN, 0, "%d was %d", m.Sequence, old.Sequence)
	}
	was, now := old.tail(), m.tail()
	if len(was) == 0 || len(now) == 0 {
		return
	}
	if a, b := was[len(was)-1].MSN, now[len(now)-1].MSN; b < a {
		f.add(reloadLost, 0, "segment %d is gone from the end", a)
	}
	expanded := isDelta != t.fromDelta && samePosition(old, m)
	for i, j := 0, 0; i < len(was) && j < len(now); {
		switch a, b := &was[i], &now[j]; {
		case a.MSN < b.MSN:
			i++
		case a.MSN > b.MSN:
			j++
		default:
			compareSegments(a, b, i < len(old.Segments), j < len(m.Segments), f)
			if expanded && len(a.Parts) != len(b.Parts) {
				f.add(skipExpand, b.line, "segment %d has %d parts in one and %d in the other", a.MSN, len(a.Parts), len(b.Parts))
			}
			i++
			j++
		}
	}
	if t.gone {
		return
	}
	if m.Sequence > old.Sequence && !m.Ended {
		if d := m.span(); d < 3*m.Target {
			f.add(reloadEarly, 0, "%v is left, the target is %v", d, m.Target)
		}
		if n := len(m.Segments); n < 6 {
			f.add(reloadFew, 0, "%d segments are left", n)
		}
	}
	compareHints(old, m, f)
}

// restarted reports whether m is of another broadcast than what was there
// before: nothing of the old is listed, and it had ended or its clock did.
func (t *track) restarted(m *Media, f *findings) bool {
	last, ok := t.m.last()
	if !ok {
		return false
	}
	tail := t.m.tail()
	newest := tail[len(tail)-1].Discontinuity
	if m.Sequence <= last {
		// An ended playlist whose successor counts from the start again.
		if t.m.Ended && !m.Ended && m.Sequence < t.m.Sequence {
			f.add(reloadRestart, 0, "media sequence %d after %d", m.Sequence, last)
			return true
		}
		return false
	}
	if m.Discontinuity > newest {
		return true
	}
	if t.m.Ended {
		f.add(reloadRestart, 0, "discontinuity sequence %d after %d", m.Discontinuity, newest)
	}
	return t.m.Ended
}

// samePosition reports whether two versions of a playlist end at the same place.
func samePosition(a, b *Media) bool {
	return a.Ended == b.Ended && a.end() == b.end()
}

// end returns the number of whole segments, as an MSN, and the parts of the
// open one.
func (m *Media) end() position {
	p := position{msn: m.Sequence + m.Skipped + uint64(len(m.Segments))}
	if m.Open != nil {
		p.part = int64(len(m.Open.Parts))
	}
	return p
}

func comparePromises(old, m *Media, f *findings) {
	if m.Target != old.Target {
		f.add(reloadTarget, 0, "%v was %v", m.Target, old.Target)
	}
	if m.PartTarget != old.PartTarget {
		f.add(reloadPart, 0, "%v was %v", m.PartTarget, old.PartTarget)
	}
	if m.Control != old.Control {
		f.add(reloadControl, 0, "%+v was %+v", m.Control, old.Control)
	}
	if m.Version != old.Version {
		f.add(reloadVersion, 0, "%d was %d", m.Version, old.Version)
	}
}

// compareSegments compares two versions of a segment.
func compareSegments(was, now *Segment, wasWhole, isWhole bool, f *findings) {
	if wasWhole && !isWhole {
		f.add(reloadLost, now.line, "segment %d was whole", was.MSN)
		return
	}
	if was.Discontinuity != now.Discontinuity {
		f.add(reloadBreak, now.line, "segment %d: %d was %d", now.MSN, now.Discontinuity, was.Discontinuity)
	}
	if !was.Date.Equal(now.Date) {
		f.add(reloadDate, now.line, "segment %d: %v was %v", now.MSN, now.Date, was.Date)
	}
	if was.Map != now.Map {
		f.add(reloadMap, now.line, "segment %d: %q was %q", now.MSN, now.Map, was.Map)
	}
	if wasWhole {
		if was.URI != now.URI || was.Range != now.Range {
			f.add(reloadURI, now.line, "segment %d: %v of %q was %v of %q", now.MSN, now.Range, now.URI, was.Range, was.URI)
		}
		if was.Duration != now.Duration {
			f.add(reloadLength, now.line, "segment %d: %v was %v", now.MSN, now.Duration, was.Duration)
		}
		if was.Gap != now.Gap {
			f.add(reloadGap, now.line, "segment %d: gap %t was %t", now.MSN, now.Gap, was.Gap)
		}
	}
	compareParts(was, now, wasWhole, isWhole, f)
}

func compareParts(was, now *Segment, wasWhole, isWhole bool, f *findings) {
	if len(now.Parts) == 0 && isWhole {
		return // removed, together
	}
	if len(now.Parts) < len(was.Parts) || wasWhole && len(now.Parts) > len(was.Parts) {
		f.add(reloadParts, now.line, "segment %d: %d parts were %d", now.MSN, len(now.Parts), len(was.Parts))
		return
	}
	for i := range was.Parts {
		a, b := was.Parts[i], now.Parts[i]
		if a.URI != b.URI || a.Duration != b.Duration || a.Independent != b.Independent || a.Gap != b.Gap {
			f.add(reloadParts, b.line, "part %d.%d changed", now.MSN, i)
		}
	}
}

// compareHints looks at what came after the old version of a playlist.
func compareHints(old, m *Media, f *findings) {
	hint := ""
	for _, h := range old.Hints {
		if h.Type == "PART" && hint == "" {
			hint = h.URI
		}
	}
	next, ok := followingPart(old, m)
	switch {
	case !ok || hint == next:
	case hint == "":
		f.add(hintMissing, 0, "before %.60q", next)
	default:
		f.add(hintWrong, 0, "%.60q came instead of %.60q", next, hint)
	}
}

// followingPart returns the part that came after the old version's last one,
// where it was to be expected: not after a discontinuity, and not where the
// segment turned out to be over (§6.2.6).
func followingPart(old, m *Media) (string, bool) {
	tail := old.tail()
	if len(tail) == 0 || old.PartTarget == 0 {
		return "", false
	}
	msn, index := tail[len(tail)-1].MSN+1, 0
	if old.Open != nil {
		msn, index = old.Open.MSN, len(old.Open.Parts)
	}
	for _, g := range m.tail() {
		if g.MSN == msn && len(g.Parts) > index && (index > 0 || g.Breaks == 0) {
			return g.Parts[index].URI, true
		}
	}
	return "", false
}

// remember keeps the segments that are new.
func (t *track) remember(m *Media, at time.Time) {
	next := uint64(0)
	if n := len(t.history); n > 0 {
		next = t.history[n-1].msn + 1
	}
	for _, g := range m.Segments {
		if g.MSN >= next && !g.Gap {
			t.history = append(t.history, whole{g.MSN, resolve(t.url, g.URI), g.Duration, int(min(g.Range.Length, maxBody)), at})
		}
	}
	if len(t.history) > maxHistory {
		t.history = slices.Clone(t.history[len(t.history)-maxHistory/2:])
	}
}
