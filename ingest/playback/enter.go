package playback

import (
	"slices"
	"time"

	"sluice/media"
	"sluice/packager/timeline"
)

// enter goes over to an epoch: to its newest keyframe, or to its start. Where it
// returns false, the Outcome says why, and nothing has changed.
func (p *Player) enter(t *timeline.Timeline, e *timeline.Epoch, newest bool) (bool, Outcome, error) {
	if p.epoch == 0 && p.options.Rendition != "" && kindOf(e, p.options.Rendition) == 0 {
		return false, Missing, nil
	}
	video, audio := p.choose(t, e, media.Video), p.choose(t, e, media.Audio)
	switch {
	case kindOf(e, p.options.Rendition) == media.Video && video.id != p.options.Rendition && p.hopes(t, e, media.Video),
		video.empty() && p.hopes(t, e, media.Video), video.empty() && audio.empty() && p.hopes(t, e, media.Audio):
		return false, Waiting, nil
	case video.empty() && audio.empty():
		return false, Foreign, nil
	}
	lead := &video
	if video.empty() {
		lead = &audio
	}
	r := t.Rendition(lead.id)
	key, part := newestKey(r, e.Number)
	if part == nil && e.Ended.IsZero() {
		return false, Waiting, nil
	}
	if newest && part != nil {
		lead.at = key
		if lead == &video {
			audio.at = timeline.Position{MSN: key.MSN}
			audio.from = part.Start.Rescale(video.ts, max(audio.ts, 1))
		}
	}
	if lead == &video {
		if err := video.lookBack(r, e.Number); err != nil {
			return false, Over, err
		}
	}
	if before := t.Epoch(p.epoch); before != nil {
		p.start = before.Start
	}
	p.gap = e.Start.Sub(p.start)
	p.epoch, p.start, p.rebase, p.idle, p.describe = e.Number, e.Start, true, false, true
	p.video, p.audio = video, audio
	return true, Waiting, nil
}

// choose returns a track of the epoch that stands at its start: of the rendition that
// is asked for, or else of the first one that the client takes.
func (p *Player) choose(t *timeline.Timeline, e *timeline.Epoch, kind media.Kind) track {
	if kind == media.Video && kindOf(e, p.options.Rendition) == media.Audio {
		return track{}
	}
	var chosen track
	for _, rt := range e.Tracks {
		r := t.Rendition(rt.Rendition)
		if rt.Track.Kind != kind || r == nil || r.Left && r.Epoch == e.Number {
			continue
		}
		asked := rt.Rendition == p.options.Rendition
		if !chosen.empty() && !asked {
			continue
		}
		f, ok := p.options.Takes.formOf(rt.Track)
		if ok {
			chosen = track{
				id: rt.Rendition, form: f, ts: rt.Track.Timescale, at: timeline.Position{MSN: e.FirstMSN},
				waits: kind == media.Video, announce: true,
			}
		}
		if ok && kind == media.Video && rt.Rendition == e.Tracks[0].Rendition {
			chosen.delay = media.TicksOf(e.Delay, chosen.ts)
		}
		if asked {
			break
		}
	}
	return chosen
}

// kindOf is the kind of a rendition that the epoch has or is to have; 0 where there is
// none of that name.
func kindOf(e *timeline.Epoch, id timeline.RenditionID) media.Kind {
	for _, rt := range e.Tracks {
		if rt.Rendition == id {
			return rt.Track.Kind
		}
	}
	for _, x := range e.Expected {
		if x.Rendition == id {
			return x.Kind
		}
	}
	return 0
}

// hopes says whether a rendition that the client could take, or has asked for, may
// still join the epoch.
func (p *Player) hopes(t *timeline.Timeline, e *timeline.Epoch, kind media.Kind) bool {
	if kindOf(e, p.options.Rendition) == media.Audio && kind == media.Video {
		return false
	}
	leader := e.Tracks[0]
	r := t.Rendition(leader.Rendition)
	if r == nil || !e.Ended.IsZero() || edge(r, e.Number, leader.Track.Timescale) > timeline.Origin+hope {
		return false
	}
	return slices.ContainsFunc(e.Expected, func(x timeline.ExpectedRendition) bool {
		return x.Kind == kind && !e.Has(x.Rendition)
	})
}

// join fills what the epoch had nothing for so far, as soon as it has: sound in a codec
// that the client takes, or, after a rung has left, what leads.
func (p *Player) join(t *timeline.Timeline) error {
	e := t.Current()
	if e == nil || e.Number != p.epoch {
		return nil
	}
	for _, slot := range [...]struct {
		kind media.Kind
		*track
	}{{media.Video, &p.video}, {media.Audio, &p.audio}} {
		if !slot.empty() {
			continue
		}
		k := p.choose(t, e, slot.kind)
		if k.empty() {
			continue
		}
		r := t.Rendition(k.id)
		key, part := newestKey(r, e.Number)
		if part == nil {
			continue
		}
		k.at, k.last, k.events = key, slot.last, slot.events
		if given := time.Duration(p.last-p.offset) * time.Millisecond; part.Start.Duration(k.ts) < given {
			// Nothing is given twice: sound goes on where it is, pictures with the next segment.
			if slot.kind == media.Audio {
				k.from = media.TicksOf(given, k.ts)
			} else {
				k.at = timeline.Position{MSN: key.MSN + 1}
			}
		}
		if slot.kind == media.Video {
			if err := k.lookBack(r, e.Number); err != nil {
				return err
			}
		}
		*slot.track, p.describe = k, true
	}
	return nil
}
