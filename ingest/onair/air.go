package onair

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sluice/media"
)

// Role is what an input is to its stream.
type Role uint8

// The roles, in the order in which they are preferred.
const (
	Primary Role = iota
	Backup
	Slate  // no session's
	nobody // nothing is on air
)

func (r Role) String() string { return [...]string{"primary", "backup", "slate", "nobody"}[r] }

// roles is how many a session can have.
const roles = 2

// Why an input goes on air.
const (
	whyFirst   = "nobody else is"
	whyLost    = "the one before it is gone"
	whySilent  = "the one before it sends nothing"
	whySteady  = "it is steady again"
	whySlate   = "it ends the slate"
	whyNothing = "nothing comes of any publisher"
)

var (
	errDisplaced = errors.New("a publisher is on air") // ends a slate
	errOrder     = errors.New("a sample of a track that was not begun, or of a session that has ended")
)

// air is one stream: who is on air, and the output.
//
//	dark ──a publisher begins, or has a keyframe──▶ primary or backup
//	primary ──silent for After, or gone──▶ backup, with the GOP that it has held
//	backup ──the primary is steady, at its keyframe──▶ primary
//	backup ──silent for After, or gone──▶ primary, with the GOP that it has held
//	primary, backup ──gone, and no other is there: the output ends──▶ dark
//	primary, backup, dark ──nothing for SlateAfter──▶ slate
//	slate ──a publisher has a keyframe──▶ that one
//	slate ──Grace since a publisher's last media is over: the output ends for good──▶ dark
//
// All decisions but the slate's are made by the goroutines of sessions, for each sample
// that comes: whoever is fit to take over has media at hand.
type air struct {
	control *Control
	stream  string
	log     *slog.Logger

	// turn is held by whoever calls the output. To change on takes turn and mu.
	turn chan struct{}

	mu       sync.Mutex
	settings Settings // of the newest session
	open     func() media.Sink
	inputs   [roles]*input
	on       *input                    // nil: nobody
	out      media.Sink                // nil between broadcasts
	tracks   []media.Track             // of the publisher that was on air last
	rates    map[media.TrackID]float64 // of its pictures; immutable
	since    time.Time                 // when on changed, and why
	why      string
	ended    time.Time // wall time at which the media that went out ends
	lost     time.Time // when a publisher's media last went out
	begun    time.Time // when a publisher last began on air
	failures []time.Time
	player   *player // plays the slate; nil: none does
	mayPlay  time.Time
}

// acquire takes the turn, if it's free.
func (a *air) acquire() bool {
	select {
	case a.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes the turn.
func (a *air) wait(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *air) release() { <-a.turn }

// idle says whether there is nothing to remember. Both locks are held.
func (a *air) idle(now time.Time, closed bool) bool {
	if a.on != nil || a.out != nil || a.player != nil || a.inputs != [roles]*input{} {
		return false
	}
	return closed || a.settings.Slates == nil || a.tracks == nil || !now.Before(a.overAt())
}

// overAt is when nobody is waited for any longer. A publisher that has only just begun has
// sent nothing yet. mu is held.
func (a *air) overAt() time.Time { return latest(a.lost, a.begun).Add(a.settings.Grace) }

// may says whether an input that isn't on air goes on now, and why. mu is held.
func (a *air) may(in *input, now time.Time) (why string, ok bool) {
	if !in.ready(now, a.on == nil) {
		return "", false
	}
	switch {
	case a.on == nil && a.out == nil:
		return whyFirst, true
	case a.on == nil:
		return whyLost, true
	case a.on.role == Slate:
		return whySlate, true
	case now.Sub(a.on.last) >= a.settings.After:
		return whySilent, true
	case in.role == Primary && a.on.role == Backup && !a.settings.Stay && in.atKey(now) && now.Sub(in.steady) >= a.patience(now):
		return whySteady, true
	}
	return "", false
}

// patience is how long the primary must have been steady: the longer, the more often it
// failed lately. mu is held.
func (a *air) patience(now time.Time) time.Duration {
	n := 0
	for _, at := range a.failures {
		if now.Sub(at) < flapping {
			a.failures[n] = at
			n++
		}
	}
	a.failures = a.failures[:n]
	return steadyFor << min(max(n-1, 0), maxDoubling)
}

// put puts an input on air. mu and the turn are held.
func (a *air) put(in *input, why string, now time.Time) {
	before := nobody
	if a.on != nil {
		before = a.on.role
	}
	if in.role == Backup && why != whyFirst {
		a.failures = append(a.failures[max(len(a.failures)-maxDoubling, 0):], now)
	}
	if in.role != Slate && a.player != nil {
		a.player.stop()
	}
	if a.out == nil {
		a.out = a.open()
	}
	if in.role != Slate {
		a.learn(in, now)
	}
	a.on, a.since, a.why = in, now, why
	level := slog.LevelInfo
	if in.role != Primary {
		level = slog.LevelWarn // it's served, and something is wrong
	}
	if why == whyFirst {
		level = slog.LevelDebug
	}
	a.log.Log(context.Background(), level, fmt.Sprintf("%s is on air, in the place of %s: %s", in.role, before, why))
	a.control.counts.changes.WithLabelValues(in.role.String(), why).Inc()
}

// learn takes note of what a publisher that begins on air sends. Who only comes back has
// the rates that were measured before. mu is held.
func (a *air) learn(in *input, now time.Time) {
	if in.rates != nil || !slices.EqualFunc(a.tracks, in.tracks, media.Track.Equal) {
		a.rates = in.rates
	}
	a.tracks, a.begun = in.tracks, now
}

// went notes that a sample goes out. mu is held.
func (a *air) went(in *input, lead bool, s media.Sample, at time.Time) {
	if lead {
		if end := at.Add(s.Duration.Duration(in.leads.Timescale)); end.After(a.ended) {
			a.ended = end
		}
	}
	if in.role != Slate {
		a.lost = time.Now()
		if in.rates != nil {
			a.rates = in.rates
		}
	}
}

// finish ends the output, if nobody is on air.
func (a *air) finish(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	if err := a.wait(ctx); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	defer a.release()
	a.mu.Lock()
	out := a.out
	if a.on != nil || out == nil {
		a.mu.Unlock()
		return nil
	}
	a.out = nil
	a.mu.Unlock()
	return out.End(ctx, cause)
}

// deserted says whether no session is there. mu is held.
func (a *air) deserted() bool { return a.inputs == [roles]*input{} }
