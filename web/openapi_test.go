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
	type schema struct {
		Required   []string
		Properties map[string]struct{ Enum []string }
	}
	var d struct {
		OpenAPI    string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]schema }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &d))
	require.Equal(t, "3.1.0", d.OpenAPI)

	requireRoutes(t, g, d.Paths)

	described := func(name string, answer map[string]json.RawMessage) {
		s := d.Components.Schemas[name]
		require.ElementsMatch(t, slices.Collect(maps.Keys(answer)), slices.Collect(maps.Keys(s.Properties)), name)
		require.ElementsMatch(t, slices.Collect(maps.Keys(answer)), s.Required, name)
	}
	var stream map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(g.get("/api/v1/streams/live").Body.Bytes(), &stream))
	described("Stream", stream)
	var renditions []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(stream["renditions"], &renditions))
	require.NotEmpty(t, renditions)
	described("Rendition", renditions[0])
	var publisher, video, audio map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(stream["publisher"], &publisher))
	described("Publisher", publisher)
	var onAir map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(stream["on_air"], &onAir))
	described("OnAir", onAir)
	var viewers, nested map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(stream["viewers"], &viewers))
	described("Viewers", viewers)
	for name, schema := range map[string]string{
		"buffer_ms": "Quantiles", "throughput": "Quantiles", "bitrate": "Quantiles", "formats": "ViewersFormats",
	} {
		nested = nil
		require.NoError(t, json.Unmarshal(viewers[name], &nested))
		described(schema, nested)
	}
	var played []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(viewers["renditions"], &played))
	require.Len(t, played, 1)
	described("ViewersOfARendition", played[0])
	require.NoError(t, json.Unmarshal(publisher["video"], &video))
	described("PublisherVideo", video)
	require.NoError(t, json.Unmarshal(publisher["audio"], &audio))
	described("PublisherAudio", audio)
	for path, name := range map[string]string{"/api/v1/streams": "Streams", "/api/v1/certificates": "Certificates", "/api/v1/steering": "Steering", "/api/v1/streams/none": "Problem"} {
		var answer map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(g.get(path).Body.Bytes(), &answer))
		described(name, answer)
	}

	var cdn map[string]json.RawMessage
	body, err := json.Marshal(cdnStatus{})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &cdn))
	described("CDN", cdn)

	var cues struct{ Cues []map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal(g.get("/api/v1/streams/live/cues").Body.Bytes(), &cues))
	require.Empty(t, cues.Cues)
	var cue map[string]json.RawMessage
	body, err = json.Marshal(spliceStatusOf(&timeline.Splice{}))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &cue))
	described("Cue", cue)
	require.ElementsMatch(t, []string{"out", "in", "command"}, d.Components.Schemas["Cue"].Properties["kind"].Enum)
	require.ElementsMatch(t, []string{CueOut, CueIn, CueOpportunity, CueCancel, CueSection},
		d.Components.Schemas["CueWish"].Properties["kind"].Enum)

	var certificate map[string]json.RawMessage
	body, err = json.Marshal(certificateStatusOf(certificates.Status{}, start))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &certificate))
	described("Certificate", certificate)
	require.ElementsMatch(t, []string{"valid", "expiring", "expired", "missing"}, d.Components.Schemas["Certificate"].Properties["state"].Enum)

	states := []string{stateStarting}
	for _, s := range []timeline.State{timeline.Offline, timeline.Live, timeline.Away, timeline.Ended} {
		states = append(states, s.String())
	}
	require.ElementsMatch(t, states, d.Components.Schemas["Stream"].Properties["state"].Enum)
	require.ElementsMatch(t, []string{renditionStarting, renditionListed, renditionBehind, renditionLeft},
		d.Components.Schemas["Rendition"].Properties["state"].Enum)
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
