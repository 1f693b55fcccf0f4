package dash_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash"
	"sluice/packager/dash/dashcheck"
	"sluice/packager/timeline"
)

const mpdURL = "http://127.0.0.1/live/live/manifest.mpd"

// viewer feeds what one who follows a stream sees to a checker.
type viewer struct {
	*dashcheck.Observer
	t    *testing.T
	next string // where the MPD is asked for next
}

func newViewer(t *testing.T) *viewer {
	// A fast encoder is ahead by up to timeline's step before it is anchored anew.
	return &viewer{dashcheck.NewObserver(dashcheck.Options{Skew: 250 * time.Millisecond}), t, mpdURL}
}

// look feeds the MPD of tl, and the media that it lists.
func (v *viewer) look(tl *timeline.Timeline) {
	o := options
	o.Following = v.next != mpdURL
	body, err := dash.AppendMPD(nil, tl, o)
	if err != nil {
		require.ErrorIs(v.t, err, dash.ErrNotReady)
		return
	}
	var now time.Time
	for _, r := range tl.Renditions {
		for _, g := range []*timeline.Segment{r.Segments.Last(), r.Open} {
			if g != nil && len(g.Parts) > 0 && g.Parts[len(g.Parts)-1].Arrived.After(now) {
				now = g.Parts[len(g.Parts)-1].Arrived
			}
		}
	}
	m := v.MPD(dashcheck.Fetch{URL: v.next, Body: body, At: now, ContentType: dash.ContentType})
	require.NotNil(v.t, m)
	if m.Next != "" {
		v.next = m.Next
	} else {
		v.next = mpdURL
	}
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				for _, g := range r.Segments {
					v.fetch(tl, timeline.RenditionID(r.ID), g)
				}
			}
		}
	}
}

func (v *viewer) fetch(tl *timeline.Timeline, id timeline.RenditionID, listed dashcheck.Segment) {
	g := tl.Rendition(id).Segment(listed.Number)
	require.NotNil(v.t, g)
	if !g.Closed {
		return
	}
	m := dashcheck.Media{Size: g.Size, Empty: len(g.Parts) == 0, Start: uint64(g.Start), Sync: true}
	for _, p := range g.Parts {
		m.Duration += uint64(p.Duration)
	}
	v.Segment(listed.URL, m)
}

// TestScenesKeepTheRules shows every single step of every scene to the checker.
func TestScenesKeepTheRules(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			p, v := newTape(t), newViewer(t)
			p.seen = v.look
			s.play(p)
			for _, found := range v.Violations() {
				if s.name == "audio_stops" && found.Rule.ID == "timeline.even" {
					continue
				}
				t.Error(found)
			}
		})
	}
}
