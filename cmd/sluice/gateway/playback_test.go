package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/cmd/sluice/config"
	"sluice/ingest"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
	"sluice/web/pass"
)

const (
	signingKey = "a secret of two parties"
	oldKey     = "the secret before that one"
)

// follow fetches the first URL of a playlist, and of that one's, until it's media.
func follow(t *testing.T, c *http.Client, at string) (status int, last string) {
	t.Helper()
	for {
		status, _, body, err := get(c, at)
		require.NoError(t, err)
		if status != 200 || !strings.Contains(at, ".m3u8") {
			return status, at
		}
		base, err := url.Parse(at)
		require.NoError(t, err)
		next := ""
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				next = line
			}
		}
		require.NotEmpty(t, next, body)
		to, err := base.Parse(next)
		require.NoError(t, err)
		at = to.String()
	}
}

// A signed stream is watched with a token alone, over HTTP and RTMP: by short ones and by
// JWT, by keys of now and of before. The application is asked besides. No token is logged.
func TestSignedStream(t *testing.T) {
	var asked atomic.Int32
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var m webhook.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || strings.Contains(fmt.Sprint(m), "token") {
			t.Errorf("%+v, %v", m, err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer app.Close()
	c := onLoopback(t)
	c.Ladder.Rungs = nil
	key := catalog.NewKey()
	c.Streams = []config.Stream{{Name: "hall", Key: key, Playback: config.Playback{Access: config.Signed}}, {Name: "yard", Key: catalog.NewKey()}}
	c.Signing = config.Signing{Secret: signingKey, OldSecret: oldKey}
	c.Webhooks = config.Webhooks{OnPlay: app.URL, Secret: "a third secret of two", Timeout: 5 * time.Second}
	log := &book{}
	g := open(t, c, Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	end := serve(t, g)
	push(t, g, key.Reveal())

	hour := time.Now().Add(time.Hour)
	signed := func(method jwt.SigningMethod, secret string, claims jwt.MapClaims) string {
		claims["exp"] = hour.Unix()
		raw, err := jwt.NewWithClaims(method, claims).SignedString([]byte(secret))
		require.NoError(t, err)
		return raw
	}
	here := netip.MustParseAddr("127.0.0.1")
	good := map[string]string{
		"short":           pass.Sign([]byte(signingKey), "hall", hour, netip.Addr{}),
		"for our address": pass.Sign([]byte(signingKey), "hall", hour, here),
		"of before":       pass.Sign([]byte(oldKey), "hall", hour, netip.Addr{}),
		"JWT":             signed(jwt.SigningMethodHS256, signingKey, jwt.MapClaims{"stream": "hall", "allow": "127.0.0.0/8"}),
		"JWT of before":   signed(jwt.SigningMethodHS256, oldKey, jwt.MapClaims{"sub": "hall"}),
	}
	bad := map[string]string{
		"the token has expired":                            pass.Sign([]byte(signingKey), "hall", time.Now(), netip.Addr{}),
		"the token isn't valid for this stream":            pass.Sign([]byte(signingKey), "yard", hour, netip.Addr{}),
		"the token isn't valid for this stream at this":    pass.Sign([]byte(signingKey), "hall", hour, netip.MustParseAddr("127.0.0.2")),
		"isn't valid for this stream at this address":      signed(jwt.SigningMethodHS256, signingKey, jwt.MapClaims{"stream": "hall", "allow": "192.0.2.0/24"}),
		"the token isn't valid for this stream\n":          signed(jwt.SigningMethodHS512, signingKey, jwt.MapClaims{"stream": "hall"}),
		"this stream needs a URL with a token: /live/{str": "",
	}
	site, http := "http://"+g.Addresses().HTTP+"/live/", client(t, g)
	eventually(t, func() error {
		status, _, body, err := get(http, site+"hall/~"+good["short"]+"/index.m3u8")
		if err == nil && status != 200 {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	require.EqualValues(t, 1, asked.Load())
	for name, tok := range good {
		status, last := follow(t, http, site+"hall/~"+tok+"/index.m3u8")
		require.Equal(t, 200, status, "%s: %s", name, last)
		require.Contains(t, last, "/~"+tok+"/source/", name)
		require.Contains(t, last, ".m4s", name)
	}
	for want, tok := range bad {
		at := site + "hall/~" + tok + "/index.m3u8"
		if tok == "" {
			at = site + "hall/index.m3u8"
		}
		status, _, body, err := get(http, at)
		require.NoError(t, err)
		require.Equal(t, 403, status, want)
		require.Contains(t, body, want)
	}

	at := func(url, limit string) (string, error) {
		out, err := tool(t, "ffmpeg", "-v", "error", "-analyzeduration", "0", "-i", url, "-c", "copy", "-t", limit, "-f", "null", "-").CombinedOutput()
		return string(out), err
	}
	for _, manifest := range []string{"index.m3u8", "ts.m3u8", "manifest.mpd"} {
		out, err := at(site+"hall/~"+good["for our address"]+"/"+manifest, "0.5")
		require.NoError(t, err, "%s: %s", manifest, out)
	}
	play := func(query, limit string) (string, error) {
		return at("rtmp://"+g.Addresses().RTMP+"/live/hall"+query, limit)
	}
	for _, name := range []string{"for our address", "JWT of before"} {
		out, err := play("?token="+good[name], "0.5")
		require.NoError(t, err, "%s: %s", name, out)
	}
	for query, want := range map[string]string{
		"":                                       "You may not play this stream: it needs a token, as in NAME?token=TOKEN.",
		"?token=" + bad["the token has expired"]: "You may not play this stream: the token has expired.",
		"?token=" + bad["the token isn't valid for this stream"]: "You may not play this stream: the token isn't valid for this stream.",
		"/~" + good["short"]: "No such stream.",
	} {
		out, err := play(query, "0.5")
		require.Error(t, err, query)
		require.Contains(t, out, want)
	}
	// The right to play ends, and with it the playing.
	brief := pass.Sign([]byte(signingKey), "hall", time.Now().Add(3*time.Second), netip.Addr{})
	_, _ = play("?token="+brief, "60")
	log.says(t, "the right to play has ended")
	require.NoError(t, end())
	for _, tokens := range []map[string]string{good, bad, {"": brief}} {
		for name, tok := range tokens {
			if tok != "" {
				require.NotContains(t, log.String(), tok[len(tok)-20:], name)
			}
		}
	}
}

// A stream that some pages show is not for players that name none, unless it says so. What
// a stream says of its own goes before what is said of all.
func TestRulesOfPlayers(t *testing.T) {
	c := config.Default()
	c.Playback = config.Playback{Access: config.Signed, Referers: []string{"tv.example"}}
	c.Streams = []config.Stream{
		{Name: "any", Playback: config.Playback{Access: config.Public, Referers: []string{"*"}}},
		{Name: "none", Playback: config.Playback{Access: config.Public, Referers: []string{"tv.example", "none"}}},
		{Name: "page", Playback: config.Playback{Access: config.Public}},
		{Name: "sign", Playback: config.Playback{Referers: []string{"*"}}},
	}
	v := viewers{rules: newRules(c)}
	for stream, want := range map[string]string{
		"any": "", "none": "", "page": "it's shown on some pages only", "else": "it's shown on some pages only",
		"sign": "it needs a token, as in NAME?token=TOKEN",
	} {
		until, err := v.admit(t.Context(), ingest.Watch{Stream: stream, Query: url.Values{"token": {"1.x"}}})
		require.Zero(t, until)
		if want == "" {
			require.NoError(t, err, stream)
			continue
		}
		require.Equal(t, &ingest.ForbiddenError{Reason: want}, err, stream)
	}
}

func TestSigningKeysThatAreMissing(t *testing.T) {
	for _, s := range []config.Signing{{KeyFile: filepath.Join(t.TempDir(), "none.pem")}, {OldKeyFile: filepath.Join(t.TempDir(), "none.pem"), Secret: signingKey}} {
		c := onLoopback(t)
		c.Signing = s
		_, err := Open(t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		require.ErrorContains(t, err, "none.pem")
	}
}
