package admit

import (
	"context"
	"crypto/tls"
	"net/netip"
	"net/url"
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

// What came beside a right key lets nobody try others, nor does a right name that the
// application knows let anybody try passwords.
func TestGuessingBesideWhatIsKnown(t *testing.T) {
	for name, o := range map[string]Options{"nobody else is asked": {}, "tokens": {Tokens: tokens(t)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, o)
				h.put("hall", keyed("good"))
				with := func(key, token string) error {
					w := wish(key)
					w.Query.Set("token", token)
					_, err := h.Admit(t.Context(), w)
					return err
				}
				require.NoError(t, with("good", "mine"))
				for range freeFailures + 1 {
					require.ErrorIs(t, with("wrong", "mine"), ingest.ErrUnknownKey)
				}
				start := time.Now()
				require.ErrorIs(t, with("wrong", "mine"), ingest.ErrUnknownKey)
				require.Equal(t, time.Second, time.Since(start))
				require.NoError(t, with("good", "another"))
				require.Equal(t, time.Second, time.Since(start), "it was right before")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		app := &application{}
		h := build(t, Options{Hooks: app.client()})
		h.put("yard")
		with := func(password string, status int) error {
			app.say = func(webhook.Message) (int, string) { return status, "" }
			w := wish("yard")
			w.Query.Set("password", password)
			_, err := h.Admit(t.Context(), w)
			return err
		}
		require.NoError(t, with("right", 204))
		for range freeFailures + 1 {
			require.ErrorIs(t, with("wrong", 403), ingest.ErrDenied)
		}
		start := time.Now()
		require.ErrorIs(t, with("wrong", 403), ingest.ErrDenied)
		require.Equal(t, time.Second, time.Since(start))
		require.NoError(t, with("right", 204))
		require.Equal(t, time.Second, time.Since(start))
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

// A right that is over ends nothing any more.
func TestEndThatComesTooLate(t *testing.T) {
	h := build(t, Options{})
	h.put("hall", keyed("good"))
	s := h.live("good")
	found := h.those(func(*lease) bool { return true })
	s.done(nil)
	found[0].finish(ingest.ErrRevoked)
	require.Empty(t, s.ended)
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

// Questions of whose a key is are answered no faster than publishers are, and keep
// none of those waiting.
func TestWhose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, Options{})
		h.put("hall", keyed("good"), keyed("gone", func(k *catalog.StreamKey) { k.Revoked = time.Now() }))
		from := netip.MustParseAddr("192.0.2.7")
		ask := func(key string) bool {
			s, ok := h.Whose(t.Context(), from, key)
			require.Equal(t, ok, s.Name == "hall")
			return ok
		}
		require.True(t, ask("good"))
		start := time.Now()
		for range freeFailures {
			require.False(t, ask("wrong"))
		}
		require.False(t, ask("gone"))
		require.Zero(t, time.Since(start))
		require.False(t, ask("wrong"))
		require.Equal(t, time.Second, time.Since(start))
		require.True(t, ask("good"))
		require.Equal(t, time.Second, time.Since(start), "it was right before")
		_, err := h.admit("good")
		require.NoError(t, err)
		_, err = h.admit("other")
		require.ErrorIs(t, err, ingest.ErrUnknownKey)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// A session that a token let in ends when the token does, told so in its own words;
// other sessions of the stream don't, and neither does any where tokens are outlived.
func TestTokenExpiresWhileLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, Options{Tokens: tokens(t)})
		h.put("hall", keyed("good"))
		h.serve()
		lenient := build(t, Options{Tokens: tokens(t), Outlive: true})
		lenient.put("hall")
		lenient.serve()
		start := time.Now()
		token := signed(t, jwt.MapClaims{"stream": "hall", "exp": start.Add(time.Minute).Unix()})
		good, byToken, outlives := h.live("good"), h.live(token), lenient.live(token)
		err := <-byToken.ended
		require.ErrorIs(t, err, ingest.ErrTokenExpired)
		require.ErrorIs(t, err, ingest.ErrExpired)
		require.ErrorContains(t, err, "stream hall")
		// Not before a handshake would refuse it: clocks may differ by ten seconds.
		require.WithinDuration(t, start.Add(70*time.Second), time.Now(), 2*time.Second)
		_, err = h.admit(token)
		require.ErrorIs(t, err, ingest.ErrToken)
		time.Sleep(time.Hour)
		require.Empty(t, byToken.ended, "once")
		require.Empty(t, good.ended)
		require.Empty(t, outlives.ended)
	})
}
