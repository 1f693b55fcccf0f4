package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/web/pass"
)

// origin is a gateway with a signed stream and a public one behind edges, which are in
// deployments/cdn. It notes what it's asked.
func origin(t *testing.T) (url string, asked func() []string) {
	t.Helper()
	g, _ := playing(t, 3, signing(nil), func(o *Options) { o.Now = time.Now })
	g.publisher("empty").begin().fix().segments(2)
	var mu sync.Mutex
	var list []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		list = append(list, r.URL.RequestURI())
		mu.Unlock()
		g.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		all := list
		list = nil
		return all
	}
}

// edgeCase is a request to an edge.
type edgeCase struct {
	path, address string
	status        int
	text          string
}

// respelt writes the last character of a path's MAC with its unused bits set.
func respelt(path string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.Index(path, "/source") - 1
	return path[:at] + string(letters[strings.IndexByte(letters, path[at])+1]) + path[at+1:]
}

// edgeCases are what each edge has to do.
func edgeCases() map[string]edgeCase {
	hour := time.Now().Add(time.Hour)
	ours := netip.MustParseAddr("192.0.2.7")
	sign := func(secret []byte, stream string, until time.Time, from netip.Addr) string {
		return "/live/live/~" + pass.Sign(secret, stream, until, from) + "/source/1/2.m4s"
	}
	free := sign(signingKey, "live", hour, netip.Addr{})
	own := sign(signingKey, "live", hour, ours)
	return map[string]edgeCase{
		"valid":              {free, "198.51.100.1", 200, "[source 2.0]"},
		"valid, escaped":     {strings.Replace(free, "~", "%7E", 1), "198.51.100.1", 200, "[source 2.0]"},
		"another viewer's":   {sign(signingKey, "live", hour.Add(time.Minute), netip.Addr{}), "198.51.100.2", 200, "[source 2.0]"},
		"of before":          {sign(oldKey, "live", hour, netip.Addr{}), "198.51.100.2", 200, "[source 2.0]"},
		"of this address":    {own, "192.0.2.7", 200, "[source 2.0]"},
		"an IPv6 address's":  {sign(signingKey, "live", hour, netip.MustParseAddr("2001:db8::7")), "2001:db8::7", 200, "[source 2.0]"},
		"a playlist":         {strings.Replace(free, "1/2.m4s", "index.m3u8?_HLS_skip=YES", 1), "198.51.100.1", 200, "#EXTM3U"},
		"beginning earlier":  {strings.Replace(free, "source/1/2.m4s", "index.m3u8?start=-10", 1), "198.51.100.1", 200, "#EXT-X-START:TIME-OFFSET=-10"},
		"the public stream":  {"/live/empty/source/1/2.m4s", "198.51.100.1", 200, "[source 2.0]"},
		"of another address": {own, "192.0.2.8", 403, "at this address"},
		"expired":            {sign(signingKey, "live", time.Now().Add(-time.Second), netip.Addr{}), "198.51.100.1", 403, "the token has expired"},
		"of another stream":  {sign(signingKey, "empty", hour, netip.Addr{}), "198.51.100.1", 403, "isn't valid for this stream\n"},
		"another secret's":   {sign([]byte("a secret of nobody that is known"), "live", hour, netip.Addr{}), "198.51.100.1", 403, "isn't valid for this stream\n"},
		"another spelling":   {strings.Replace(free, "/source", "=/source", 1), "198.51.100.1", 403, "isn't valid"},
		"the MAC otherwise":  {respelt(free), "198.51.100.1", 403, "isn't valid"},
		"nonsense":           {"/live/live/~x/source/1/2.m4s", "198.51.100.1", 403, "isn't valid"},
		"nothing":            {"/live/live/~/source/1/2.m4s", "198.51.100.1", 403, "isn't valid"},
		"no token, cached":   {"/live/live/source/1/2.m4s", "198.51.100.1", 403, "needs a URL with a token"},
	}
}

// requireOneName wants the origin to have been asked by one name of what was signed.
func requireOneName(t *testing.T, asked []string, cases map[string]edgeCase, once bool) {
	t.Helper()
	names := map[string]int{}
	for _, path := range asked {
		if strings.Contains(path, "/~") && strings.Contains(path, ".m4s") {
			names[path]++
		}
		for _, tc := range cases {
			require.False(t, strings.HasPrefix(tc.path, "/live/live/~1") && path == tc.path, "a viewer's token")
		}
	}
	require.Len(t, names, 1, "%v", asked)
	for _, n := range names {
		require.True(t, !once || n == 1, "%v", asked)
	}
}

