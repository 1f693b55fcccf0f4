package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("a secret of two parties")

func TestSignature(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	body := []byte(`{"event":"on_publish"}`)
	// printf '1700000000.{"event":"on_publish"}' | openssl dgst -sha256 -hmac 'a secret of two parties'
	const want = "t=1700000000,v1=68f71750f6721935304f558a70c875d314295f4409e8a86c3072fd1c985d1eb9"
	header := sign(secret, body, at)
	require.Equal(t, want, header)
	require.NoError(t, Verify(secret, header, body, at.Add(5*time.Minute), 5*time.Minute))
	require.ErrorIs(t, Verify(secret, header, body, at.Add(5*time.Minute+1), 5*time.Minute), ErrStale)
	require.ErrorIs(t, Verify(secret, header, body, at.Add(-6*time.Minute), 5*time.Minute), ErrStale)
	require.ErrorIs(t, Verify([]byte("another"), header, body, at, time.Minute), ErrSignature)
	require.ErrorIs(t, Verify(secret, header, append(body, ' '), at, time.Minute), ErrSignature)
	later := strings.Replace(header, "1700000000", "1700000001", 1)
	require.ErrorIs(t, Verify(secret, later, body, at, time.Minute), ErrSignature, "the time is signed too")
	for _, bad := range []string{"", "t=1", "v1=00,t=1", "t=x,v1=00", "t=1,v1=xx", "t=1,v1=", header + "00"} {
		require.ErrorIs(t, Verify(secret, bad, body, at, time.Minute), ErrSignature, bad)
	}
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		stream string
		denied string // "no reason" where there's none
		failed bool
	}{
		{200, "", "", "", false},
		{204, "", "", "", false},
		{200, "OK", "", "", false},
		{200, "<html>", "", "", false},
		{200, `{}`, "", "", false},
		{201, ` {"allow":true,"stream":"hall","more":1}`, "hall", "", false},
		{200, `{"allow":false,"reason":"not today"}`, "", "not today", false},
		{200, `{"allow":false}`, "", "no reason", false},
		{200, `{"allow":"no"}`, "", "", true},
		{200, `{"allow":`, "", "", true},
		{403, `{"allow":true,"reason":"no\nway \u0007"}`, "", "noway ", false},
		{401, "", "", "no reason", false},
		{404, `{"reason":7}`, "", "no reason", false},
		{301, "", "", "", true},
		{408, "", "", "", true},
		{429, `{"allow":false}`, "", "", true},
		{500, `{"allow":true}`, "", "", true},
	} {
		a, err := parseAnswer(tc.status, []byte(tc.body))
		name := fmt.Sprintf("%d %s", tc.status, tc.body)
		var denied *Denied
		switch {
		case tc.failed:
			require.ErrorIs(t, err, ErrFailed, name)
		case tc.denied != "":
			require.ErrorAs(t, err, &denied, name)
			require.Equal(t, strings.ReplaceAll(tc.denied, "no reason", ""), denied.Reason, name)
		default:
			require.NoError(t, err, name)
		}
		require.Equal(t, tc.stream, a.Stream, name)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"allow":false,"stream":"a","reason":"b"}`))
	f.Add(403, []byte(`{"reason":"\ud800 ü"}`))
	f.Add(302, []byte(`{`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a, err := parseAnswer(status, body)
		var denied *Denied
		switch {
		case err == nil:
			if status < 200 || status > 299 {
				t.Fatalf("%d is a yes", status)
			}
		case errors.As(err, &denied):
			if len(denied.Reason) > maxReason || !utf8.ValidString(denied.Reason) || a.Stream != "" {
				t.Fatalf("%q", denied.Reason)
			}
		case !errors.Is(err, ErrFailed) || a.Stream != "":
			t.Fatal(err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("t=1700000000,v1=00", []byte("{}"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if Verify(secret, header, body, time.Unix(1_700_000_000, 0), time.Hour) == nil {
			t.Fatal("forged")
		}
	})
}

// heard is a request as an application gets it.
type heard struct {
	Message
	header http.Header
	fits   error
}

// listen is an application on a real socket.
func listen(t *testing.T, answer http.HandlerFunc) (url string, requests <-chan heard) {
	t.Helper()
	got := make(chan heard, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		h := heard{header: r.Header, fits: err}
		if err == nil {
			h.fits = Verify(secret, r.Header.Get(SignatureHeader), body, time.Now(), time.Minute)
			if err := json.Unmarshal(body, &h.Message); err != nil {
				h.fits = err
			}
		}
		got <- h
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func TestAsk(t *testing.T) {
	registry := prometheus.NewRegistry()
	url, requests := listen(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/yes", http.StatusTemporaryRedirect)
		case "/long":
			w.Write(make([]byte, maxAnswer+1))
		case "/no":
			w.WriteHeader(http.StatusForbidden)
		default:
			io.WriteString(w, `{"stream":"yard"}`)
		}
	})
	c := New(Options{OnPublish: url + "/yes?id=1", Secret: secret, Metrics: registry})
	defer c.http.CloseIdleConnections()
	require.True(t, c.Asks())
	m := Message{Publication: "p", By: ByKey, Stream: "hall", Address: "192.0.2.1", Time: time.Unix(1_700_000_000, 0).UTC()}
	a, err := c.Ask(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "yard", a.Stream)
	got := <-requests
	require.NoError(t, got.fits)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Len(t, got.ID, 32)
	m.ID, m.Event = got.ID, OnPublish
	require.Equal(t, m, got.Message)

	for path, want := range map[string]error{"/moved": ErrFailed, "/long": ErrFailed} {
		c.options.OnPublish = url + path
		_, err = c.Ask(t.Context(), m)
		require.ErrorIs(t, err, want, path)
		<-requests
	}
	require.Empty(t, requests, "a redirect isn't followed")
	c.options.OnPublish = url + "/no"
	_, err = c.Ask(t.Context(), m)
	require.ErrorAs(t, err, new(*Denied))
	for outcome, n := range map[string]float64{outcomeYes: 1, outcomeDenied: 1, outcomeFailed: 2} {
		require.Equal(t, n, testutil.ToFloat64(c.counts.WithLabelValues(OnPublish, outcome)), outcome)
	}
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestAskFailsInTime(t *testing.T) {
	hang := make(chan struct{})
	url, _ := listen(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	defer close(hang)
	c := New(Options{OnPublish: url + "/?password=hunter2", Secret: secret, Timeout: 50 * time.Millisecond})
	defer c.http.CloseIdleConnections()
	_, err := c.Ask(t.Context(), Message{})
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "hunter2")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Ask(ctx, Message{})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrFailed, "who asks is gone; the application isn't to blame")
	c.options.OnPublish = "http://127.0.0.1:1/"
	_, err = c.Ask(t.Context(), Message{})
	require.ErrorIs(t, err, ErrFailed)
}

// wire answers without a network, so that time can be a bubble's.
type wire struct {
	mu     sync.Mutex
	answer func(Message) int // 0: it can't be reached
	got    []Message
	at     []time.Time
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var m Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.got, w.at = append(w.got, m), append(w.at, time.Now())
	status := w.answer(m)
	w.mu.Unlock()
	switch status {
	case 0:
		return nil, errors.New("connection refused")
	case -1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

func served(t *testing.T, w *wire) (c *Client, end func()) {
	c = New(Options{OnPublishDone: "http://app/done", Secret: secret, Transport: w})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Serve(ctx) }()
	return c, func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

// An event is tried until it's delivered, with growing pauses, and then no more.
func TestEventsAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		w.answer = func(Message) int {
			switch len(w.got) {
			case 1:
				return 0
			case 2:
				return 500
			case 3:
				return 302
			}
			return 204
		}
		c, end := served(t, w)
		defer end()
		start := time.Now()
		c.Tell(Message{Stream: "hall"})
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, w.got, 4)
		for i, want := range []time.Duration{0, time.Second, 5 * time.Second, 21 * time.Second} {
			require.Equal(t, want, w.at[i].Sub(start))
			require.Equal(t, w.got[0], w.got[i], "the same message, id and all")
		}
		require.Equal(t, OnPublishDone, w.got[0].Event)
		require.Zero(t, c.queue.len())
		require.Zero(t, testutil.ToFloat64(c.lost))
	})
}

func TestEventsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(Message) int { return 500 }}
		c, end := served(t, w)
		defer end()
		start := time.Now()
		c.Tell(Message{Stream: "hall"})
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.Len(t, w.got, maxAttempts)
		require.Equal(t, 341*time.Second, w.at[maxAttempts-1].Sub(start))
		require.Equal(t, 1.0, testutil.ToFloat64(c.lost))
		require.Zero(t, c.queue.len())
	})
}

// One that hangs holds up no other.
func TestEventsDontWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(m Message) int {
			if m.Stream == "hangs" {
				return -1
			}
			return 204
		}}
		c, end := served(t, w)
		defer end()
		c.Tell(Message{Stream: "hangs"})
		synctest.Wait()
		start := time.Now()
		c.Tell(Message{Stream: "hall"})
		synctest.Wait()
		require.Zero(t, time.Since(start))
		require.Len(t, w.got, 2)
	})
}

func TestQueueIsBounded(t *testing.T) {
	c := New(Options{OnPublishDone: "http://app/done", Secret: secret})
	for i := range maxWaiting + 10 {
		c.Tell(Message{Stream: fmt.Sprint(i)})
	}
	require.Equal(t, maxWaiting, c.queue.len())
	require.Equal(t, 10.0, testutil.ToFloat64(c.lost))
	require.Equal(t, "10", c.queue.items[0].message.Stream, "the oldest goes")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.deliver(ctx, &delivery{message: Message{Stream: "interrupted"}})
	require.Equal(t, maxWaiting, c.queue.len())
	require.Equal(t, 11.0, testutil.ToFloat64(c.lost), "one that is put back counts as well")

	off := New(Options{Secret: secret})
	off.Tell(Message{})
	require.Zero(t, off.queue.len(), "nobody wants to know")
	require.False(t, off.Asks())
}

// At the end each that is left gets one more chance, all within a second.
func TestLastChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(Message) int { return 0 }}
		c, end := served(t, w)
		c.Tell(Message{Stream: "waits"})
		synctest.Wait() // it failed once, and waits for a second
		w.mu.Lock()
		w.answer = func(m Message) int {
			if m.Stream == "hangs" {
				return -1
			}
			return 204
		}
		w.mu.Unlock()
		c.Tell(Message{Stream: "hangs"})
		synctest.Wait()
		start := time.Now()
		end()
		require.Equal(t, lastChance, time.Since(start))
		require.Equal(t, 1.0, testutil.ToFloat64(c.lost))
		require.Equal(t, 1.0, testutil.ToFloat64(c.counts.WithLabelValues(OnPublishDone, outcomeYes)))
	})
}
