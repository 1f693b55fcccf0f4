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
			before := r.Segments[i-1]
			f.check(g.Time <= before.end(), timelineHole, g.line, "segment %d of %s starts at %d, the one before ends at %d",
				g.Number, r.name(), g.Time, before.end())
			f.check(g.Time >= before.end(), timelineOverlap, g.line, "segment %d of %s starts at %d, the one before ends at %d",
				g.Number, r.name(), g.Time, before.end())
			f.check(g.run == before.run || g.Time != before.end() || g.Duration != before.Duration, timelineRun, g.line,
				"segment %d of %s could stand in the S before", g.Number, r.name())
		}
		if m.Longest >= 0 {
			f.check(r.ticks(g.Duration) <= m.Longest+rounding, mpdLongest, g.line, "segment %d of %s lasts %v, maxSegmentDuration is %v",
				g.Number, r.name(), r.ticks(g.Duration), m.Longest)
		}
		f.check(r.at(g.end()) > p.Start-rounding, timelinePeriod, g.line, "segment %d of %s ends before the Period starts", g.Number, r.name())
		f.check(p.Duration < 0 || r.at(g.Time) < p.Start+p.Duration+rounding, timelinePeriod, g.line,
			"segment %d of %s starts at %v, after the Period's end at %v", g.Number, r.name(), r.at(g.Time), p.Start+p.Duration)
	}
	checkComplete(m, r, f)
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