// The nginx of deployments/cdn refuses what the gateway would refuse, asks it once for what
// many viewers fetch, and logs no token.
func TestNginxEdge(t *testing.T) {
	at, asked := origin(t)
	script, err := os.ReadFile("../deployments/cdn/signed.js")
	require.NoError(t, err)
	nginx := startNginx(t, "sluice.conf", at, map[string]string{
		"signed.js":   string(script),
		"secret.conf": `set $sluice_secret "` + string(signingKey) + `"; set $sluice_old_secret "` + string(oldKey) + `";`,
	})
	tr := &http.Transport{DisableCompression: true, DialContext: nginx.dial}
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr}
	get := func(tc edgeCase) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://live.example"+tc.path, nil)
		require.NoError(t, err)
		r.Header.Set("X-Real-IP", tc.address)
		resp, err := client.Do(r)
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		return resp, b.String(), err
	}
	asked()
	cases := edgeCases()
	for range 2 {
		for name, tc := range cases {
			resp, body, err := get(tc)
			require.NoError(t, err)
			require.Equal(t, tc.status, resp.StatusCode, "%s: %s", name, body)
			require.Contains(t, body, tc.text, name)
			if tc.status == 200 && strings.HasSuffix(tc.path, ".m4s") {
				require.Equal(t, "public, max-age=31536000, immutable", resp.Header.Get("Cache-Control"))
			}
		}
	}
	requireOneName(t, asked(), cases, true)
	for _, path := range []string{"/watch/empty", "/api/v1/time"} {
		for range 2 {
			resp, _, err := get(edgeCase{path: path, address: "198.51.100.1"})
			require.NoError(t, err)
			require.Equal(t, 200, resp.StatusCode)
		}
		require.Equal(t, []string{path, path}, asked(), "it isn't kept")
	}
	log, err := os.ReadFile(filepath.Join(nginx.dir, "access.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "GET /live/live/~/source/1/2.m4s 200")
	for name, tc := range cases {
		if _, rest, ok := strings.Cut(tc.path, "."); ok && len(rest) > 60 {
			require.NotContains(t, string(log), rest[:40], name)
		}
	}
}

// driver calls the worker as a CDN does: one request for each case, of which it prints the
// answers.
const driver = `
import worker from %WORKER%;
const { cases, env } = JSON.parse(process.argv[2]);
const answers = {};
for (const [name, { path, address }] of Object.entries(cases)) {
  const r = await worker.fetch(new Request('https://tv.example' + path, { headers: { 'CF-Connecting-IP': address } }), env);
  answers[name] = { status: r.status, text: await r.text(), cache: r.headers.get('Cache-Control') };
}
console.log(JSON.stringify(answers));
`

// The worker of deployments/cdn does the same.
func TestWorkerEdge(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is needed (Debian: apt install nodejs)")
	}
	at, asked := origin(t)
	dir := t.TempDir()
	worker, err := os.ReadFile("../deployments/cdn/worker.js")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "worker.mjs"), worker, 0o600))
	script := filepath.Join(dir, "drive.mjs")
	require.NoError(t, os.WriteFile(script, []byte(strings.ReplaceAll(driver, "%WORKER%", `"./worker.mjs"`)), 0o600))
	cases := edgeCases()
	input := map[string]any{
		"env":   map[string]string{"ORIGIN": at, "SECRET": string(signingKey), "OLD_SECRET": string(oldKey)},
		"cases": map[string]any{},
	}
	for name, tc := range cases {
		input["cases"].(map[string]any)[name] = map[string]string{"path": tc.path, "address": tc.address}
	}
	text, err := json.Marshal(input)
	require.NoError(t, err)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), node, script, string(text))
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	var answers map[string]struct {
		Status      int
		Text, Cache string
	}
	require.NoError(t, json.Unmarshal(out, &answers))
	for name, tc := range cases {
		require.Equal(t, tc.status, answers[name].Status, "%s: %s", name, answers[name].Text)
		require.Contains(t, answers[name].Text, tc.text, name)
		if tc.status == 200 && strings.HasSuffix(tc.path, ".m4s") {
			require.Equal(t, "public, max-age=31536000, immutable", answers[name].Cache)
		}
	}
	requireOneName(t, asked(), cases, false)
}
