package admit

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"sluice/ingest"
	"sluice/ingest/token"
	"sluice/ingest/webhook"
	"sluice/storage/catalog"
	"sluice/storage/catalog/sqlite"
)

// house is a policy over a real catalog.
type house struct {
	*Policy
	t     *testing.T
	store *sqlite.Catalog
}

func build(t *testing.T, o Options) *house {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	o.Streams = store
	return &house{New(o), t, store}
}

// serve runs the policy until the test ends.
func (h *house) serve() {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error)
	go func() { done <- h.Serve(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		require.ErrorIs(h.t, <-done, context.Canceled)
	})
}

func (h *house) put(name string, keys ...catalog.StreamKey) {
	h.t.Helper()
	_, err := h.store.Put(h.t.Context(), catalog.Stream{Name: name, Keys: keys})
	require.NoError(h.t, err)
}

func (h *house) edit(name string, change func(*catalog.Stream)) {
	h.t.Helper()
	_, err := catalog.Edit(h.t.Context(), h.store, name, func(s *catalog.Stream) error { change(s); return nil })
	require.NoError(h.t, err)
}

func keyed(secret string, change ...func(*catalog.StreamKey)) catalog.StreamKey {
	k := catalog.NewStreamKey(catalog.HashKey(secret), time.Now())
	for _, c := range change {
		c(&k)
	}
	return k
}

func wish(key string) ingest.Publish {
	return ingest.Publish{App: ingest.ServedApp, Key: ingest.Key(key), Query: url.Values{}, Encoder: "OBS",
		Remote: netip.MustParseAddrPort("192.0.2.7:4711"), TLS: &tls.ConnectionState{}}
}

func (h *house) admit(key string) (Decision, error) { return h.Admit(h.t.Context(), wish(key)) }

// session binds a decision as ingest does.
type session struct {
	ended chan error
	done  func(error)
}

func (h *house) live(key string) *session {
	h.t.Helper()
	d, err := h.admit(key)
	require.NoError(h.t, err)
	return bind(d)
}

func bind(d Decision) *session {
	s := &session{ended: make(chan error, 10)}
	s.done = d.Bind(func(cause error) { s.ended <- cause })
	return s
}

func TestKeysAreChecked(t *testing.T) {
	h := build(t, Options{})
	now := time.Now()
	h.put("hall",
		keyed("good"),
		keyed("spare", func(k *catalog.StreamKey) { k.ID, k.Purpose = "spare", catalog.Backup }),
		keyed("old", func(k *catalog.StreamKey) { k.ID, k.Expires = "old", now.Add(-time.Second) }),
		keyed("soon", func(k *catalog.StreamKey) { k.Expires = now.Add(time.Hour) }),
		keyed("gone", func(k *catalog.StreamKey) { k.Revoked = now }),
		keyed("here", func(k *catalog.StreamKey) { k.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }),
		keyed("elsewhere", func(k *catalog.StreamKey) { k.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }),
	)
	for key, want := range map[string]error{
		"good": nil, "spare": nil, "old": ingest.ErrExpired, "soon": nil, "gone": ingest.ErrRevoked,
		"here": nil, "elsewhere": ingest.ErrAddress, "none": ingest.ErrUnknownKey, "hall": ingest.ErrUnknownKey,
	} {
		d, err := h.admit(key)
		require.ErrorIs(t, err, want, key)
		if want == nil {
			require.Equal(t, "hall", d.Stream.Name)
			require.NotEmpty(t, d.Key)
		} else {
			require.NotContains(t, err.Error(), catalog.HashKey(key).String())
		}
	}
	_, err := h.admit("old")
	require.ErrorContains(t, err, "stream hall, key old", "the log tells which")
	d, err := h.admit("spare")
	require.NoError(t, err)
	require.Equal(t, catalog.Backup, d.Purpose)

	probe := wish("good")
	probe.Probe = true
	d, err = h.Admit(t.Context(), probe)
	require.NoError(t, err)
	require.Nil(t, d.Bind, "nothing follows from a question")
}

