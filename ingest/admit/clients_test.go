package admit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
)

func TestCertificatesOpenStreams(t *testing.T) {
	c := newClients([]Client{
		{Stream: "a", Names: []string{"one", "both"}}, {Stream: "b", Names: []string{"two", "both"}},
		{Stream: "c", Names: []string{"one"}, Keyed: true}, {Stream: "d"},
	})
	for _, tc := range []struct {
		key   string
		names []string
		want  string
	}{
		{"", []string{"one"}, "a"},
		{"a", []string{"one"}, "a"},
		{"b", []string{"one"}, ""},
		{"c", []string{"one"}, ""},
		{"d", []string{"one"}, ""},
		{"", []string{"both"}, ""}, // which?
		{"b", []string{"x", "both"}, "b"},
		{"", []string{"one", "both"}, ""},
		{"", []string{"ONE"}, ""},
		{"", nil, ""},
		{"a", nil, ""},
		{"", []string{""}, ""},
	} {
		s, ok := c.opens(shown(tc.key, tc.names...))
		require.Equal(t, tc.want != "", ok, "%+v", tc)
		if ok {
			require.Equal(t, tc.want, s, "%+v", tc)
		}
	}
	require.NoError(t, c.check("d", ingest.Peer{}), "it names no certificate")
}

// shown is the wish of somebody with a verified certificate of these names.
func shown(key string, names ...string) ingest.Publish {
	w := wish(key)
	w.Peer.Names = names
	return w
}

// atTheDoor is a policy with a stream that a certificate opens alone, one that wants a
// key besides, and one that wants none.
func atTheDoor(t *testing.T, o Options) *house {
	o.Clients = []Client{
		{Stream: "hall", Names: []string{"hall-encoder"}},
		{Stream: "roof", Names: []string{"van"}, Keyed: true},
	}
	h := build(t, o)
	h.put("hall")
	h.put("roof", keyed("roof-key", func(k *catalog.StreamKey) { k.ID = "k1" }))
	h.put("yard", keyed("yard-key"))
	return h
}

// A certificate opens its stream; a stream that demands one demands it of keys,
// tokens, and whom the application lets in.
func TestCertificateKeyAndApplication(t *testing.T) {
	app := &application{}
	h := atTheDoor(t, Options{Hooks: app.client(), Tokens: tokens(t)})
	h.serve()
	for name, tc := range map[string]struct {
		key, peer, token string // token is the stream that it's for
		say              string // of the application; empty: it isn't asked
		want             error
		stream, by       string
	}{
		"the certificate alone":          {"", "hall-encoder", "", "{}", nil, "hall", webhook.ByCertificate},
		"which names the stream":         {"hall", "hall-encoder", "", "{}", nil, "hall", webhook.ByCertificate},
		"the application says no":        {"", "hall-encoder", "", `{"allow":false}`, ingest.ErrDenied, "", webhook.ByCertificate},
		"the application maps it":        {"", "hall-encoder", "", `{"stream":"yard"}`, nil, "yard", webhook.ByCertificate},
		"to one that takes another":      {"", "hall-encoder", "", `{"stream":"roof"}`, ingest.ErrClient, "", webhook.ByCertificate},
		"certificate and key":            {"roof-key", "van", "", "{}", nil, "roof", webhook.ByKey},
		"both, and the application's no": {"roof-key", "van", "", `{"allow":false}`, ingest.ErrDenied, "", webhook.ByKey},
		"the key alone":                  {"roof-key", "", "", "", ingest.ErrClient, "", ""},
		"the key, another certificate":   {"roof-key", "hall-encoder", "", "", ingest.ErrClient, "", ""},
		"the name, no key":               {"roof", "van", "", `{"allow":false}`, ingest.ErrDenied, "", webhook.ByNone},
		"a name that isn't its own":      {"hall", "van", "", "", ingest.ErrClient, "", webhook.ByNone},
		"a key of another stream":        {"yard-key", "van", "", "{}", nil, "yard", webhook.ByKey},
		"a key, mapped, no certificate":  {"yard-key", "", "", `{"stream":"hall"}`, ingest.ErrClient, "", webhook.ByKey},
		"unknown, mapped, certificate":   {"theirs", "van", "", `{"stream":"roof"}`, nil, "roof", webhook.ByNone},
		"unknown, mapped, none":          {"theirs", "", "", `{"stream":"roof"}`, ingest.ErrClient, "", webhook.ByNone},
		"a token and the certificate":    {"roof", "van", "roof", "{}", nil, "roof", webhook.ByToken},
		"a token alone":                  {"hall", "", "hall", "", ingest.ErrClient, "", ""},
		"a token beats a certificate":    {"", "hall-encoder", "yard", "{}", nil, "yard", webhook.ByToken},
	} {
		t.Run(name, func(t *testing.T) {
			app.heard = nil
			app.say = func(webhook.Message) (int, string) { return 200, tc.say }
			w := wish(tc.key)
			if tc.peer != "" {
				w.Peer.Names = []string{tc.peer, "another name"}
			}
			if tc.token != "" {
				w.Query.Set("token", signed(t, jwt.MapClaims{"stream": tc.token}))
			}
			d, err := h.Admit(t.Context(), w)
			require.ErrorIs(t, err, tc.want)
			require.Equal(t, tc.stream, d.Stream.Name)
			if tc.by == "" {
				require.Empty(t, app.heard, "it isn't asked about who may not publish anyway")
			} else {
				require.Equal(t, tc.by, app.last().By)
				require.Equal(t, tc.peer, app.last().Client)
			}
			if err == nil {
				bind(d).done(nil)
				require.Equal(t, tc.peer, (<-app.told).Client)
			}
			h.limiter = newLimiter()
		})
	}
}

func TestCertificateProbes(t *testing.T) {
	h := atTheDoor(t, Options{})
	for _, tc := range []struct {
		wish ingest.Publish
		want error
	}{
		{shown("hall", "hall-encoder"), nil},
		{shown("roof-key", "van"), nil},
		{wish("roof-key"), ingest.ErrClient},
		{shown("roof", "van"), ingest.ErrUnknownKey},
	} {
		tc.wish.Probe = true
		d, err := h.Admit(t.Context(), tc.wish)
		require.ErrorIs(t, err, tc.want)
		require.Nil(t, d.Bind)
	}
}

// Whoever has a certificate doesn't wait for those who guess; a key that wants one
// can't be told from a wrong one by guessing.
func TestCertificatesAndGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := atTheDoor(t, Options{})
		start := time.Now()
		for range freeFailures + 1 {
			_, err := h.admit("roof-key")
			require.ErrorIs(t, err, ingest.ErrClient)
			require.ErrorContains(t, err, "stream roof needs one, and none was shown", "the log tells which")
		}
		require.Zero(t, time.Since(start))
		_, err := h.Admit(t.Context(), shown("", "hall-encoder"))
		require.NoError(t, err)
		require.Zero(t, time.Since(start), "a certificate isn't guessed")
		_, err = h.admit("wrong")
		require.ErrorIs(t, err, ingest.ErrUnknownKey)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// Its stream's removal ends a session that a certificate let in.
func TestCertificatesRightEnds(t *testing.T) {
	h := atTheDoor(t, Options{})
	h.serve()
	d, err := h.Admit(t.Context(), shown("", "hall-encoder"))
	require.NoError(t, err)
	require.Empty(t, d.Key)
	s := bind(d)
	require.NoError(t, h.store.Remove(t.Context(), "hall"))
	require.ErrorIs(t, <-s.ended, ingest.ErrRevoked)
	s.done(nil)
}
