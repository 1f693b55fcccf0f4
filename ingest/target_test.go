package ingest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		what             string
		app, tcURL, name string
		wantApp, wantKey string
		wantQuery        string
	}{
		{"OBS", "live", "rtmps://h:1936/live", "K", "live", "K", ""},
		{"trailing slash", "live/", "rtmp://h/live/", "K", "live", "K", ""},
		{"slashes around", "/live/", "", "/K/", "live", "K", ""},
		{"token behind the key", "live", "", "K?token=T", "live", "K", "token=T"},
		{"bare token behind the key", "live", "", "K?T", "live", "K", "T="},
		{"token behind the application", "live?token=T", "rtmp://h/live?token=T", "K", "live", "K", "token=T"},
		{"token in tcUrl only", "live", "rtmp://h/live?token=T", "K", "live", "K", "token=T"},
		{"both have one", "live?token=T&a=1", "", "K?token=U", "live", "K", "a=1&token=U"},
		{"key as the application's parameter", "live?key=K", "", "", "live", "K", "key=K"},
		{"key as a parameter of nothing", "live", "", "?key=K", "live", "K", "key=K"},
		{"key in the server field", "live/K", "rtmp://h/live/K", "", "live", "K", ""},
		{"key in the server field, and a token", "live/K?token=T", "", "", "live", "K", "token=T"},
		{"a slash too many", "live//K", "", "", "live", "K", ""},
		{"key in both fields", "live/K", "", "K", "live", "K", ""},
		{"a slash in the key, cut by ffmpeg", "live/a", "", "b", "live", "a/b", ""},
		{"a slash in the key", "live", "", "a/b", "live", "a/b", ""},
		{"slashes in the key, server field", "live/a/b/c", "", "", "live", "a/b/c", ""},
		{"a slash, encoded", "live", "", "a%2Fb", "live", "a/b", ""},
		{"a space, encoded", "live", "", "a%20b", "live", "a b", ""},
		{"a percent sign that is none", "live", "", "100%", "live", "100%", ""},
		{"no application", "", "rtmp://h", "K", "live", "K", ""},
		{"no application, it is in the name", "", "rtmp://h", "live/K", "live", "K", ""},
		{"one segment, as the application", "K", "rtmp://h/K", "", "live", "K", ""},
		{"one segment, as the name", "", "rtmp://h/", "K?user=U", "live", "K", "user=U"},
		{"one segment, as both", "K", "rtmp://h/K", "K", "live", "K", ""},
		{"one segment, with a slash in it", "a/b", "", "", "live", "a/b", ""},
		{"another application", "other", "rtmp://h/other", "K", "other", "K", ""},
		{"another application, longer", "other/app", "", "K", "other/app", "K", ""},
		{"live is a part of the name only", "lively", "", "K", "lively", "K", ""},
		{"nothing at all", "", "", "", "live", "", ""},
		{"no key", "live", "rtmp://h/live", "", "live", "", ""},
		{"a query that is none", "live?%zz", "", "K", "live", "K", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := resolve(c.app, c.tcURL, c.name)
			require.Equal(t, c.wantApp, got.app)
			require.Equal(t, Key(c.wantKey), got.key)
			require.Equal(t, c.wantQuery, got.query.Encode())
		})
	}
}

func TestAppServed(t *testing.T) {
	for app, want := range map[string]bool{
		"live": true, "": true, "/": true, "live/": true, "live?x=1": true, "live/K": true,
		"other": false, "lively": false, "K": false, "other/live": false,
	} {
		served, key := appServed(app)
		require.Equal(t, want, served, app)
		if !served {
			require.Equal(t, Key(app), key)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("live", "rtmp://h/live?a=b", "K?token=T")
	f.Add("live/a%2f", "", "?key=%00")
	f.Fuzz(func(t *testing.T, app, tcURL, name string) {
		got := resolve(app, tcURL, name)
		if strings.HasPrefix(string(got.key), "/") && got.query.Get("key") == "" {
			t.Fatalf("key %q", string(got.key))
		}
		if _, err := url.ParseQuery(got.query.Encode()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestKeyNeverShows(t *testing.T) {
	k := Key("very-secret")
	p := Publish{App: "live", Key: k, Query: url.Values{"token": {"very-secret"}}, TCURL: "rtmp://h/live/very-secret"}
	log := newLogBook()
	log.logger().Info("line", "key", k, "publish", p, "group", slog.GroupValue(slog.Any("k", k)))
	b, err := json.Marshal(struct{ K Key }{k})
	require.NoError(t, err)
	for _, s := range []string{
		log.String(), string(b), k.String(),
		fmt.Sprint(k), fmt.Sprintf("%v %+v %s %q %x %d %#v", k, k, k, k, k, k, k),
		fmt.Sprintf("%v", []Key{k}), fmt.Sprintf("%v", struct{ K Key }{k}),
		fmt.Errorf("refused: %v", k).Error(),
	} {
		require.NotContains(t, s, "secret")
		require.NotContains(t, s, "7665727", "in hexadecimal")
		require.Contains(t, s, "key b64413", "told apart from others")
	}
	require.Equal(t, "no key", Key("").String())
}
