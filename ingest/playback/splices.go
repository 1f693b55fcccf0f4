package playback

import (
	"encoding/base64"
	"time"

	"sluice/ingest/amf0"
	"sluice/media/scte35"
	"sluice/packager/timeline"
)

// splice is what the client knows of one.
type splice struct {
	event   uint32
	at      time.Time
	end     bool // that of its end, too
	present bool // in the timeline
}

// tellSplices adds what the client hasn't been told of splices: as soon as it is known, with
// the time at which it is. Who comes later is told of what isn't over.
func (p *Player) tellSplices(t *timeline.Timeline) {
	e := t.Epoch(p.epoch)
	if e == nil || p.rebase {
		return
	}
	newcomer := p.splices == nil
	if newcomer {
		p.splices = map[uint32]*splice{}
	}
	now := e.Start.Add(time.Duration(p.last-p.offset)*time.Millisecond - timeline.Origin)
	for _, s := range p.splices {
		s.present = false
	}
	for _, s := range t.Splices {
		k := p.splices[s.Number]
		if k == nil {
			k = &splice{event: s.EventID, at: s.Time}
			p.splices[s.Number] = k
			if over, known := s.Over(); newcomer && known && over.Before(now) {
				k.end = true // before its time
			} else {
				p.cue(p.position(e, s.Epoch, s.Media, s.Time), s.ID, s.Planned, s.Section)
			}
		}
		k.present = true
		if s.End != nil && !k.end {
			k.end = true
			p.cue(p.position(e, s.End.Epoch, s.End.Media, s.End.Time), s.ID, 0, s.End.Section)
		}
	}
	for number, k := range p.splices {
		if k.present {
			continue
		}
		delete(p.splices, number)
		if !k.at.After(now) {
			continue // it has left the window
		}
		if section, err := scte35.Cancel(k.event).AppendTo(nil); err == nil {
			p.cue(p.position(e, 0, 0, k.at), "", 0, section)
		}
	}
}

// position is where a splice is on the client's clock, in milliseconds: on another
// epoch's clock than the present one's, by its date.
func (p *Player) position(e *timeline.Epoch, epoch uint64, at time.Duration, date time.Time) int64 {
	if epoch != e.Number {
		at = timeline.Origin + date.Sub(e.Start)
	}
	return p.offset + at.Milliseconds()
}

// cue adds an onAdCue of a section, as Adobe Primetime's signalling (1.2) has it. Its
// time is the tag's, and by how much later the splice is: past the end of 32 bits too.
func (p *Player) cue(at int64, id string, planned time.Duration, section []byte) {
	o := amf0.Object{
		{Key: "type", Value: "scte35"}, {Key: "cue", Value: base64.StdEncoding.EncodeToString(section)}, {Key: "id", Value: id},
		{Key: "time", Value: float64(int64(uint32(p.last))+at-p.last) / 1000},
	}
	if planned > 0 {
		o = append(o, amf0.Pair{Key: "duration", Value: planned.Seconds()})
	}
	p.script(p.last, "onAdCue", o)
}
