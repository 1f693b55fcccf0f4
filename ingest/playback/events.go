package playback

import (
	"slices"

	"sluice/ingest/amf0"
	"sluice/ingest/id3"
	"sluice/ingest/message"
	"sluice/media"
	"sluice/packager/cmaf"
)

// readEvents keeps the events in front of a part, which wait until their time is played.
func (k *track) readEvents(fragment []byte) error {
	events, err := cmaf.ReadEvents(fragment)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Scheme != media.SchemeID3 {
			continue
		}
		if tag, err := id3.Parse(e.Data); err == nil && tag.ID == "TXXX" { // pictures carry the others themselves
			k.events = append(k.events, event{e.ID, e.Time.Rescale(e.Timescale, media.Milliseconds), scriptOf(tag)})
		}
	}
	slices.SortStableFunc(k.events, func(a, b event) int { return int(a.at - b.at) })
	return nil
}

// event is a script tag that waits for its time.
type event struct {
	id     uint32
	at     media.Ticks // ms on the epoch's clock
	values []any
}

// scriptOf is the script tag of which ingest made that text. Which text was JSON before, and
// which was values, nobody can tell any more: values it becomes.
func scriptOf(tag id3.Frame) []any {
	text := string(tag.Value)
	if tag.Name == "onTextData" {
		return []any{tag.Name, amf0.Object{{Key: "text", Value: text}}}
	}
	if text == "" {
		return []any{tag.Name}
	}
	if v, ok := amf0.FromJSON(tag.Value); ok {
		return []any{tag.Name, v}
	}
	return []any{tag.Name, text}
}

// tell adds the events that aren't later than a time of the epoch's clock, in milliseconds.
func (p *Player) tell(until media.Ticks) {
	for _, k := range [...]*track{&p.video, &p.audio} {
		n := 0
		for ; n < len(k.events) && k.events[n].at <= until; n++ {
			if e := k.events[n]; !slices.Contains(p.told[:min(p.tells, len(p.told))], e.id) {
				p.told[p.tells%len(p.told)] = e.id
				p.tells++
				p.script(max(p.offset+int64(e.at), p.last), e.values...)
			}
		}
		k.events = slices.Delete(k.events, 0, n)
	}
}

// tellRest adds the events that wait for a time at which nothing comes.
func (p *Player) tellRest() {
	if !p.rebase {
		p.tell(1<<63 - 1)
	}
}

// script adds a script tag.
func (p *Player) script(at int64, values ...any) {
	p.last = max(p.last, at)
	p.batch = append(p.batch, message.Data{StreamID: p.options.StreamID, Timestamp: uint32(at), Values: values}.Marshal())
}
