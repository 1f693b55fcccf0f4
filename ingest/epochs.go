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

// complete says whether no other track is to be expected: both are here, or the
// metadata names one only.
func (p *publication) complete() bool {
	switch {
	case p.avc != nil && p.sound != nil:
		return true
	case p.avc != nil:
		return p.meta.HasVideo && !p.meta.HasAudio
	default:
		return p.meta.HasAudio && !p.meta.HasVideo
	}
}

// adoptable says whether pending tracks can begin with u.
func (p *publication) adoptable(u unit) bool {
	return u.id == videoTrack && u.sync ||
		u.id == audioTrack && p.avc == nil ||
		u.arrived.Sub(p.pendingSince) >= adoptAfter
}

// stranger says whether the present epoch has no place for a track's samples:
// it doesn't have the track, or has it in another encoding.
func (p *publication) stranger(id media.TrackID) bool {
	for _, t := range p.tracks {
		if t.ID != id {
			continue
		}
		if id == videoTrack {
			return !t.Codec.Equal(p.avc)
		}
		return !t.Codec.Equal(p.sound)
	}
	return true
}

// begin begins an epoch with the tracks that are known, and writes what was held
// for it. Without a track it does nothing.
func (p *publication) begin(ctx context.Context) error {
	before := p.tracks
	p.tracks = make([]media.Track, 0, 2)
	if p.avc != nil {
		t := media.Track{ID: videoTrack, Kind: media.Video, Timescale: media.VideoClock, Codec: p.avc}
		p.tracks = append(p.tracks, t)
		if !has(before, t) {
			p.videoClock = p.clock.Video(p.meta.FrameRate, p.avc.FrameRate)
		}
	}
	if p.sound != nil {
		rate := media.Timescale(p.sound.SampleRate())
		t := media.Track{ID: audioTrack, Kind: media.Audio, Timescale: rate, Codec: p.sound}
		p.tracks = append(p.tracks, t)
		if !has(before, t) {
			p.audioClock = p.clock.Audio(rate, p.sound.FrameLength())
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
	s := media.Sample{DTS: t.DTS, CTSOffset: t.CTSOffset, Duration: t.Duration, Sync: u.sync, Data: u.data}
	if err := p.sink.WriteSample(ctx, u.id, s, u.arrived); err != nil {
		return fmt.Errorf("%w: %w", errSink, err)
	}
	p.meter.Sample(u.id, s, u.arrived)
	if u.id == videoTrack {
		p.counts.video.Inc()
	} else {
		p.counts.audio.Inc()
	}
	return nil
}

func (p *publication) stamp(u unit) (clock.Time, clock.Verdict) {
	if u.id == videoTrack {
		return p.videoClock.Stamp(u.timestamp, u.cts)
	}
	return p.audioClock.Stamp(u.timestamp)
}
