package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash/dashcheck"
)

// dashViewer follows a stream's MPD by long poll, fetches every segment that it
// lists (the open one while it is written), and hands it all to the strict checker.
type dashViewer struct {
	t        *testing.T
	observer *dashcheck.Observer
	// tolerated are the rules that the stream at hand can't keep to.
	tolerated []string
	fetches   sync.WaitGroup

	// Only follow's goroutine reads and writes these two.
	known map[string]dashcheck.Init // by URL of the init segment
	asked map[string]bool           // media

	mu    sync.Mutex // guards what follows
	n     int        // MPDs seen
	whole int        // segments fetched
	err   error
}

// watchDASH follows a stream until its MPD is static or the context ends; the
// returned function waits for that.
func (g *gateway) watchDASH(ctx context.Context, stream string) (*dashViewer, func()) {
	v := &dashViewer{
		t: g.t, observer: dashcheck.NewObserver(dashcheck.Options{Skew: time.Second}),
		known: map[string]dashcheck.Init{}, asked: map[string]bool{},
	}
	v.fetches.Add(1)
	go func() {
		defer v.fetches.Done()
		v.note(ctx, v.follow(ctx, g.url("/live/"+stream+"/manifest.mpd")))
	}()
	return v, func() {
		v.fetches.Wait()
		require.NoError(g.t, v.err)
		require.Greater(g.t, v.n, 2, "MPDs")
		require.Greater(g.t, v.whole, 2, "segments")
		for _, violation := range v.observer.Violations() {
			if !slices.Contains(v.tolerated, violation.Rule.ID) {
				g.t.Errorf("DASH: %v", violation)
			}
		}
	}
}

// note keeps what went wrong before the context ended.
func (v *dashViewer) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = errors.Join(v.err, err)
}

func (v *dashViewer) follow(ctx context.Context, u string) error {
	for clock := false; ; {
		asked := time.Now()
		body, header, err := fetch(ctx, u)
		if statusIs(err, http.StatusServiceUnavailable) {
			continue // nothing came in time: ask again
		}
		if err != nil {
			return err
		}
		m := v.observer.MPD(dashcheck.Fetch{
			URL: u, Body: body, Asked: asked, At: time.Now(), ContentType: header.Get("Content-Type"),
		})
		if m == nil {
			return fmt.Errorf("%s can't be read", u)
		}
		v.mu.Lock()
		v.n++
		v.mu.Unlock()
		if !clock && m.Clock != "" {
			if body, _, err = fetch(ctx, m.Clock); err != nil {
				return err
			}
			v.observer.Clock(m.Clock, body, time.Now())
			clock = true
		}
		if err := v.collect(ctx, m); err != nil {
			return err
		}
		if !m.Dynamic {
			return nil
		}
		if m.Next == "" {
			return errors.New("a dynamic MPD without Location")
		}
		u = m.Next
	}
}

// collect fetches what is new, each segment on its own: an open one takes as
// long as it lasts.
func (v *dashViewer) collect(ctx context.Context, m *dashcheck.MPD) error {
	for _, p := range m.Periods {
		for _, set := range p.Sets {
			for _, r := range set.Representations {
				init, err := v.init(ctx, r.Init)
				if err != nil {
					return err
				}
				for _, s := range r.Segments {
					v.segment(ctx, init, s.URL)
				}
			}
		}
	}
	return nil
}

// init fetches an init segment once.
func (v *dashViewer) init(ctx context.Context, u string) (dashcheck.Init, error) {
	if init, ok := v.known[u]; ok {
		return init, nil
	}
	body, _, err := fetch(ctx, u)
	if err != nil {
		return dashcheck.Init{}, err
	}
	init, err := dashcheck.MeasureInit(body)
	if err != nil {
		return init, err
	}
	v.observer.Init(u, init)
	v.known[u] = init
	return init, nil
}

// segment fetches a segment once, in the background.
func (v *dashViewer) segment(ctx context.Context, init dashcheck.Init, u string) {
	if v.asked[u] {
		return
	}
	v.asked[u] = true
	v.fetches.Add(1)
	go func() {
		defer v.fetches.Done()
		body, _, err := fetch(ctx, u)
		if status := statusOf(err); status != 0 {
			v.observer.Missing(u, status)
			return
		}
		if err != nil {
			v.note(ctx, err)
			return
		}
		media, err := init.Measure(body)
		if err != nil {
			v.note(ctx, fmt.Errorf("%s: %w", u, err))
			return
		}
		v.observer.Segment(u, media)
		v.mu.Lock()
		v.whole++
		v.mu.Unlock()
	}()
}
