package dash

import (
	"bytes"
	"strconv"
)

// outline is an MPD of AppendMPD by its lines, each of which is an element's start tag,
// its end tag, or all of it. Slices are the MPD's own.
type outline struct {
	root          []byte // the start tag, without publishTime
	id, published []byte
	head, tail    [][]byte // what is before and after the Periods
	periods       []outlinePeriod
}

// outlinePeriod is a Period.
type outlinePeriod struct {
	path  []byte   // XPath
	rest  [][]byte // the lines without what lists hold
	lists []segmentList
}

// segmentList is a SegmentTimeline with its SegmentTemplate's startNumber.
type segmentList struct {
	path  []byte // XPath of the SegmentTemplate
	first []byte // startNumber
	lines [][]byte
}

// readOutline takes an MPD apart.
func readOutline(mpd []byte) outline {
	var o outline
	var set, rep []byte // paths
	for line := range bytes.Lines(mpd) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		name := elementName(line)
		if string(name) == "Period" {
			path := appendStep([]byte("/MPD"), name, value(line, "id"))
			o.periods = append(o.periods, outlinePeriod{path: path})
		}
		n := len(o.periods)
		switch {
		case string(name) == "MPD":
			o.id, o.published = value(line, "id"), value(line, "publishTime")
			o.root = without(line, o.published)
			continue
		case n == 0:
			o.head = append(o.head, line)
			continue
		case len(o.tail) > 0 || string(name) == "UTCTiming" || string(line) == "</MPD>":
			o.tail = append(o.tail, line)
			continue
		}
		p := &o.periods[n-1]
		switch string(name) {
		case "AdaptationSet":
			set = appendStep(bytes.Clone(p.path), name, value(line, "id"))
		case "Representation":
			rep = appendStep(bytes.Clone(set), name, value(line, "id"))
		case "SegmentTemplate":
			l := segmentList{path: append(bytes.Clone(rep), "/SegmentTemplate"...), first: value(line, "startNumber")}
			p.lists = append(p.lists, l)
			line = without(line, l.first)
		case "S":
			l := &p.lists[len(p.lists)-1]
			l.lines = append(l.lines, line)
			continue
		}
		p.rest = append(p.rest, line)
	}
	return o
}

// elementName is the name in a start tag, empty where the line has none.
func elementName(line []byte) []byte {
	if len(line) < 2 || line[0] != '<' || line[1] == '/' || line[1] == '?' {
		return nil
	}
	if n := bytes.IndexAny(line, " />"); n > 0 {
		return line[1:n]
	}
	return nil
}

// value returns an attribute's value, nil where there is none.
func value(line []byte, name string) []byte {
	at := bytes.Index(line, []byte(" "+name+`="`))
	if at < 0 {
		return nil
	}
	v := line[at+len(name)+3:]
	return v[:max(bytes.IndexByte(v, '"'), 0)]
}

// without returns the line without a value that is in it.
func without(line, v []byte) []byte {
	if len(v) == 0 {
		return line
	}
	at := cap(line) - cap(v) // where v begins in line
	return append(bytes.Clone(line[:at]), line[at+len(v):]...)
}

func appendStep(path, name, id []byte) []byte {
	path = append(append(append(path, '/'), name...), `[@id='`...)
	return append(append(path, id...), `']`...)
}

// entry is an S element.
type entry struct {
	line                    []byte
	start, duration, repeat int64
}

func (e *entry) end() int64 { return e.start + e.duration*(e.repeat+1) }

// entries reads the S elements, with the times that follow from the ones before.
func (l *segmentList) entries() []entry {
	list := make([]entry, len(l.lines))
	var at int64
	for i, line := range l.lines {
		e := entry{line: line, start: at, duration: integer(line, "d"), repeat: integer(line, "r")}
		if t := value(line, "t"); t != nil {
			e.start = integer(line, "t")
		}
		list[i], at = e, e.end()
	}
	return list
}

func integer(line []byte, name string) int64 {
	v, _ := strconv.ParseInt(string(value(line, name)), 10, 64) // as we wrote it, or not there
	return v
}

// appendSince appends what makes this list out of that. It reports false where all of that
// has gone.
func (l *segmentList) appendSince(dst []byte, was *segmentList) ([]byte, bool) {
	old, list := was.entries(), l.entries()
	if len(list) == 0 {
		return dst, false
	}
	if !bytes.Equal(l.first, was.first) {
		dst = append(append(append(dst, `<replace sel="`...), l.path...), `/@startNumber">`...)
		dst = append(append(dst, l.first...), "</replace>\n"...)
	}
	for len(old) > 0 && old[0].end() <= list[0].start {
		dst, old = l.appendOperation(dst, "remove", 1, nil), old[1:]
	}
	if len(old) == 0 {
		return dst, false
	}
	n := min(len(old), len(list))
	for i := range n {
		if !bytes.Equal(old[i].line, list[i].line) {
			dst = l.appendOperation(dst, "replace", i+1, list[i].line)
		}
	}
	for i := len(old); i > n; i-- {
		dst = l.appendOperation(dst, "remove", i, nil)
	}
	if len(list) > n {
		dst = append(append(append(dst, `<add sel="`...), l.path...), `/SegmentTimeline">`...)
		for _, e := range list[n:] {
			dst = append(dst, e.line...)
		}
		dst = append(dst, "</add>\n"...)
	}
	return dst, true
}

// appendOperation appends an operation on the nth S element, counted from 1.
func (l *segmentList) appendOperation(dst []byte, what string, n int, with []byte) []byte {
	dst = append(append(append(append(dst, '<'), what...), ` sel="`...), l.path...)
	dst = strconv.AppendInt(append(dst, "/SegmentTimeline/S["...), int64(n), 10)
	if with == nil {
		return append(dst, "]\"/>\n"...)
	}
	dst = append(append(dst, `]">`...), with...)
	return append(append(append(dst, "</"...), what...), ">\n"...)
}
