package hlscheck

import (
	"net/url"
	"time"
)

// checkMedia applies the rules that a media playlist can break by itself.
func checkMedia(m *Media, f *findings) {
	checkControl(m, f)
	hasParts, hasDates := false, false
	tail := m.tail()
	for i := range tail {
		g := &tail[i]
		whole := m.Open == nil || i < len(m.Segments)
		if whole {
			checkDuration(m, g, f)
		}
		checkParts(m, g, whole, f)
		hasParts = hasParts || len(g.Parts) > 0
		hasDates = hasDates || !g.Date.IsZero()
		if g.Breaks > 0 && g.Date.IsZero() {
			f.add(dateBreak, g.line, "segment %d", g.MSN)
		}
		if i > 0 {
			checkDates(&tail[i-1], g, f)
		}
	}
	if !hasDates && len(tail) > 0 {
		f.add(dateMissing, 0, "no EXT-X-PROGRAM-DATE-TIME")
	}
	if hasParts {
		checkPartPromises(m, f)
	}
	checkHints(m, f)
	checkReports(m, hasParts, f)
	checkSkip(m, f)
	if m.Ended && m.Open != nil {
		f.add(endOpen, m.Open.line, "%d parts", len(m.Open.Parts))
	}
}

// tail returns the segments, the open one among them.
func (m *Media) tail() []Segment {
	if m.Open == nil {
		return m.Segments
	}
	return append(m.Segments[:len(m.Segments):len(m.Segments)], *m.Open)
}

// span returns the duration of the whole segments that are listed.
func (m *Media) span() time.Duration {
	var d time.Duration
	for i := range m.Segments {
		d += m.Segments[i].Duration
	}
	return d
}

func checkControl(m *Media, f *findings) {
	c := m.Control
	if c.SkipUntil > 0 && c.SkipUntil < 6*m.Target {
		f.add(controlSkip, 0, "%v with a target duration of %v", c.SkipUntil, m.Target)
	}
	if c.HoldBack > 0 && c.HoldBack < 3*m.Target {
		f.add(controlHold, 0, "%v with a target duration of %v", c.HoldBack, m.Target)
	}
	if m.PartTarget > 0 && c.PartHoldBack < 3*m.PartTarget {
		f.add(controlPart, 0, "%v with a part target of %v", c.PartHoldBack, m.PartTarget)
	}
}

func checkDuration(m *Media, g *Segment, f *findings) {
	if g.Duration.Round(time.Second) > m.Target {
		f.add(targetDuration, g.line, "segment %d lasts %v, the target is %v", g.MSN, g.Duration, m.Target)
	}
}

func checkPartPromises(m *Media, f *findings) {
	if m.PartTarget == 0 {
		f.add(partInf, 0, "parts without EXT-X-PART-INF")
	}
	if !m.Control.BlockReload {
		f.add(controlBlock, 0, "parts without CAN-BLOCK-RELOAD=YES")
	}
	// How far the end of each part lies before the end of the last segment.
	var after time.Duration
	for i := len(m.Segments) - 1; i >= 0; i-- {
		g := &m.Segments[i]
		if len(g.Parts) > 0 {
			if distance := after + g.Duration - g.Parts[0].Duration; distance > 3*m.Target+rounding {
				f.add(partOld, g.Parts[0].line, "part %d.0 ends %v before the end", g.MSN, distance)
			}
		}
		after += g.Duration
	}
}

func checkParts(m *Media, g *Segment, whole bool, f *findings) {
	var sum time.Duration
	gaps := false
	for i := range g.Parts {
		p := &g.Parts[i]
		sum += p.Duration
		gaps = gaps || p.Gap
		if m.PartTarget == 0 {
			continue
		}
		if p.Duration > m.PartTarget {
			f.add(partMax, p.line, "part %d.%d lasts %v, the target is %v", g.MSN, i, p.Duration, m.PartTarget)
		}
		last := i == len(g.Parts)-1
		beforeGap := !last && g.Parts[i+1].Gap
		// The newest part may turn out to be its segment's last.
		if !last && !p.Independent && !p.Gap && !beforeGap && p.Duration*100 < m.PartTarget*85 {
			f.add(partMin, p.line, "part %d.%d lasts %v, the target is %v", g.MSN, i, p.Duration, m.PartTarget)
		}
	}
	if len(g.Parts) == 0 || !whole {
		return
	}
	if difference := (sum - g.Duration).Abs(); difference > frameSlack {
		f.add(partSum, g.line, "segment %d lasts %v, its parts %v", g.MSN, g.Duration, sum)
	}
}

// checkDates looks at a segment and the one before it.
func checkDates(before, g *Segment, f *findings) {
	if before.Date.IsZero() || g.Date.IsZero() {
		return
	}
	off := g.Date.Sub(before.Date.Add(before.Duration))
	switch {
	case g.Breaks == 0 && off.Abs() > frameSlack:
		f.add(dateJump, g.line, "segment %d begins %v after the end of the one before it", g.MSN, off)
	case off <= -overlap:
		f.add(dateOverlap, g.line, "segment %d begins %v before the end of the one before it", g.MSN, -off)
	}
}

func checkHints(m *Media, f *findings) {
	types := map[string]bool{}
	for _, h := range m.Hints {
		if m.Ended {
			f.add(hintEnded, h.line, "%.60q", h.URI)
		}
		if types[h.Type] {
			f.add(hintTwice, h.line, "TYPE=%s", h.Type)
		}
		types[h.Type] = true
		for _, g := range m.tail() {
			for _, p := range g.Parts {
				if h.Type == "PART" && h.URI == p.URI {
					f.add(hintListed, h.line, "%.60q", h.URI)
				}
			}
		}
	}
}

func checkReports(m *Media, hasParts bool, f *findings) {
	for _, r := range m.Reports {
		if u, err := url.Parse(r.URI); err == nil && u.IsAbs() {
			f.add(reportRelative, r.line, "%.80q", r.URI)
		}
		if hasParts && r.LastPart < 0 {
			f.add(reportValue, r.line, "no LAST-PART")
		}
	}
}

func checkSkip(m *Media, f *findings) {
	if m.Skipped == 0 {
		return
	}
	if m.Ended {
		f.add(skipEnded, 0, "%d segments skipped", m.Skipped)
	}
	if m.Control.SkipUntil == 0 || m.span() < m.Control.SkipUntil-rounding {
		f.add(skipBoundary, 0, "%v are left, the boundary is %v", m.span(), m.Control.SkipUntil)
	}
}
