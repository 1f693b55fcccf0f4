package hlscheck

import (
	base16 "encoding/hex"
	"maps"
	"slices"
	"time"

	"sluice/media/scte35"
)

// DateRange is what EXT-X-DATERANGE tags of one ID say together.
type DateRange struct {
	ID    string
	Start time.Time
	// Attributes are all that they say, as it is written but without quotes.
	Attributes map[string]string

	line int
	end  time.Time // of DURATION, END-DATE or PLANNED-DURATION; of an instant, its start
	open bool      // a break of which nobody knows the end
}

// dateRange takes a tag.
func (r *mediaReader) dateRange(l line) {
	id := l.attrs.text("ID")
	i := slices.IndexFunc(r.m.Ranges, func(d DateRange) bool { return d.ID == id })
	if i < 0 {
		i = len(r.m.Ranges)
		r.m.Ranges = append(r.m.Ranges, DateRange{ID: id, Attributes: map[string]string{}, line: l.number})
	}
	d := &r.m.Ranges[i]
	for name, a := range l.attrs {
		if was, ok := d.Attributes[name]; ok && was != a.value {
			r.f.add(rangeSame, l.number, "%q: %s is %.60q, and %.60q", id, name, a.value, was)
			continue
		}
		d.Attributes[name] = a.value
	}
	for _, name := range []string{"SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"} {
		if a, ok := l.attrs[name]; ok {
			if err := checkSection(a.value); err != nil {
				r.f.add(rangeSection, l.number, "%q: %s: %v", id, name, err)
			}
		}
	}
}

// checkSection checks a hexadecimal sequence that is a splice_info_section.
func checkSection(s string) error {
	if len(s) < 2 {
		return scte35.ErrMalformed
	}
	data, err := base16.DecodeString(s[2:])
	if err == nil {
		_, err = scte35.Parse(data)
	}
	return err
}

// has reports whether the tags have an attribute.
func (d *DateRange) has(name string) bool { _, ok := d.Attributes[name]; return ok }

// finishRanges checks what tags of one ID say together.
func (m *Media) finishRanges(f *findings) {
	for i := range m.Ranges {
		d := &m.Ranges[i]
		var err error
		if d.Start, err = parseDate(d.Attributes["START-DATE"]); err != nil {
			f.add(rangeStart, d.line, "%q has START-DATE=%q", d.ID, d.Attributes["START-DATE"])
		}
		d.end = d.Start
		length, timed := time.Duration(0), false
		for _, name := range []string{"DURATION", "PLANNED-DURATION"} {
			if d.has(name) && !timed {
				length, _ = parseSeconds(d.Attributes[name])
				timed = true
			}
		}
		d.end = d.Start.Add(length)
		if end, err := parseDate(d.Attributes["END-DATE"]); err == nil {
			if end.Before(d.Start) || d.has("DURATION") && !end.Equal(d.end) {
				f.add(rangeEnd, d.line, "%q ends at %v, and by DURATION at %v", d.ID, end, d.end)
			}
			d.end, timed = end, true
		}
		d.open = d.has("SCTE35-OUT") && !timed
		if d.has("SCTE35-OUT") && d.has("SCTE35-IN") && !d.has("DURATION") && !d.has("END-DATE") {
			f.add(rangeIn, d.line, "%q has neither DURATION nor END-DATE", d.ID)
		}
		if d.Attributes["END-ON-NEXT"] == "YES" && (!d.has("CLASS") || d.has("DURATION") || d.has("END-DATE")) {
			f.add(rangeNext, d.line, "%q: %v", d.ID, slices.Sorted(maps.Keys(d.Attributes)))
		}
	}
}

// rangeOf returns the date range of that ID, or nil.
func (m *Media) rangeOf(id string) *DateRange {
	for i := range m.Ranges {
		if m.Ranges[i].ID == id {
			return &m.Ranges[i]
		}
	}
	return nil
}

// compareRanges looks at what became of the date ranges of an older version.
func compareRanges(old, m *Media, f *findings) {
	if len(old.Ranges) == 0 {
		return
	}
	from, to := m.dates()
	for i := range old.Ranges {
		was := &old.Ranges[i]
		now := m.rangeOf(was.ID)
		if now == nil {
			// One that is still to come may be cancelled.
			if !to.IsZero() && !was.Start.After(to) && (was.open || !was.end.Before(from)) {
				f.add(reloadRangeGone, 0, "%q, from %v to %v, where the first segment begins at %v", was.ID, was.Start, was.end, from)
			}
			continue
		}
		for name, value := range was.Attributes {
			if now.Attributes[name] != value {
				f.add(reloadRange, now.line, "%q: %s is %.60q, and was %.60q", was.ID, name, now.Attributes[name], value)
			}
		}
	}
}

// dates are when the first segment begins and the last one ends; zero where they say
// nothing of it.
func (m *Media) dates() (from, to time.Time) {
	tail := m.tail()
	if len(tail) == 0 || tail[0].Date.IsZero() {
		return from, to
	}
	last := &tail[len(tail)-1]
	to = last.Date.Add(last.Duration)
	for _, p := range last.Parts {
		if last.Duration == 0 {
			to = to.Add(p.Duration)
		}
	}
	return tail[0].Date, to
}

// compareSiblingRanges compares the date ranges that two renditions both list.
func compareSiblingRanges(m, other *Media, name string, f *findings) {
	for i := range m.Ranges {
		a := &m.Ranges[i]
		b := other.rangeOf(a.ID)
		if b == nil {
			continue
		}
		for key, value := range a.Attributes {
			if there, ok := b.Attributes[key]; ok && there != value {
				f.add(alignRange, a.line, "%q: %s is %.60q, in %s %.60q", a.ID, key, value, name, there)
			}
		}
	}
}
