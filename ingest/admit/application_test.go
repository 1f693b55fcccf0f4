package admit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
)

// application answers requests without a network.
type application struct {
	mu    sync.Mutex
	heard []webhook.Message
	say   func(webhook.Message) (int, string)
	told  chan webhook.Message
}

func (a *application) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m webhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = append(a.heard, m)
	if m.Event == webhook.OnPublishDone {
		a.told <- m
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}
	status, text := a.say(m)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func (a *application) last() webhook.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heard[len(a.heard)-1]
}

func (a *application) client() *webhook.Client {
	a.told = make(chan webhook.Message, 10)
	return webhook.New(webhook.Options{OnPublish: "http://app/on", OnPublishDone: "http://app/done", Secret: shared, Transport: a})
}

func TestApplicationIsAsked(t *testing.T) {
	app := &application{}
	h := build(t, Options{Hooks: app.client(), Tokens: tokens(t)})
	h.put("hall", keyed("good", func(k *catalog.StreamKey) { k.ID = "k1" }))
	h.put("yard")
	for name, tc := range map[string]struct {
		key    string
		status int
		text   string
		want   error
		stream string
	}{
		"a key, yes":                   {"good", 204, "", nil, "hall"},
		"a key, mapped":                {"good", 200, `{"stream":"yard"}`, nil, "yard"},
		"a key, no":                    {"good", 403, `{"reason":"not today"}`, ingest.ErrDenied, ""},
		"a key, no in an object":       {"good", 200, `{"allow":false}`, ingest.ErrDenied, ""},
		"a key, failure":               {"good", 500, "", webhook.ErrFailed, ""},
		"a key, no answer":             {"good", 0, "", webhook.ErrFailed, ""},
		"a key, nonsense":              {"good", 200, `{"allow":`, webhook.ErrFailed, ""},
		"a key, to nowhere":            {"good", 200, `{"stream":"attic"}`, ingest.ErrDenied, ""},
		"unknown, mapped":              {"secret-of-the-app", 200, `{"stream":"yard"}`, nil, "yard"},
		"unknown, the key is a name":   {"yard", 200, "OK", nil, "yard"},
		"unknown, and names nothing":   {"secret-of-the-app", 200, "", ingest.ErrDenied, ""},
		"unknown, no":                  {"secret-of-the-app", 404, "", ingest.ErrDenied, ""},
		"a wrong token isn't asked of": {"eyJx.y.z", 200, "", ingest.ErrToken, ""},
	} {
		app.say = func(webhook.Message) (int, string) { return tc.status, tc.text }
		d, err := h.admit(tc.key)
		require.ErrorIs(t, err, tc.want, name)
		require.Equal(t, tc.stream, d.Stream.Name, name)
		if err != nil {
			require.NotContains(t, err.Error(), tc.key, name) // it goes to the log
		}
		var denied *ingest.DeniedError
		if name == "a key, no" {
			require.ErrorAs(t, err, &denied)
			require.Equal(t, "not today", denied.Reason)
		}
		if err == nil {
			bind(d).done(nil)
		}
		h.limiter = newLimiter()
	}

	// What it is told: no secret of ours, but those of its own.
	app.say = func(webhook.Message) (int, string) { return 200, `{"stream":"yard"}` }
	w := wish("good")
	w.Query = url.Values{"user": {"anna"}, "key": {"good"}, "token": {"its own"}}
	_, err := h.Admit(t.Context(), w)
	require.NoError(t, err)
	m := app.last()
	require.NotEmpty(t, m.ID)
	require.NotEmpty(t, m.Publication)
	require.WithinDuration(t, time.Now(), m.Time, time.Minute)
	m.ID, m.Publication, m.Time = "", "", time.Time{}
	require.Equal(t, webhook.Message{
		Event: webhook.OnPublish, By: webhook.ByKey, Stream: "hall", KeyID: "k1", Purpose: "primary", Address: "192.0.2.7",
		TLS: true, Encoder: "OBS", Query: map[string][]string{"user": {"anna"}, "token": {"its own"}},
	}, m)
	_, err = h.admit("secret-of-the-app")
	require.NoError(t, err)
	require.Equal(t, "secret-of-the-app", app.last().Key)
	w = wish("yard")
	w.Query.Set("token", signed(t, jwt.MapClaims{"stream": "yard", "sub": "anna"}))
	_, err = h.Admit(t.Context(), w)
	require.NoError(t, err)
	require.Empty(t, app.last().Query)
	require.Equal(t, []string{webhook.ByToken, "anna", "yard", ""},
		[]string{app.last().By, app.last().Subject, app.last().Stream, app.last().Key})

	before := len(app.heard)
	probe := wish("secret-of-the-app")
	probe.Probe = true
	_, err = h.Admit(t.Context(), probe)
	require.NoError(t, err)
	require.Len(t, app.heard, before, "it's asked when somebody publishes, not before")
}

