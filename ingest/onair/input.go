package onair

import (
	"context"
	"slices"
	"time"

	"sluice/media"
)

// input is the Sink of one session, or of a slate's player. Its air's mutex guards all
// but what never changes; seam belongs to the goroutine that has the turn.
type input struct {
	control  *Control
	stream   string
	role     Role
	settings Settings
	open     func() media.Sink

	air    *air // nil until its Begin
	tracks []media.Track
	leads  *media.Track // the first picture, else the first sound

	// Of the goroutine that calls it.
	paces []pace                    // of tracks, in their order; nil where there is no slate, or no picture
	rates map[media.TrackID]float64 // that were measured; each is immutable

	held   held
	last   time.Time // when media last came
	seen   time.Time // when a picture last came, or sound of these tracks first did
	steady time.Time // since when it has come without a standstill
	wary   bool      // the log says that its GOPs are too long to be held

	seam seam
}

// Begin implements media.Sink.
func (in *input) Begin(ctx context.Context, tracks []media.Track) error {
	if in.air == nil {
		in.air = in.control.enter(in)
	}
	a := in.air
	if in.pace(tracks); in.paces == nil && in.settings.Slates != nil {
		in.settings.Slates.Prepare(tracks, nil) // there's nothing to be measured
	}
	a.mu.Lock()
	if a.inputs[in.role] != in { // another session has its place
		a.mu.Unlock()
		return errOrder
	}
	in.learn(tracks, time.Now())
	switch {
	case a.on == in && in.claim(ctx):
		a.learn(in, time.Now())
	case a.on == in:
		a.mu.Unlock()
		return context.Cause(ctx)
	case a.on == nil && a.acquire():
		why := whyFirst
		if a.out != nil {
			why = whyLost
		}
		a.put(in, why, time.Now())
	default:
		a.mu.Unlock()
		return nil // its keyframe decides
	}
	in.seam = seam{}
	out := a.out
	a.mu.Unlock()
	a.control.changed() // it may fall silent
	defer a.release()
	return out.Begin(ctx, tracks)
}

// pace begins to measure new tracks, for the slate.
func (in *input) pace(tracks []media.Track) {
	in.paces, in.rates = nil, nil
	isPicture := func(t media.Track) bool { return t.Kind == media.Video }
	if in.settings.Slates == nil || !slices.ContainsFunc(tracks, isPicture) {
		return
	}
	in.paces = make([]pace, len(tracks))
	for i := range tracks {
		if !isPicture(tracks[i]) {
			in.paces[i].window = len(paces) // nothing is asked of it
		}
	}
}

// learn takes note of new tracks.
func (in *input) learn(tracks []media.Track, now time.Time) {
	in.tracks, in.leads = tracks, nil
	for i := range tracks {
		if t := &tracks[i]; in.leads == nil || t.Kind == media.Video && in.leads.Kind != media.Video {
			in.leads = t
		}
	}
	in.held.drop()
	in.held.events, in.held.opening, in.held.gops = nil, nil, 0 // their clock is over
	in.seen = time.Time{}
	if in.last.IsZero() {
		in.last, in.steady = now, now
	}
}

// track returns the index of a track; -1 where there's none.
func (in *input) track(id media.TrackID) int {
	for i := range in.tracks {
		if in.tracks[i].ID == id {
			return i
		}
	}
	return -1
}

// ready says whether it has something to go on air with. A publisher that sends no
// picture, though it said it would, is better than nobody.
func (in *input) ready(now time.Time, better bool) bool {
	if in.held.key {
		return true
	}
	return better && len(in.held.samples) > 0 && now.Sub(in.seen) >= blindFor
}

// atKey says whether a keyframe has only just come. If another has the turn at that very
// moment, the next sample does as well: otherwise it would take a GOP until the next chance.
func (in *input) atKey(now time.Time) bool {
	return in.held.fresh || in.held.key && now.Sub(in.held.samples[0].arrived) < nearKey
}

// note takes note that media came.
func (in *input) note(lead bool, now time.Time) {
	if now.Sub(in.last) >= in.air.settings.After {
		in.steady = now
	}
	if lead || in.seen.IsZero() {
		in.seen = now
	}
	in.last = now
}

