package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/packager/dash/dashcheck"
	"sluice/packager/hls/hlscheck"
)

// steered has two CDNs, and a token.
func steered(o *Options) {
	o.Token = NewToken("a secret of the operator's")
	o.PublicURL = "https://live.example/"
	o.CDNs = []CDN{{Name: "east", Host: "a.example", Weight: 3}, {Name: "west", Host: "b.example", Weight: 1}}
}

func (g *gateway) steeringOf(query string) (m steeringManifest) {
	g.tb.Helper()
	w := g.get("/live/live/steering.json" + query)
	require.Equal(g.tb, 200, w.Code)
	require.Equal(g.tb, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(g.tb, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(g.tb, "application/json", w.Header().Get("Content-Type"))
	require.NoError(g.tb, json.Unmarshal(w.Body.Bytes(), &m))
	require.Equal(g.tb, 1, m.Version)
	require.Equal(g.tb, ownPathway, m.Priority[len(m.Priority)-1])
	return m
}

// weigh sets weights as an operator does.
func (g *gateway) weigh(body, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/steering", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secret)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// Manifests say where the steering manifest is, and are otherwise the same for everybody.
func TestSteeringIsTold(t *testing.T) {
	g, _ := playing(t, 13, steered)
	for _, name := range []string{"index.m3u8", "ts.m3u8", "index.m3u8?start=-9"} {
		body := g.get("/live/live/" + name).Body.Bytes()
		if strings.HasPrefix(name, "index") {
			require.Contains(t, string(body), "#EXT-X-CONTENT-STEERING:SERVER-URI=\"steering.json\",PATHWAY-ID=\".\"\n")
		}
		_, _, faults := hlscheck.Parse(body)
		require.Empty(t, faults)
	}
	for _, name := range []string{"manifest.mpd", "manifest.mpd?start=-9", "manifest.mpd?after=9"} {
		body := g.get("/live/live/" + name).Body.Bytes()
		require.Contains(t, string(body), ">https://live.example/live/live/steering.json</ContentSteering>")
		_, faults := dashcheck.Parse("http://localhost/live/live/"+name, body)
		require.Empty(t, faults)
	}
	plain, _ := playing(t, 13)
	require.NotContains(t, plain.get("/live/live/index.m3u8").Body.String(), "STEERING")
	require.NotContains(t, plain.get("/live/live/manifest.mpd").Body.String(), "Steering")
	require.Equal(t, 404, plain.get("/live/live/steering.json").Code)
	require.Equal(t, 404, g.get("/live/nothing/steering.json").Code)
}

// A session stays where it is, whatever it says of itself; sessions are shared out by weight.
func TestSteeringBySession(t *testing.T) {
	g, _ := playing(t, 3, steered)
	m := g.steeringOf("?_DASH_pathway=%22.%22&_DASH_throughput=5000000")
	require.Regexp(t, `^https://live\.example/live/live/steering\.json\?session=[0-9a-f]{16}$`, m.Reload)
	require.Len(t, m.Clones, 2)
	require.Equal(t, "a.example", m.Clones[0].Replacement.Host)
	require.Equal(t, ownPathway, m.Clones[0].Base)
	query := strings.TrimPrefix(m.Reload, "https://live.example/live/live/steering.json")
	require.Equal(t, m, g.steeringOf(query+"&_HLS_pathway=east&_HLS_throughput=5000000"))
	require.NotEqual(t, m.Reload, g.steeringOf("").Reload)
	require.NotContains(t, g.steeringOf("?session=../../x").Reload, "..")

	const sessions = 4000
	first := func() (list []string, count map[string]int) {
		count = map[string]int{}
		for i := range sessions {
			order := g.Server.steering.order(fmt.Sprintf("%016x", i))
			list = append(list, order[0])
			count[order[0]]++
		}
		return list, count
	}
	before, count := first()
	require.InDelta(t, sessions*3/4, count["east"], sessions/20)
	require.Equal(t, 200, g.weigh(`{"weights":{"west":3}}`, "a secret of the operator's").Code)
	after, count := first()
	require.InDelta(t, sessions/2, count["east"], sessions/20)
	for i := range before {
		require.False(t, before[i] == "west" && after[i] == "east", "session %d leaves what has got more", i)
	}
	require.Equal(t, 200, g.weigh(`{"weights":{"east":0,"west":0}}`, "a secret of the operator's").Code)
	require.Equal(t, []string{ownPathway}, g.steeringOf(query).Priority)
}

// The steering manifest takes no token, since MPDs name it without one; one in its URL must be
// good, and isn't told again: behind an edge it's that one's own.
func TestSteeringOfSignedStreams(t *testing.T) {
	g, _ := playing(t, 3, signing(nil), steered)
	tok := token(time.Hour)
	require.Equal(t, 403, g.get("/live/live/manifest.mpd").Code)
	require.Equal(t, 200, g.get("/live/live/steering.json").Code)
	require.Equal(t, 403, g.get("/live/live/~1.2.3/steering.json").Code)
	var m steeringManifest
	require.NoError(t, json.Unmarshal(g.get("/live/live/~"+tok+"/steering.json").Body.Bytes(), &m))
	require.Regexp(t, `^https://live\.example/live/live/steering\.json\?session=[0-9a-f]{16}$`, m.Reload)
	require.Equal(t, 200, g.get(strings.TrimPrefix(m.Reload, "https://live.example")).Code)
	require.Contains(t, g.get("/live/live/~"+tok+"/index.m3u8").Body.String(), `SERVER-URI="steering.json"`)
}

func TestWeights(t *testing.T) {
	const secret = "a secret of the operator's"
	g, _ := playing(t, 3, steered)
	at := "/api/v1/steering"
	require.JSONEq(t, `{"cdns":[{"name":"east","host":"a.example","weight":3},{"name":"west","host":"b.example","weight":1}]}`, g.get(at).Body.String())
	w := g.weigh(`{"weights":{"east":0,"west":1000}}`, secret)
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"cdns":[{"name":"east","host":"a.example","weight":0},{"name":"west","host":"b.example","weight":1000}]}`, w.Body.String())
	require.Equal(t, []string{"west", "."}, g.steeringOf("").Priority)
	require.Equal(t, 401, g.weigh(`{"weights":{"east":1}}`, "another").Code)
	for _, body := range []string{
		``, `{}`, `[]`, `{"weights":{}}`, `{"weights":{"north":1}}`, `{"weights":{"east":-1}}`, `{"weights":{"east":1001}}`,
		`{"weights":{"east":1}}{}`, `{"weight":{"east":1}}`, `{"weights":{"east":2,"north":1}}`, strings.Repeat(" ", maxWeights+1),
	} {
		require.Equal(t, 400, g.weigh(body, secret).Code, "%.40s", body)
	}
	require.Equal(t, w.Body.String(), g.get(at).Body.String(), "a mistake changes nothing")
	none, _ := playing(t, 3)
	require.JSONEq(t, `{"cdns":[]}`, none.get(at).Body.String())
	require.Equal(t, 403, none.weigh(`{"weights":{"east":1}}`, "").Code, "without a token in the configuration")
}

func FuzzWeights(f *testing.F) {
	f.Add([]byte(`{"weights":{"east":3,"west":0}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		weights, err := parseWeights(body)
		require.Equal(t, err != nil, len(weights) == 0)
		for _, weight := range weights {
			require.LessOrEqual(t, weight, uint(MaxWeight))
		}
	})
}