// Whoever guesses waits longer and longer; who has a right key from there before
// doesn't.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, Options{})
		h.put("hall", keyed("good"), keyed("other"))
		_, err := h.admit("good")
		require.NoError(t, err)
		start := time.Now()
		for range freeFailures + 1 {
			_, err = h.admit("wrong")
			require.ErrorIs(t, err, ingest.ErrUnknownKey)
		}
		require.Zero(t, time.Since(start))
		for _, seconds := range []time.Duration{1, 2, 4} {
			start = time.Now()
			_, err = h.admit("wrong")
			require.ErrorIs(t, err, ingest.ErrUnknownKey)
			require.Equal(t, seconds*time.Second, time.Since(start))
		}
		start = time.Now()
		_, err = h.admit("other")
		require.ErrorIs(t, err, ingest.ErrThrottled, "even a right one isn't looked at: an answer would tell")
		_, err = h.admit("good")
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		elsewhere := wish("other")
		elsewhere.Remote = netip.MustParseAddrPort("192.0.2.8:1")
		_, err = h.Admit(t.Context(), elsewhere)
		require.NoError(t, err)

		time.Sleep(5 * time.Second) // of eight
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = h.Admit(ctx, wish("other"))
		require.ErrorIs(t, err, context.DeadlineExceeded, "waiting ends with its context")
		_, err = h.admit("old")
		require.ErrorIs(t, err, ingest.ErrThrottled)
	})
}

// A change of the catalog ends the sessions that it concerns, and no others.
func TestRightsThatEnd(t *testing.T) {
	for name, change := range map[string]func(*catalog.Stream){
		"revoked":         func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() },
		"taken out":       func(s *catalog.Stream) { s.Keys = s.Keys[1:] },
		"expiry put back": func(s *catalog.Stream) { s.Keys[0].Expires = time.Now().Add(-time.Second) },
		"address ranges":  func(s *catalog.Stream) { s.Keys[0].Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"removed":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, Options{})
			h.put("hall", keyed("good"), keyed("second"))
			h.put("yard", keyed("third"))
			h.serve()
			first, second, third := h.live("good"), h.live("second"), h.live("third")
			over := h.live("good")
			over.done(nil)
			if change == nil {
				require.NoError(t, h.store.Remove(t.Context(), "hall"))
				require.ErrorIs(t, <-second.ended, ingest.ErrRevoked)
			} else {
				h.edit("hall", change)
			}
			err := <-first.ended
			if name == "expiry put back" {
				require.ErrorIs(t, err, ingest.ErrExpired)
			} else {
				require.ErrorIs(t, err, ingest.ErrRevoked)
			}
			require.ErrorContains(t, err, "stream hall")
			require.Empty(t, third.ended)
			require.Empty(t, over.ended, "who is gone isn't ended")
			if change != nil {
				require.Empty(t, second.ended)
			}
		})
	}
}

// What falls between the look-up and the session's start is noticed too.
func TestRevokedJustBeforeItBegan(t *testing.T) {
	h := build(t, Options{})
	h.put("hall", keyed("good"))
	d, err := h.admit("good")
	require.NoError(t, err)
	h.edit("hall", func(s *catalog.Stream) { s.Keys[0].Revoked = time.Now() })
	h.serve() // watches from now on only
	require.ErrorIs(t, <-bind(d).ended, ingest.ErrRevoked)
}

// A live session ends when its key expires, also where that was moved meanwhile.
func TestExpiryWhileLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, Options{})
		start := time.Now()
		at := func(d time.Duration) func(*catalog.StreamKey) {
			return func(k *catalog.StreamKey) { k.Expires = start.Add(d) }
		}
		h.put("hall", keyed("good", at(time.Minute)), keyed("moved", at(time.Minute)))
		h.serve()
		good, moved := h.live("good"), h.live("moved")
		time.Sleep(10 * time.Second)
		h.edit("hall", func(s *catalog.Stream) { at(2 * time.Minute)(&s.Keys[1]) })
		require.ErrorIs(t, <-good.ended, ingest.ErrExpired)
		require.WithinDuration(t, start.Add(time.Minute), time.Now(), 2*time.Second)
		require.Empty(t, moved.ended)
		require.ErrorIs(t, <-moved.ended, ingest.ErrExpired)
		require.WithinDuration(t, start.Add(2*time.Minute), time.Now(), 2*time.Second)
	})
}