// WriteSample implements media.Sink.
func (in *input) WriteSample(ctx context.Context, id media.TrackID, s media.Sample, arrived time.Time) error {
	a := in.air
	if a == nil {
		return errOrder
	}
	var t *media.Track
	if i := in.track(id); i >= 0 {
		if t = &in.tracks[i]; in.measure(i, s) {
			in.settings.Slates.Prepare(in.tracks, in.rates)
		}
	}
	a.mu.Lock()
	if t == nil || in.role != Slate && a.inputs[in.role] != in {
		a.mu.Unlock()
		return errOrder
	}
	now := time.Now()
	in.note(t == in.leads, now)
	n := heldSample{t, s, arrived}
	if a.on == in && in.claim(ctx) {
		a.went(in, t == in.leads, s, arrived)
		if in.role == Backup {
			in.held.add(in.leads, n) // it stays hot when the primary is back
		}
		out := a.out
		a.mu.Unlock()
		defer a.release()
		return in.write(ctx, out, n, arrived)
	}
	if in.role == Slate {
		a.mu.Unlock()
		return errDisplaced
	}
	in.held.add(in.leads, n)
	in.warn()
	why, ok := a.may(in, now)
	if !ok || !a.acquire() {
		a.mu.Unlock()
		return nil
	}
	defer a.release()
	return in.takeOver(ctx, why, now)
}

// claim takes the turn for an input that is on air. Others have it then only to see that
// they needn't. The air's mutex is held; it is let go of meanwhile.
func (in *input) claim(ctx context.Context) bool {
	a := in.air
	if a.acquire() {
		return true
	}
	a.mu.Unlock()
	err := a.wait(ctx)
	a.mu.Lock()
	if err == nil && a.on != in {
		a.release()
	}
	return err == nil && a.on == in
}

// takeOver goes on air with what is held. The turn and the air's mutex, which it lets go
// of, are held.
func (in *input) takeOver(ctx context.Context, why string, now time.Time) error {
	a := in.air
	a.put(in, why, now)
	ended, out, burst := a.ended, a.out, slices.Clone(in.held.samples)
	if in.role != Backup {
		in.held.drop()
	}
	in.seam = join(in.leads, burst, ended)
	events := in.takeEvents(burst)
	for _, s := range burst {
		a.went(in, s.track == in.leads, s.sample, s.arrived)
		if s.track == in.leads && in.seam.on { // it's shown where the one before ended
			a.went(in, true, s.sample, ended.Add((in.seam.pivot - in.seam.cut).Duration(media.VideoClock)))
		}
	}
	a.mu.Unlock()
	a.control.changed()
	if err := out.Begin(ctx, in.tracks); err != nil {
		return err
	}
	for _, e := range events {
		if err := out.WriteEvent(ctx, e); err != nil {
			return err
		}
	}
	// The first one's arrival is what the media's dates go by. The rest comes now, all
	// at once: whoever watches how late something is must not take it for that.
	first := true
	for _, s := range burst {
		moved, ok := in.seam.move(s.track, s.sample)
		if !ok {
			continue
		}
		at := now
		if first {
			at, first = latest(s.arrived, ended), false
		}
		if err := out.WriteSample(ctx, s.track.ID, moved, at); err != nil {
			return err
		}
	}
	return nil
}

// write hands a sample on. The turn is held.
func (in *input) write(ctx context.Context, out media.Sink, s heldSample, arrived time.Time) error {
	moved, ok := in.seam.move(s.track, s.sample)
	if !ok {
		return nil
	}
	return out.WriteSample(ctx, s.track.ID, moved, arrived)
}

// warn says once that a spare can't be hot.
func (in *input) warn() {
	if in.held.tooMuch && !in.wary {
		in.wary = true
		in.air.log.Warn("keyframes of the "+in.role.String()+" are too far apart: it could only take over at the next one", "dur", heldTime)
	}
}

// End implements media.Sink. The output ends with the last session.
func (in *input) End(ctx context.Context, cause error) error {
	a := in.air
	if a == nil {
		return nil
	}
	a.mu.Lock()
	if a.inputs[in.role] == in {
		a.inputs[in.role] = nil
	}
	if a.on == in {
		a.on = nil
		a.since = time.Now()
	}
	last := a.deserted() && a.player == nil
	a.mu.Unlock()
	defer a.control.changed()
	defer a.control.leave(a)
	if !last {
		return nil
	}
	return a.finish(ctx, cause)
}
