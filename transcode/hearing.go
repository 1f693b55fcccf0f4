package transcode

import (
	"context"
	"slices"
	"time"

	"sluice/media"
)

// beginSound takes over what the new run's sound needs, after the run before.
func (l *Ladder) beginSound(ctx context.Context, before *run) {
	if before != nil && before.sound != nil {
		before.sound.close()
	}
	l.run.sound, l.deaf = nil, false
	l.beginOwn(ctx, before)
	if t, ok := l.foreign(); ok && !l.mute {
		if l.run.sound = l.newSound(ctx, t); l.run.sound == nil {
			l.deaf = true
			l.log.Info("sound is passed on as it is: there is nothing to encode with", "track", t.Codec.Name())
		}
	}
	l.run.expect = l.expectation()
}

// beginOwn takes up the rungs that the publisher sends itself.
func (l *Ladder) beginOwn(ctx context.Context, before *run) {
	if before != nil {
		before.own.flush(ctx)
		before.own.end(ctx)
	}
	if l.run.video == nil {
		return
	}
	if others := l.run.others(); len(others) > 0 {
		l.run.own = newOwn(l.base, l.log, others)
	}
}

// foreign returns the first track of sound, where not every player knows its codec.
// Opus and FLAC are known to all browsers.
func (l *Ladder) foreign() (media.Track, bool) {
	i := slices.IndexFunc(l.run.tracks, func(t media.Track) bool { return t.Kind == media.Audio })
	if i < 0 {
		return media.Track{}, false
	}
	switch l.run.tracks[i].Codec.(type) {
	case *media.MP3, *media.AC3, *media.EAC3:
		return l.run.tracks[i], true
	}
	return media.Track{}, false
}

// newSound starts what makes AAC of a track; nil where nothing can.
func (l *Ladder) newSound(ctx context.Context, t media.Track) *sound {
	s := newSound(l, t)
	if r := l.run; r.video == nil {
		s.lead = func(ctx context.Context, t media.Track, sample media.Sample, arrived time.Time) (bool, error) {
			return l.leadSound(ctx, r, t, sample, arrived)
		}
	}
	if !l.transcoder.launch(ctx, line{l.stream, media.Audio}, s, 0) {
		return nil
	}
	return s
}

// again begins a run with the tracks of the present one.
func (l *Ladder) again(ctx context.Context) {
	before := l.run
	r := before.next(before.all)
	r.clock = before.clock
	l.enter(r)
	l.beginSound(ctx, before)
}

// beginHearing begins a run, at a keyframe if there are pictures, since sound can
// be made by now.
func (l *Ladder) beginHearing(ctx context.Context) error {
	l.again(ctx)
	l.clock.restart()
	l.begun = false
	if l.run.leadsBySound() {
		l.hideSound()
	}
	if l.hiding() {
		return nil // what leads begins it
	}
	return l.beginShown(ctx)
}

// leadsBySound reports that what is made of the sound leads: there's no picture.
func (r *run) leadsBySound() bool { return r.sound != nil && r.video == nil }

// hideSound lets what is made of the sound lead, in place of the sound itself.
func (l *Ladder) hideSound() {
	l.led = l.run.sound
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hidden.on = true
}

// leadSound writes a frame of sound that leads.
func (l *Ladder) leadSound(ctx context.Context, r *run, t media.Track, s media.Sample, arrived time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leads(ctx, r, t, s, arrived)
}

// hear takes a sample of sound in another codec.
func (l *Ladder) hear(ctx context.Context, id media.TrackID, f media.Sample, arrived time.Time) error {
	s := l.run.sound
	if l.run.keepsSound() {
		if err := l.passSound(ctx, id, f, arrived); err != nil {
			return err
		}
	}
	switch {
	case s.lead != nil && s.away(time.Now()):
		l.log.Warn("no sound could be made: it is passed on as it is")
		l.mute = true
		s.stop()
		if err := l.showAgain(ctx); err != nil {
			return err
		}
		return l.pass(ctx, id, f, arrived)
	case s.jumps(f):
		next := l.newSound(ctx, s.track)
		if next == nil {
			return nil // the end is near
		}
		next.placeAs(s)
		s.close()
		if l.led == task(s) {
			l.led = next
		}
		l.mu.Lock() // a hidden source's pictures tell it their places
		l.run.sound = next
		l.mu.Unlock()
		s = next
	}
	s.push(f, arrived)
	return l.failure()
}

// passSound hands on sound as it is, beside a picture that may be hidden.
func (l *Ladder) passSound(ctx context.Context, id media.TrackID, f media.Sample, arrived time.Time) error {
	if l.hiding() {
		return l.hold(ctx, id, f, arrived)
	}
	return l.pass(ctx, id, f, arrived)
}

func (l *Ladder) endSound() {
	if l.run != nil && l.run.sound != nil {
		l.run.sound.close()
	}
}

// withSound adds to an expectation what is made of sound.
func (l *Ladder) withSound(x media.Expectation) media.Expectation {
	if l.run.sound != nil && !l.run.leadsBySound() {
		x.Rungs = append(x.Rungs, media.ExpectedRung{
			Name: soundName, Kind: media.Audio, Frame: aacFrame.Duration(l.run.sound.rate()),
		})
		x.Lag = max(x.Lag, leastLag)
	}
	return x
}
