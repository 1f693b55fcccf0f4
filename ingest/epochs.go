package ingest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/ingest/clock"
	"sluice/media"
)

// take takes an access unit: it is held, left out, or written.
func (p *publication) take(ctx context.Context, u unit) error {
	if len(p.tracks) == 0 {
		return p.hold(ctx, u)
	}
	if p.pending {
		if !p.adoptable(u) {
			if p.stranger(u.id) {
				p.drop(dropWaiting)
				return nil
			}
			return p.write(ctx, u)
		}
		if err := p.begin(ctx); err != nil {
			return err
		}
	}
	return p.write(ctx, u)
}

// hold keeps access units until it's known which tracks there are.
func (p *publication) hold(ctx context.Context, u unit) error {
	p.held = append(p.held, u)
	p.heldBytes += len(u.data)
	if !p.complete() && p.heldBytes <= p.limits.Held {
		first := p.held[0]
		waited := max(u.arrived.Sub(first.arrived),
			time.Duration(int32(u.timestamp-first.timestamp))*time.Millisecond)
		if waited < p.limits.Tracks {
			return nil
		}
	}
	return p.begin(ctx)
}

// complete says whether no other track is to be expected: what the metadata names is
// here, or, where that says nothing, one of each kind.
func (p *publication) complete() bool {
	known := p.known()
	video, audio := len(known.video), len(known.audio)
	switch {
	case video > 0 && audio > 0:
		return video > len(p.meta.VideoTracks) && audio > len(p.meta.AudioTracks)
	case video > 0:
		return p.meta.HasVideo && !p.meta.HasAudio && video > len(p.meta.VideoTracks)
	default:
		return p.meta.HasAudio && !p.meta.HasVideo && audio > len(p.meta.AudioTracks)
	}
}

// described are the tracks of which it's known what they are.
type described struct {
	video []*pictures
	audio []*sounds
}

func (p *publication) known() (d described) {
	for _, v := range p.video {
		if v.codec != nil {
			d.video = append(d.video, v)
		}
	}
	for _, a := range p.audio {
		if a.codec != nil {
			d.audio = append(d.audio, a)
		}
	}
	return d
}

// adoptable says whether pending tracks can begin with u.
func (p *publication) adoptable(u unit) bool {
	video := p.known().video
	return len(video) == 0 || u.id == video[0].id && u.sync || u.arrived.Sub(p.pendingSince) >= adoptAfter
}

// stranger says whether the present epoch has no place for a track's samples:
// it doesn't have the track, or has it in another encoding.
func (p *publication) stranger(id media.TrackID) bool {
	for _, t := range p.tracks {
		if t.ID == id {
			return !t.Codec.Equal(p.codec(id))
		}
	}
	return true
}

// codec is what is known of a track now.
func (p *publication) codec(id media.TrackID) media.Codec {
	for _, v := range p.video {
		if v.id == id {
			return v.codec
		}
	}
	for _, a := range p.audio {
		if a.id == id {
			return a.codec
		}
	}
	return nil
}

// begin begins an epoch with the tracks that are known, and writes what was held
// for it. Without a track it does nothing.
func (p *publication) begin(ctx context.Context) error {
	before := p.tracks
	now := p.known()
	p.tracks = make([]media.Track, 0, len(now.video)+len(now.audio))
	for _, v := range now.video {
		t := media.Track{ID: v.id, Kind: media.Video, Timescale: media.VideoClock, Codec: v.codec}
		p.tracks = append(p.tracks, t)
		if v.clock == nil || !has(before, t) {
			v.clock = p.clock.Video(p.meta.FrameRate, v.codec.Format().FrameRate)
		}
	}
	for _, a := range now.audio {
		t := media.Track{
			ID: a.id, Kind: media.Audio, Timescale: media.Timescale(a.codec.SampleRate()), Codec: a.codec,
		}
		for _, says := range p.meta.AudioTracks {
			if says.Track == a.number {
				t.Language, t.Label = languageTag(says.Language), label(says.Label)
			}
		}
		p.tracks = append(p.tracks, t)
		if a.clock == nil || !has(before, t) {
			a.clock = p.clock.Audio(t.Timescale, a.codec.FrameLength())
		}
	}
	p.pending = false
	if len(p.tracks) == 0 {
		return nil
	}
	if err := p.announce(ctx); err != nil {
		return err
	}
	held := p.held
	p.held, p.heldBytes = nil, 0
	for _, u := range held {
		if err := p.write(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

func has(tracks []media.Track, t media.Track) bool {
	for _, o := range tracks {
		if o.Equal(t) {
			return true
		}
	}
	return false
}

// announce tells the Sink of an epoch.
func (p *publication) announce(ctx context.Context) error {
	if now := time.Now(); now.Sub(p.budgetAt) > time.Minute {
		p.budget, p.budgetAt = p.limits.Epochs, now
	}
	if p.budget--; p.budget < 0 {
		return fmt.Errorf("%w: more than %d epochs in a minute", errLimit, p.limits.Epochs)
	}
	p.counts.epochs.Inc()
	codecs := make([]string, 0, len(p.tracks))
	for _, t := range p.tracks {
		codecs = append(codecs, t.Codec.RFC6381())
	}
	p.meter.Begin(p.tracks)
	p.log.Info("epoch begins", "track", strings.Join(codecs, " "))
	if err := p.sink.Begin(ctx, p.tracks); err != nil {
		return fmt.Errorf("%w: begin: %w", errSink, err)
	}
	return nil
}

// write gives an access unit its time and hands it on.
func (p *publication) write(ctx context.Context, u unit) error {
	t, verdict := p.stamp(u)
	if verdict == clock.Jump {
		p.counts.jumps.Inc()
		p.clock.Restart()
		if err := p.announce(ctx); err != nil {
			return err
		}
		t, verdict = p.stamp(u)
	}
	switch verdict {
	case clock.Drop, clock.Jump:
		p.drop(dropClock)
		return nil
	case clock.Repaired:
		p.counts.repaired.Inc()
		p.meter.Repaired()
	}
	if u.told {
		for _, e := range p.userData(u.data, u.hevc, u.arrived) {
			e.At = t.DTS + t.CTSOffset
			if err := p.tell(ctx, e); err != nil {
				return err
			}
		}
	}
	s := media.Sample{DTS: t.DTS, CTSOffset: t.CTSOffset, Duration: t.Duration, Sync: u.sync, Data: u.data}
	if err := p.sink.WriteSample(ctx, u.id, s, u.arrived); err != nil {
		return fmt.Errorf("%w: %w", errSink, err)
	}
	p.meter.Sample(u.id, s, u.arrived)
	if err := p.placeEvents(ctx); err != nil {
		return err
	}
	if isVideo(u.id) {
		p.counts.video.Inc()
	} else {
		p.counts.audio.Inc()
	}
	return nil
}

func (p *publication) stamp(u unit) (clock.Time, clock.Verdict) {
	for _, v := range p.video {
		if v.id == u.id && v.clock != nil {
			return v.clock.StampExact(u.timestamp, u.nanos, u.cts)
		}
	}
	for _, a := range p.audio {
		if a.id == u.id && a.clock != nil {
			return a.clock.StampFrame(u.timestamp, u.nanos, u.frame)
		}
	}
	return clock.Time{}, clock.Drop
}
