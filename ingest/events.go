package ingest

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/id3"
	"sluice/media"
	"sluice/media/sei"
)

// announcements is a publication's timed metadata on its way.
type announcements struct {
	waiting []announcement // their place in time isn't known yet
	left    float64        // how many may still come, as of at
	bytes   float64        // likewise
	at      time.Time
	said    map[sei.UUID]string // what the pictures' user data said last
}

// announcement is timed metadata whose place isn't known yet.
type announcement struct {
	timestamp uint32        // ms
	ahead     time.Duration // of that
	event     media.Event
}

// dataMessage takes a data message: onMetaData describes the stream, the others are
// timed metadata.
func (p *publication) dataMessage(ctx context.Context, timestamp uint32, values []any, arrived time.Time) error {
	if m, ok := flv.ParseMetadata(values); ok {
		p.meta = m
		p.meter.Declare(m.FrameRate)
		return nil
	}
	e, ahead, ok := eventOf(values, timestamp)
	if !ok || !p.mayTell(len(e.Data), arrived) {
		return nil
	}
	w := p.events.waiting
	if len(w) >= maxWaitingEvents {
		p.dropEvent(dropEventTime)
		w = w[:copy(w, w[1:])]
	}
	p.events.waiting = append(w, announcement{timestamp, ahead, e})
	return p.placeEvents(ctx)
}

// eventOf makes an event of a script tag: its name, and mostly one value. This is
// where a tag's meaning is told; the time is given to it later, by the tag's own and how
// far ahead of that it is. What tells of a splice becomes its section, whatever its form.
func eventOf(values []any, timestamp uint32) (e media.Event, ahead time.Duration, ok bool) {
	if c, ok := flv.ParseCue(values, timestamp); ok {
		return media.Event{Scheme: media.SchemeSCTE35, Value: c.ID, Duration: c.Duration, Data: c.Section}, c.Ahead, true
	}
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if len(values) == 0 {
		return e, 0, false
	}
	name, ok := values[0].(string)
	if !ok || name == "" || notTimed[name] || len(name) > maxEventName || strings.ContainsRune(name, 0) {
		return e, 0, false
	}
	return media.Event{Scheme: media.SchemeID3, Data: id3.AppendText(nil, name, eventText(name, values[1:]))}, 0, true
}

// notTimed are the names of tags that aren't timed metadata.
var notTimed = map[string]bool{
	"onMetaData": true, "@clearDataFrame": true, "|RtmpSampleAccess": true, "onStatus": true, "onPlayStatus": true,
}

// eventText is what players are given: the text itself of onTextData, and the JSON of
// all else; several values become an array.
func eventText(name string, values []any) string {
	var value any
	switch len(values) {
	case 0:
		return ""
	case 1:
		value = values[0]
	default:
		value = amf0.StrictArray(values)
	}
	if o, ok := amf0.AsObject(value); ok && name == "onTextData" {
		if text, ok := o.Get("text"); ok {
			value = text
		}
	}
	if text, ok := value.(string); ok {
		return text
	}
	return string(amf0.AppendJSON(nil, value))
}

// mayTell takes an event's bytes out of what a publisher may send.
func (p *publication) mayTell(size int, now time.Time) bool {
	a := &p.events
	if a.at.IsZero() {
		a.at, a.left, a.bytes = now, eventBurst, eventBytesBurst
	}
	passed := max(now.Sub(a.at), 0) // pictures may have been held
	a.at = a.at.Add(passed)
	since := passed.Seconds()
	a.left = min(a.left+eventRate*since, eventBurst)
	a.bytes = min(a.bytes+eventBytesRate*since, eventBytesBurst)
	switch {
	case size > maxEventData:
		p.dropEvent(dropEventSize)
		return false
	case a.left < 1 || a.bytes < float64(size):
		p.dropEvent(dropEventRate)
		return false
	}
	a.left, a.bytes = a.left-1, a.bytes-float64(size)
	return true
}

// placeEvents hands on the events whose place is known.
func (p *publication) placeEvents(ctx context.Context) error {
	if len(p.tracks) == 0 || len(p.events.waiting) == 0 {
		return nil
	}
	waiting := p.events.waiting
	for i, a := range waiting {
		at, ok := p.timeOf(a.timestamp)
		if !ok {
			p.events.waiting = waiting[i:]
			return nil
		}
		a.event.At = at + media.TicksOf(a.ahead, media.VideoClock)
		if err := p.tell(ctx, a.event); err != nil {
			return err
		}
	}
	clear(waiting)
	p.events.waiting = waiting[:0]
	return nil
}

// timeOf returns where a timestamp lies on the clock of what leads.
func (p *publication) timeOf(timestamp uint32) (media.Ticks, bool) {
	lead := p.tracks[0].ID
	for _, v := range p.video {
		if v.id == lead && v.clock != nil {
			return v.clock.At(timestamp)
		}
	}
	for _, a := range p.audio {
		if a.id == lead && a.clock != nil {
			return a.clock.At(timestamp)
		}
	}
	return 0, false
}

// forsakeEvents drops the events that waited for a time that doesn't come any more.
func (p *publication) forsakeEvents() {
	for range p.events.waiting {
		p.dropEvent(dropEventTime)
	}
	p.events.waiting = nil
}

// dropEvent counts timed metadata that isn't handed on.
func (p *publication) dropEvent(reason string) {
	p.counts.eventsDropped.WithLabelValues(reason).Inc()
}

func (p *publication) tell(ctx context.Context, e media.Event) error {
	if err := p.sink.WriteEvent(ctx, e); err != nil {
		return fmt.Errorf("%w: event: %w", errSink, err)
	}
	p.counts.events.Inc()
	return nil
}

// userData makes events of what a picture's SEI says and the one before didn't:
// encoders repeat themselves with every keyframe.
func (p *publication) userData(data []byte, hevc bool, now time.Time) (events []media.Event) {
	for m := range sei.Of(data, hevc) {
		id, said, ok := m.Unregistered()
		if !ok || encoderSettings[id] {
			continue
		}
		if before, known := p.events.said[id]; known && before == string(said) {
			continue
		}
		if !p.mayTell(len(said), now) {
			continue
		}
		if p.events.said == nil || len(p.events.said) >= maxUserData {
			p.events.said = map[sei.UUID]string{}
		}
		p.events.said[id] = string(said)
		events = append(events, media.Event{Scheme: media.SchemeID3, Data: id3.AppendPrivate(nil, uuidText(id), said)})
	}
	return events
}

// encoderSettings are the user data of x264 and x265: their version and settings, which
// tell viewers nothing.
var encoderSettings = map[sei.UUID]bool{
	{0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef}: true,
	{0x2c, 0xa2, 0xde, 0x09, 0xb5, 0x17, 0x47, 0xdb, 0xbb, 0x55, 0xa4, 0xfe, 0x7f, 0xc2, 0xfc, 0x4e}: true,
}

// leads says whether a video track is the one that players see first.
func (p *publication) leads(v *pictures) bool {
	for _, other := range p.video {
		if other.codec != nil {
			return other == v
		}
	}
	return false
}

// uuidText writes a UUID as RFC 9562 §4 does.
func uuidText(id sei.UUID) string {
	b := make([]byte, 0, 36)
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}