// Uses are written once a minute, and at the end.
func TestUsesAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, Options{})
		h.put("hall", keyed("good"), keyed("idle"))
		used := func() time.Time {
			s, err := h.store.Stream(t.Context(), "hall")
			require.NoError(t, err)
			require.Zero(t, s.Keys[1].Used)
			return s.Keys[0].Used
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Serve(ctx) }()
		time.Sleep(20 * time.Second)
		_, err := h.admit("good")
		require.NoError(t, err)
		at := time.Now()
		time.Sleep(30 * time.Second)
		require.Zero(t, used(), "not at each use")
		time.Sleep(15 * time.Second)
		require.Equal(t, at.UnixMilli(), used().UnixMilli())

		_, err = h.admit("good")
		require.NoError(t, err)
		at = time.Now()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Equal(t, at.UnixMilli(), used().UnixMilli())
	})
}

var shared = []byte("a secret of two parties, 32 bytes")

func tokens(t *testing.T) *token.Verifier {
	t.Helper()
	v, err := token.New(token.Options{Secret: shared})
	require.NoError(t, err)
	return v
}

func signed(t *testing.T, c jwt.MapClaims) string {
	t.Helper()
	if c["exp"] == nil {
		c["exp"] = time.Now().Add(time.Hour).Unix()
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(shared)
	require.NoError(t, err)
	return s
}

func TestTokens(t *testing.T) {
	h := build(t, Options{Tokens: tokens(t)})
	h.put("hall", keyed("good"))
	h.put("yard")
	yard := signed(t, jwt.MapClaims{"stream": "yard", "sub": "anna"})
	with := func(key, tok string) ingest.Publish {
		w := wish(key)
		w.Query.Set("token", tok)
		return w
	}
	for name, tc := range map[string]struct {
		wish ingest.Publish
		want error
	}{
		"as the key":       {wish(yard), nil},
		"beside the name":  {with("yard", yard), nil},
		"without a name":   {with("", yard), nil},
		"of sub":           {wish(signed(t, jwt.MapClaims{"sub": "yard"})), nil},
		"address":          {wish(signed(t, jwt.MapClaims{"sub": "yard", "allow": "192.0.2.0/28"})), nil},
		"another stream":   {with("hall", yard), ingest.ErrToken},
		"another address":  {wish(signed(t, jwt.MapClaims{"sub": "yard", "allow": []string{"10.0.0.1"}})), ingest.ErrAddress},
		"no such stream":   {wish(signed(t, jwt.MapClaims{"sub": "attic"})), ingest.ErrDenied},
		"expired":          {wish(signed(t, jwt.MapClaims{"sub": "yard", "exp": 1})), ingest.ErrToken},
		"something else":   {with("good", "an application's own"), nil},
		"an unknown key":   {wish("yard"), ingest.ErrUnknownKey},
		"a key still does": {wish("good"), nil},
	} {
		d, err := h.Admit(t.Context(), tc.wish)
		require.ErrorIs(t, err, tc.want, name)
		if tc.want == nil {
			require.NotEmpty(t, d.Stream.Name, name)
			bind(d).done(nil)
		} else {
			require.NotContains(t, err.Error(), "eyJ", "no token in a log")
		}
		h.limiter = newLimiter()
	}

	// A stream that is removed ends its publisher, whoever let it in.
	h.serve()
	d, err := h.Admit(t.Context(), wish(yard))
	require.NoError(t, err)
	s := bind(d)
	h.edit("yard", func(s *catalog.Stream) { s.Timing.Part = time.Second })
	require.NoError(t, h.store.Remove(t.Context(), "yard"))
	require.ErrorIs(t, <-s.ended, ingest.ErrRevoked)
}

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

// Edits of a catalog that can't be read end nobody.
func TestCatalogThatFails(t *testing.T) {
	h := build(t, Options{})
	h.put("hall", keyed("good"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Admit(ctx, wish("good"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ingest.ErrUnknownKey)
	s := h.live("good")
	h.check(ctx, time.Now())
	require.Empty(t, s.ended)
	require.Len(t, h.those(func(l *lease) bool { return l.unchecked }), 1, "it's tried again")
	h.edit("hall", func(s *catalog.Stream) { s.Keys = nil })
	h.check(t.Context(), time.Now())
	require.ErrorIs(t, <-s.ended, ingest.ErrRevoked)
}
