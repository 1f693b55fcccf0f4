package dash

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// eventClock is the timescale of events.
const eventClock = media.VideoClock

// mpdEvent is an Event of a Period (ISO/IEC 23009-1 §5.10.2.3): a splice_info_section.
type mpdEvent struct {
	id       uint64
	at       time.Duration // since the Period's start
	duration time.Duration // as it was planned, else as it was; 0: nobody knows, or a point
	lasts    time.Duration // as it was, else as it was planned
	section  []byte
}

// event ids: a splice's own section has an even one, that of its end the next.
const (
	idBegin = iota
	idEnd
	idsEach
)

// placeEvents gives each Period the splices that lie in it, and those that began before
// it and go on: whoever joins there is told of the break that is on. They keep their
// ids, by which players know those that they have been told of. Times count from the
// Period's start, since not every player reads EventStream@presentationTimeOffset.
func (p *plan) placeEvents(t *timeline.Timeline, f form) {
	for _, s := range t.Splices {
		v := mpdEvent{id: uint64(s.Number)*idsEach + idBegin, duration: s.Planned, lasts: s.Planned, section: s.Section}
		switch {
		case s.End != nil:
			v.lasts = s.Duration()
			if v.duration == 0 {
				v.duration = v.lasts
			}
		case s.Kind == timeline.SpliceOut && s.Planned == 0:
			v.lasts = unending
		}
		p.placeEvent(f, v, s.Epoch, s.Media, s.Time)
		if e := s.End; e != nil {
			p.placeEvent(f, mpdEvent{id: uint64(s.Number)*idsEach + idEnd, section: e.Section}, e.Epoch, e.Media, e.Time)
		}
	}
}

// unending is longer than anything lasts.
const unending = time.Duration(1 << 61)

// placeEvent gives an event to the Periods that it is of: its time in its own epoch is
// exact, in another one it goes by the server's clock.
func (p *plan) placeEvent(f form, v mpdEvent, epoch uint64, at time.Duration, date time.Time) {
	told := false
	for i := range p.periods {
		q := &p.periods[i]
		length := q.duration
		if i == len(p.periods)-1 && f == live {
			length = unending
		}
		here := v
		switch {
		case q.epoch.Number < epoch:
			continue
		case q.epoch.Number == epoch:
			here.at = at - q.origin
		default:
			here.at = date.Sub(time.UnixMilli(q.anchor.Time.UnixMilli()).Add(q.origin - q.anchor.Media))
		}
		switch {
		case here.at >= length:
			continue
		case here.at < 0 && here.at+here.lasts <= 0:
			continue // it is over
		case here.at < 0:
			here.at, here.duration = 0, max(here.at+here.duration, 0)
		case told:
			continue // a later clock begins before the one before ends
		}
		told = true
		q.events = append(q.events, here)
	}
}

// appendEvents writes the Period's EventStream, where there is anything in it. A
// section that tells of several splices of one time stands there once.
func appendEvents(dst []byte, q *period) []byte {
	if len(q.events) == 0 {
		return dst
	}
	dst = append(dst, `<EventStream schemeIdUri="urn:scte:scte35:2014:xml+bin" timescale="`...)
	dst = strconv.AppendInt(dst, int64(eventClock), 10)
	dst = append(dst, "\">\n"...)
	slices.SortStableFunc(q.events, func(a, b mpdEvent) int { return cmp.Compare(a.at, b.at) }) // §5.10.2.1
	for i, v := range q.events {
		if i > 0 && v.at == q.events[i-1].at && bytes.Equal(v.section, q.events[i-1].section) {
			continue
		}
		dst = append(dst, "<Event"...)
		dst = appendInt(dst, "presentationTime", int64(media.TicksOf(v.at, eventClock)))
		if v.duration > 0 {
			dst = appendInt(dst, "duration", int64(media.TicksOf(v.duration, eventClock)))
		}
		dst = appendInt(dst, "id", int64(v.id))
		dst = append(dst, `><Signal xmlns="http://www.scte.org/schemas/35/2016"><Binary>`...)
		dst = base64.StdEncoding.AppendEncode(dst, v.section)
		dst = append(dst, "</Binary></Signal></Event>\n"...)
	}
	return append(dst, "</EventStream>\n"...)
}
