package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/id3"
	"sluice/packager/cmaf"
)

// eventEvery is the distance of a clip's events, in pictures.
const eventEvery = 25

// withEvents puts script tags between a clip's frames, in turn onTextData and
// onCuePoint. Each is of the time of one picture, and says so.
func (c clip) withEvents(t *testing.T) clip {
	t.Helper()
	all := c
	all.frames = nil
	n := 0
	for _, g := range c.frames {
		all.frames = append(all.frames, g)
		if g.kind != videoTag || g.header() {
			continue
		}
		if n++; n%eventEvery != 1 {
			continue
		}
		at := g.pts().Milliseconds()
		values := []any{"onTextData", amf0.Object{{Key: "text", Value: strconv.FormatInt(at, 10)}}}
		if n%(2*eventEvery) == 1 {
			values = []any{"onCuePoint", amf0.Object{{Key: "name", Value: "goal"}, {Key: "at", Value: float64(at)}}}
		}
		body := amf0.AppendTo(nil, values...)
		all.frames = append(all.frames, tag{kind: dataTag, due: g.due, at: g.pts(), body: body})
	}
	return all
}

// said is what an event says of its own time.
func said(t *testing.T, name, value string) time.Duration {
	t.Helper()
	var ms float64
	switch name {
	case "onTextData":
		require.NoError(t, json.Unmarshal([]byte(value), &ms))
	case "onCuePoint":
		var cue struct {
			Name string
			At   float64
		}
		require.NoError(t, json.Unmarshal([]byte(value), &cue))
		require.Equal(t, "goal", cue.Name)
		ms = cue.At
	default:
		t.Errorf("event %q", name)
	}
	return time.Duration(ms) * time.Millisecond
}

// TestTimedMetadata publishes script tags with the pictures of their times: hls.js and
// dash.js tell a page of them when that picture is on show.
func TestTimedMetadata(t *testing.T) {
	t.Parallel()
	const frame = time.Second / 25
	c := record(t, video("640x360", "25", "50").with(tone()), time.Minute).withEvents(t)
	first := c.frames[slices.IndexFunc(c.frames, func(g tag) bool { return g.kind == videoTag && !g.header() })].pts()
	for _, p := range []struct{ player, path string }{
		{"hls", "/live/live/index.m3u8"},
		{"hls", "/live/live/ts.m3u8"},
		{"dash", "/live/live/manifest.mpd"},
	} {
		t.Run(p.player+p.path, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			g.loop(c)
			g.segments(2)
			watching, stop := context.WithCancel(t.Context())
			_, watched := g.watchDASH(watching, "live")
			playing := play(t, p.player, g.url(p.path))
			playing.awaits("it plays", func(s shown) bool { return s.CurrentTime > 0 })
			playing.playsOn(9 * time.Second)
			seen := playing.stop()
			seen.requireUnharmed(t)
			require.GreaterOrEqual(t, len(seen.Events), 6)
			require.Greater(t, len(seen.Frames), 50)
			// Where the player's timeline has the stream's first picture is the same for
			// all, and a picture stands at each event's time.
			start := seen.Events[0].Time - (said(t, seen.Events[0].Name, seen.Events[0].Value) - first).Seconds()
			names := map[string]int{}
			last := 0.0
			for _, e := range seen.Events {
				names[e.Name]++
				at := said(t, e.Name, e.Value) - first
				require.InDelta(t, start+at.Seconds(), e.Time, 0.001, "%+v", e)
				require.Greater(t, e.Time, last, "once, and in order")
				last = e.Time
				frames := (e.Time - seen.Frames[0]) / frame.Seconds()
				require.InDelta(t, math.Round(frames), frames, 0.03, "%+v beside the picture at %f", e, seen.Frames[0])
			}
			require.Len(t, names, 2)
			for _, e := range seen.Events[1:] {
				// Cues are told of with the time updates of the element: a few a second, and
				// fewer on a busy machine.
				require.InDelta(t, e.Time, e.Shown, 2, "%+v", e)
			}
			stop()
			watched()
			g.requireEventsInTime(first)
		})
	}
}

// requireEventsInTime reads the fragments: each event has its picture's time, to the tick.
func (g *gateway) requireEventsInTime(first time.Duration) {
	g.t.Helper()
	m, err := g.playlist("source")
	require.NoError(g.t, err)
	pictures, last := map[int64]bool{}, int64(0)
	for _, s := range g.read("source") {
		for _, at := range s.times() {
			pictures[at], last = true, max(last, at)
		}
	}
	n := 0
	for _, s := range m.Segments {
		body, _, err := fetch(g.t.Context(), resolve(g.url("/live/live/source/index.m3u8"), s.URI))
		require.NoError(g.t, err)
		for _, e := range eventsOf(g.t, body) {
			n++
			require.True(g.t, pictures[int64(e.Time)] || int64(e.Time) > last, "event at %d", e.Time)
			f, err := id3.Parse(e.Data)
			require.NoError(g.t, err)
			at := said(g.t, f.Name, string(f.Value)) - first
			require.InDelta(g.t, (10*time.Second + at).Seconds(), e.Time.Duration(e.Timescale).Seconds(), 0.0011, fmt.Sprint(f))
		}
	}
	require.Greater(g.t, n, 4)
}

// eventsOf reads the events of all fragments of a segment.
func eventsOf(t *testing.T, segment []byte) (all []cmaf.EventMessage) {
	t.Helper()
	for len(segment) > 0 {
		events, err := cmaf.ReadEvents(segment)
		require.NoError(t, err)
		all = append(all, events...)
		for name := ""; name != "mdat"; {
			n := int(segment[0])<<24 | int(segment[1])<<16 | int(segment[2])<<8 | int(segment[3])
			name = string(segment[4:8])
			segment = segment[n:]
		}
	}
	return all
}
