package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/cmd/sluice/config"
	"sluice/ingest/onair"
	"sluice/media"
	"sluice/transcode/slate"
	"sluice/web"
)

// airing is what decides who is on air, with the slates that stand in.
type airing struct {
	control *onair.Control
	makers  []*slate.Maker
	usual   onair.Settings
	own     map[string]onair.Settings // of streams that have settings of their own
}

// builtIn names the slate that is nobody's file, in metrics.
const builtIn = "built-in"

func newAiring(c config.Config, log *slog.Logger, metrics prometheus.Registerer) (*airing, error) {
	a := &airing{
		control: onair.New(onair.Options{Log: log, Metrics: metrics}), own: map[string]onair.Settings{},
	}
	made, slots := map[string]*slate.Maker{}, slate.NewSlots()
	maker := func(picture string) (*slate.Maker, error) {
		if m := made[picture]; m != nil {
			return m, nil
		}
		name, path := builtIn, ""
		if picture != config.SlateOn {
			name, path = picture, picture
			if _, err := os.Stat(path); err != nil {
				return nil, fmt.Errorf("slate: %w", err)
			}
		}
		m := slate.New(slate.Options{
			Picture: path, Data: c.Data, Segment: c.Timing.Segment, Slots: slots, Log: log,
			Metrics: prometheus.WrapRegistererWith(prometheus.Labels{"slate": name}, metrics),
		})
		made[picture] = m
		a.makers = append(a.makers, m)
		return m, nil
	}
	of := func(k config.Continuity) (onair.Settings, error) {
		s := onair.Settings{
			After: k.BackupAfter, Stay: k.BackupReturn == config.ReturnStay, SlateAfter: k.SlateAfter, Grace: c.Grace,
		}
		if k.Slate == config.SlateOff {
			return s, nil
		}
		m, err := maker(k.Slate)
		s.Slates = clips{m}
		return s, err
	}
	var err error
	if a.usual, err = of(c.Continuity); err != nil {
		return nil, err
	}
	for _, s := range c.Streams {
		if a.own[s.Name], err = of(s.Continuity.Or(c.Continuity)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// settings are those of a stream.
func (a *airing) settings(stream string) onair.Settings {
	if s, ok := a.own[stream]; ok {
		return s
	}
	return a.usual
}

// serve makes slates until ctx ends.
func (a *airing) serve(ctx context.Context) error {
	var all sync.WaitGroup
	for _, m := range a.makers {
		all.Go(func() { _ = m.Serve(ctx) })
	}
	<-ctx.Done()
	all.Wait()
	return ctx.Err()
}

// onAir is what the API tells of a stream.
func (a *airing) onAir(stream string) *web.OnAir {
	s, ok := a.control.Status(stream)
	if !ok {
		return nil
	}
	return &web.OnAir{Input: s.On.String(), Since: s.Since.UTC().Format(time.RFC3339), Why: s.Why}
}

// clips gives what a Maker made.
type clips struct{ *slate.Maker }

// Clip implements onair.Slates.
func (c clips) Clip(tracks []media.Track, rates map[media.TrackID]float64) (onair.Clip, bool) {
	clip, ok := c.Maker.Clip(tracks, rates)
	return clip, ok
}
