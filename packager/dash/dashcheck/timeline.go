package dashcheck

import (
	"strconv"
	"time"
)

// checkTimeline checks the segments of one Representation.
func checkTimeline(m *MPD, r *Representation, f *findings) {
	p := r.period
	for i, g := range r.Segments {
		if i > 0 {
			checkNeighbours(r, r.Segments[i-1], g, f)
		}
		if d := r.ticks(g.Duration); m.Longest >= 0 && d > m.Longest+rounding {
			f.add(mpdLongest, g.line, "segment %d of %s lasts %v, maxSegmentDuration is %v", g.Number, r.name(), d, m.Longest)
		}
		if r.at(g.end()) <= p.Start-rounding {
			f.add(timelinePeriod, g.line, "segment %d of %s ends before the Period starts", g.Number, r.name())
		}
		if at := r.at(g.Time); p.Duration >= 0 && at >= p.Start+p.Duration+rounding {
			f.add(timelinePeriod, g.line, "segment %d of %s starts at %v, after the Period's end at %v",
				g.Number, r.name(), at, p.Start+p.Duration)
		}
	}
	checkComplete(m, r, f)
}

// checkNeighbours checks a segment with the one before it.
func checkNeighbours(r *Representation, before, g Segment, f *findings) {
	end := before.end()
	switch {
	case g.Time > end:
		f.add(timelineHole, g.line, "segment %d of %s starts at %d, the one before ends at %d", g.Number, r.name(), g.Time, end)
	case g.Time < end:
		f.add(timelineOverlap, g.line, "segment %d of %s starts at %d, the one before ends at %d", g.Number, r.name(), g.Time, end)
	case g.run != before.run && g.Duration == before.Duration:
		f.add(timelineRun, g.line, "segment %d of %s could stand in the S before", g.Number, r.name())
	}
}

// checkOffset demands that the offset isn't garbage: xs:unsignedLong holds more
// than a player's numbers do.
func checkOffset(r *Representation, f *findings) {
	const exact = 1 << 53
	f.check(r.Offset < exact && (len(r.Segments) == 0 || r.last().end() < exact), timelineRange, r.template.line,
		"times of %s are too large for a double", r.name())
}

// checkComplete checks how early segments may be asked for.
func checkComplete(m *MPD, r *Representation, f *findings) {
	line := r.template.line
	text, has := r.template.attr("availabilityTimeOffset")
	complete, hasComplete := r.template.attr("availabilityTimeComplete")
	if !m.Dynamic {
		f.check(!has && !hasComplete, templateOffset, line, "availability attributes in a static MPD")
		return
	}
	offset, err := strconv.ParseFloat(text, 64)
	ok := has && err == nil && offset > 0 && complete == "false" && (m.Longest < 0 || seconds(offset) < m.Longest)
	f.check(ok, templateOffset, line, "%s: availabilityTimeOffset %q, availabilityTimeComplete %q", r.name(), text, complete)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// checkFuture checks that what is listed was there when the MPD was fetched.
func checkFuture(m *MPD, at time.Time, skew time.Duration, f *findings) {
	if !m.Dynamic || m.Start.IsZero() || at.IsZero() {
		return
	}
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				if len(r.Segments) == 0 {
					continue
				}
				text, _ := r.template.attr("availabilityTimeOffset")
				offset, _ := strconv.ParseFloat(text, 64)
				end := r.at(r.last().end())
				if p.Duration >= 0 {
					end = min(end, p.Start+p.Duration)
				}
				available := m.Start.Add(end - seconds(offset))
				f.check(!available.After(at.Add(skew)), mpdFuture, r.last().line, "segment %d of %s is available from %v on, and was listed at %v",
					r.last().Number, r.name(), available.UTC(), at.UTC())
			}
		}
	}
}