// When there's no answer, a right key may be enough, by setting; a wrong one never is.
func TestOpenHooks(t *testing.T) {
	app := &application{say: func(webhook.Message) (int, string) { return 503, "" }}
	h := build(t, Options{Hooks: app.client(), OpenHooks: true})
	h.put("hall", keyed("good"))
	d, err := h.admit("good")
	require.NoError(t, err)
	require.Equal(t, "hall", d.Stream.Name)
	_, err = h.admit("hall")
	require.ErrorIs(t, err, webhook.ErrFailed)
	app.say = func(webhook.Message) (int, string) { return 401, "" }
	_, err = h.admit("good")
	require.ErrorIs(t, err, ingest.ErrDenied, "a no is a no")
}

// What was shown isn't told where the catalog fails either.
func TestCatalogThatFailsTellsNoSecret(t *testing.T) {
	app := &application{say: func(webhook.Message) (int, string) { return 204, "" }}
	h := build(t, Options{Hooks: app.client()})
	h.options.Streams = noNames{h.store}
	_, err := h.admit("secret-of-the-app")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotContains(t, err.Error(), "secret-of-the-app")
}

// noNames is a store that can't look up names.
type noNames struct{ catalog.Store }

func (noNames) Stream(_ context.Context, name string) (catalog.Stream, error) {
	return catalog.Stream{}, fmt.Errorf("stream %s: %w", name, io.ErrUnexpectedEOF)
}

// Who publishes is told of at the end, where nobody was asked at the begin.
func TestEndIsToldWithoutAQuestion(t *testing.T) {
	app := &application{told: make(chan webhook.Message, 1)}
	h := build(t, Options{Hooks: webhook.New(webhook.Options{OnPublishDone: "http://app/done", Secret: shared, Transport: app})})
	h.put("hall", keyed("good"))
	h.serve()
	h.live("good").done(nil)
	m := <-app.told
	require.Equal(t, "hall", m.Stream)
	require.Equal(t, "OBS", m.Encoder)
	require.True(t, m.TLS)
}

// The end is told once it's over, and names the same publication. A key of one stream
// that publishes to another by the application's word still ends with its key.
func TestApplicationIsToldOfTheEnd(t *testing.T) {
	app := &application{say: func(webhook.Message) (int, string) { return 200, `{"stream":"yard"}` }}
	h := build(t, Options{Hooks: app.client()})
	h.put("hall", keyed("good", func(k *catalog.StreamKey) { k.ID = "k1" }))
	h.put("yard")
	h.serve()
	s := h.live("good")
	asked := app.last()
	h.edit("yard", func(s *catalog.Stream) { s.Timing.Part = time.Second })
	h.edit("hall", func(s *catalog.Stream) { s.Keys[0].Label = "labelled" })
	h.edit("hall", func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
	cause := <-s.ended
	require.ErrorIs(t, cause, ingest.ErrRevoked)
	require.ErrorContains(t, cause, "stream hall, key k1")
	s.done(cause)
	m := <-app.told
	require.Equal(t, asked.Publication, m.Publication)
	require.NotEqual(t, asked.ID, m.ID)
	require.Equal(t, "yard", m.Stream)
	require.Equal(t, "revoked", m.Reason)
	require.Positive(t, m.Seconds)
}
