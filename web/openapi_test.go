package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"sluice/packager/timeline"
	"sluice/storage/certificates"
)

// description is that of the API.
type description struct {
	OpenAPI    string
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]struct{ Enum []string }
		}
	}
}

// object is one of an answer's, by its members.
type object = map[string]json.RawMessage

// read reads JSON.
func read[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// holds demands that a schema has an answer's members, and all of them.
func (d *description) holds(t *testing.T, name string, answer object) {
	t.Helper()
	s := d.Components.Schemas[name]
	require.ElementsMatch(t, slices.Collect(maps.Keys(answer)), slices.Collect(maps.Keys(s.Properties)), name)
	require.ElementsMatch(t, slices.Collect(maps.Keys(answer)), s.Required, name)
}

// enum demands that a member has these values.
func (d *description) enum(t *testing.T, name, member string, values ...string) {
	t.Helper()
	require.ElementsMatch(t, values, d.Components.Schemas[name].Properties[member].Enum, "%s.%s", name, member)
}

// TestDescriptionIsTrue holds the description of the API against its routes and answers.
func TestDescriptionIsTrue(t *testing.T) {
	g, _ := playing(t, 3, atSeven, withMultitrack, func(o *Options) {
		o.Publisher = func(string, bool) *Publisher { return &Publisher{Video: &PublisherVideo{}, Audio: &PublisherAudio{}} }
		o.OnAir = func(string) *OnAir { return &OnAir{Input: "backup"} }
	})
	g.get("/live/live/source/1/3.m4s", `CMCD-Request: bl=2000,mtp=4000`, `CMCD-Object: br=3000`, `CMCD-Session: sf=h,sid="a"`)
	w := g.get("/api/v1/openapi.json")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	d := read[description](t, w.Body.Bytes())
	require.Equal(t, "3.1.0", d.OpenAPI)
	requireRoutes(t, g, d.Paths)
	d.holdsStream(t, read[object](t, g.get("/api/v1/streams/live").Body.Bytes()))
	for path, name := range map[string]string{"/api/v1/streams": "Streams", "/api/v1/certificates": "Certificates", "/api/v1/steering": "Steering", "/api/v1/streams/none": "Problem"} {
		d.holds(t, name, read[object](t, g.get(path).Body.Bytes()))
	}
	require.Empty(t, read[struct{ Cues []object }](t, g.get("/api/v1/streams/live/cues").Body.Bytes()).Cues)
	for name, status := range map[string]any{
		"CDN": cdnStatus{}, "Cue": spliceStatusOf(&timeline.Splice{}), "Certificate": certificateStatusOf(certificates.Status{}, start),
	} {
		body, err := json.Marshal(status)
		require.NoError(t, err)
		d.holds(t, name, read[object](t, body))
	}
	d.enum(t, "Cue", "kind", "out", "in", "command")
	d.enum(t, "CueWish", "kind", CueOut, CueIn, CueOpportunity, CueCancel, CueSection)
	d.enum(t, "Certificate", "state", "valid", "expiring", "expired", "missing")
	states := []string{stateStarting}
	for _, s := range []timeline.State{timeline.Offline, timeline.Live, timeline.Away, timeline.Ended} {
		states = append(states, s.String())
	}
	d.enum(t, "Stream", "state", states...)
	d.enum(t, "Rendition", "state", renditionStarting, renditionListed, renditionBehind, renditionLeft)
}

// holdsStream demands the same of a stream and all that is in it.
func (d *description) holdsStream(t *testing.T, stream object) {
	t.Helper()
	d.holds(t, "Stream", stream)
	renditions := read[[]object](t, stream["renditions"])
	require.NotEmpty(t, renditions)
	d.holds(t, "Rendition", renditions[0])
	d.holds(t, "OnAir", read[object](t, stream["on_air"]))
	publisher := read[object](t, stream["publisher"])
	d.holds(t, "Publisher", publisher)
	d.holds(t, "PublisherVideo", read[object](t, publisher["video"]))
	d.holds(t, "PublisherAudio", read[object](t, publisher["audio"]))
	viewers := read[object](t, stream["viewers"])
	d.holds(t, "Viewers", viewers)
	for name, schema := range map[string]string{
		"buffer_ms": "Quantiles", "throughput": "Quantiles", "bitrate": "Quantiles", "formats": "ViewersFormats",
	} {
		d.holds(t, schema, read[object](t, viewers[name]))
	}
	played := read[[]object](t, viewers["renditions"])
	require.Len(t, played, 1)
	d.holds(t, "ViewersOfARendition", played[0])
}

// requireRoutes demands that the paths and methods of the description are those of the routes.
func requireRoutes(t *testing.T, g *gateway, paths map[string]map[string]any) {
	t.Helper()
	var routes, told []string
	require.NoError(t, chi.Walk(g.Server.routes.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if (method == http.MethodGet || method == http.MethodPost) && strings.HasPrefix(route, "/api/") {
			routes = append(routes, strings.ToLower(method)+" "+route)
		}
		return nil
	}))
	for path, operations := range paths {
		for method := range operations {
			told = append(told, method+" "+path)
		}
	}
	require.NotEmpty(t, routes)
	require.ElementsMatch(t, routes, told)
}
