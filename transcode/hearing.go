package transcode

import (
	"context"
	"time"

	"sluice/media"
)

// beginSound takes over what the new run's sound needs, after the run before.
func (l *Ladder) beginSound(ctx context.Context, before *run) {
	if before != nil && before.sound != nil {
		before.sound.close()
	}
	l.run.sound, l.deaf = nil, false
	if t, ok := l.foreign(); ok {
		if l.run.sound = l.newSound(ctx, t); l.run.sound == nil {
			l.deaf = true
			l.log.Info("sound is passed on as it is: there is nothing to encode with", "track", t.Codec.Name())
		}
	}
	l.run.expect = l.expectation()
}

// foreign returns the track of sound that not every player knows. Without a
// picture beside it, it leads, and is passed on.
func (l *Ladder) foreign() (media.Track, bool) {
	if l.run.video == nil {
		return media.Track{}, false
	}
	for _, t := range l.run.tracks {
		_, aac := t.Codec.(*media.AAC)
		if _, sound := t.Codec.(media.Sound); sound && !aac {
			return t, true
		}
	}
	return media.Track{}, false
}

// newSound starts what makes AAC of a track; nil where nothing can.
func (l *Ladder) newSound(ctx context.Context, t media.Track) *sound {
	s := newSound(l, t)
	if !l.transcoder.launch(ctx, line{l.stream, media.Audio}, s, 0) {
		return nil
	}
	return s
}

// again begins a run with the tracks of the present one.
func (l *Ladder) again(ctx context.Context) {
	before := l.run
	l.run = before.next(before.tracks)
	l.beginSound(ctx, before)
}

// beginHearing begins a run at a keyframe, since sound can be made by now.
func (l *Ladder) beginHearing(ctx context.Context) error {
	l.again(ctx)
	l.clock.restart()
	l.begun = false
	if l.hiding() {
		return nil // the leading rung's first picture begins it
	}
	return l.beginShown(ctx)
}

// hear takes a sample of sound in another codec.
func (l *Ladder) hear(ctx context.Context, f media.Sample, arrived time.Time) {
	s := l.run.sound
	if s.jumps(f) {
		next := l.newSound(ctx, s.track)
		if next == nil {
			return // the end is near
		}
		next.placeAs(s)
		s.close()
		l.mu.Lock() // a hidden source's pictures tell it their places
		l.run.sound = next
		l.mu.Unlock()
		s = next
	}
	s.push(f, arrived)
}

func (l *Ladder) endSound() {
	if l.run != nil && l.run.sound != nil {
		l.run.sound.close()
	}
}

// withSound adds to an expectation what is made of sound.
func (l *Ladder) withSound(x media.Expectation) media.Expectation {
	if l.run.sound != nil {
		x.Rungs = append(x.Rungs, media.ExpectedRung{
			Name: soundName, Kind: media.Audio, Frame: aacFrame.Duration(l.run.sound.rate()),
		})
		x.Lag = max(x.Lag, leastLag)
	}
	return x
}
