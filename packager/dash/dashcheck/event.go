package dashcheck

import (
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"time"

	"sluice/media/scte35"
)

// spliceScheme is the one of EventStreams whose form is checked, and spliceNamespace
// that of what their Events hold (SCTE 214-1 §6.7.2).
const (
	spliceScheme    = "urn:scte:scte35:2014:xml+bin"
	spliceNamespace = "http://www.scte.org/schemas/35/2016"
)

// Event is one of an EventStream.
type Event struct {
	Scheme   string
	ID       uint64
	Time     time.Duration // since the Period's start
	Duration time.Duration // negative where it isn't there
	Data     []byte        // of a splice

	hasID bool
	node  *node
}

// events reads a Period's EventStreams.
func (p *Period) events(f *findings) {
	schemes := map[string]bool{}
	for _, stream := range p.node.all("EventStream") {
		scheme, _ := stream.attr("schemeIdUri")
		value, _ := stream.attr("value")
		f.check(!schemes[scheme+" "+value], eventStream, stream.line, "a second one of %s", scheme)
		schemes[scheme+" "+value] = true
		scale, offset := number(stream, "timescale", 1), number(stream, "presentationTimeOffset", 0)
		if scale == 0 {
			f.add(schemaType, stream.line, "timescale 0")
			continue
		}
		span := func(v uint64) time.Duration {
			return time.Duration(math.Round(float64(v) / float64(scale) * float64(time.Second)))
		}
		for _, n := range stream.all("Event") {
			e := Event{Scheme: scheme, Time: span(number(n, "presentationTime", 0)) - span(offset), Duration: absent, node: n}
			if _, ok := n.attr("duration"); ok {
				e.Duration = span(number(n, "duration", 0))
			}
			e.ID = number(n, "id", 0)
			_, e.hasID = n.attr("id")
			if scheme == spliceScheme {
				e.Data = spliceOf(n, f)
			}
			p.Events = append(p.Events, e)
		}
	}
}

// spliceOf returns the section in a splice's Event.
func spliceOf(n *node, f *findings) []byte {
	var data []byte
	err := scte35.ErrMalformed
	if len(n.children) == 1 && n.children[0].is("Signal") && len(n.children[0].children) == 1 && n.children[0].children[0].is("Binary") {
		if data, err = base64.StdEncoding.DecodeString(strings.TrimSpace(n.children[0].children[0].text)); err == nil {
			_, err = scte35.Parse(data)
		}
	}
	f.check(err == nil, eventSplice, n.line, "%v", err)
	return data
}

func (n *node) is(name string) bool {
	return n.name.Local == name && n.name.Space == spliceNamespace
}

// checkEvents checks those of a Period.
func (p *Period) checkEvents(f *findings) {
	for i, e := range p.Events {
		twice := slices.ContainsFunc(p.Events[:i], func(o Event) bool { return o.Scheme == e.Scheme && o.ID == e.ID })
		f.check(e.hasID && !twice, eventID, e.node.line, "%d", e.ID)
		f.check(e.Time >= 0 && (p.Duration < 0 || e.Time < p.Duration), eventPeriod, e.node.line,
			"%v after the start of Period %s, which lasts %v", e.Time, p.ID, p.Duration)
		f.check(i == 0 || p.Events[i-1].Scheme != e.Scheme || p.Events[i-1].Time <= e.Time, eventOrder, e.node.line,
			"event %d at %v", e.ID, e.Time)
	}
}

// checkEventUpdate compares the events of a Period with those that it had.
func checkEventUpdate(was, is *Period, f *findings) {
	for _, e := range is.Events {
		i := slices.IndexFunc(was.Events, func(o Event) bool { return o.Scheme == e.Scheme && o.ID == e.ID })
		if i < 0 {
			continue
		}
		o := was.Events[i]
		f.check(o.Time == e.Time && (o.Duration < 0 || o.Duration == e.Duration) && string(o.Data) == string(e.Data),
			updateEvent, e.node.line, "event %d: at %v for %v, and was at %v for %v", e.ID, e.Time, e.Duration, o.Time, o.Duration)
	}
}
