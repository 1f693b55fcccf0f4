package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const apiToken = "0123456789abcdef"

// withCues lets a test see what was asked for last.
func withCues(asked *Cue, err *error) func(*Options) {
	return func(o *Options) {
		o.Token = NewToken(apiToken)
		o.Cue = func(_ context.Context, stream string, c Cue) ([]string, error) {
			*asked = c
			return []string{stream}, *err
		}
	}
}

func (g *gateway) cue(body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/streams/live/cues", strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestCues(t *testing.T) {
	var asked Cue
	var failure error
	g := newGateway(t, withCues(&asked, &failure))
	mine := "Authorization: Bearer " + apiToken
	for body, want := range map[string]Cue{
		`{"kind":"out"}`: {Kind: CueOut},
		`{"kind":"out","duration":30.5,"auto_return":true,"id":"ad 1","at":2}`: {
			Kind: CueOut, Duration: 30_500 * time.Millisecond, Returns: true, ID: "ad 1", Ahead: 2 * time.Second,
		},
		`{"kind":"in","at":"2026-03-01T13:00:00.040+01:00"}`: {
			Kind: CueIn, At: time.Date(2026, 3, 1, 12, 0, 0, 40e6, time.UTC),
		},
		`{"kind":"opportunity","at":null}`: {Kind: CueOpportunity},
		`{"kind":"cancel","id":"x"}`:       {Kind: CueCancel, ID: "x"},
		`{"scte35":"/DAR"}`:                {Kind: CueSection, Section: []byte{0xFC, 0x30, 0x11}},
	} {
		w := g.cue(body, mine)
		require.Equal(t, 200, w.Code, "%s: %s", body, w.Body)
		require.JSONEq(t, `{"ids":["live"]}`, w.Body.String())
		asked.At = asked.At.UTC()
		want.At = want.At.UTC()
		require.Equal(t, want, asked, body)
	}
	for _, body := range []string{
		``, `[]`, `{"kind":"away"}`, `{}`, `{"kind":"out"} {}`, `{"kind":"out"}}`, `{"kind":"out","pre_roll":1}`, `{"kind":"out","duration":0}`,
		`{"kind":"out","duration":1e9}`, `{"kind":"out","at":-1}`, `{"kind":"out","at":"now"}`, `{"kind":"out","scte35":"/DAR"}`,
		`{"kind":"scte35"}`, `{"kind":"cancel"}`, `{"kind":"out","auto_return":true}`, `{"scte35":"%%"}`,
		`{"id":"` + strings.Repeat("x", maxCue) + `"}`,
	} {
		asked = Cue{}
		w := g.cue(body, mine)
		require.Equal(t, 400, w.Code, "%.60s: %s", body, w.Body)
		require.Zero(t, asked)
	}
	for err, status := range map[error]int{
		fmt.Errorf("%w: too late", ErrCue): 400, ErrNotLive: 409, errors.New("a disk"): 500,
	} {
		failure = err
		require.Equal(t, status, g.cue(`{"kind":"out"}`, mine).Code)
	}
	require.Equal(t, 404, g.do("POST", "/api/v1/streams/none/cues", mine).Code)
}

// Nobody changes anything without the token; the log doesn't have it.
func TestCuesAreGuarded(t *testing.T) {
	var asked Cue
	var failure error
	g := newGateway(t, withCues(&asked, &failure))
	for _, headers := range [][]string{
		nil, {"Authorization: Bearer"}, {"Authorization: Bearer " + apiToken + "x"}, {"Authorization: Basic " + apiToken},
		{"Authorization: " + apiToken}, {"Authorization: Bearer "},
	} {
		w := g.cue(`{"kind":"out"}`, headers...)
		require.Equal(t, 401, w.Code, "%v", headers)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), "Bearer")
	}
	require.Equal(t, 401, g.do("POST", "/api/v1/streams/none/cues").Code, "strangers aren't told what exists")
	require.Zero(t, asked)
	require.Empty(t, g.do("OPTIONS", "/api/v1/streams/live/cues", "Origin: https://other.example",
		"Access-Control-Request-Method: POST").Header().Get("Access-Control-Allow-Methods"), "nor do others' pages")

	open := newGateway(t, withCues(&asked, &failure), func(o *Options) { o.Token = NewToken("") })
	for _, headers := range [][]string{nil, {"Authorization: Bearer "}, {"Authorization: Bearer " + apiToken}} {
		w := open.cue(`{"kind":"out"}`, headers...)
		require.Equal(t, 403, w.Code, "without a token nobody may, from this machine neither")
		require.Contains(t, w.Body.String(), "api-token")
	}
	require.Zero(t, asked)

	token := NewToken(apiToken)
	require.Equal(t, "redacted redacted redacted", fmt.Sprintf("%v %+v %s", token, token, token))
	require.Equal(t, "redacted", slog.AnyValue(token).Resolve().String())
	require.NotContains(t, g.logged.String(), apiToken)
}
