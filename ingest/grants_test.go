package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// bound admits everybody to one stream, and tells what becomes of it.
type bound struct {
	recordings chan *recording
	ends       chan func(error)
	done       chan error
}

func newBound() *bound {
	return &bound{make(chan *recording, 10), make(chan func(error), 10), make(chan error, 10)}
}

func (b *bound) Admit(_ context.Context, p Publish) (Grant, error) {
	if p.Probe {
		return Grant{Stream: "show"}, nil
	}
	r := newRecording()
	b.recordings <- r
	return Grant{Stream: "show", Sink: r, Key: "k7", Bind: func(end func(error)) func(error) {
		b.ends <- end
		return func(cause error) { b.done <- cause }
	}}, nil
}

// A session whose right ends is told so in a way that encoders understand, and its
// Sink has ended before anybody hears that it's over.
func TestRevokedWhileLive(t *testing.T) {
	for cause, want := range map[error]string{
		ErrRevoked: "The stream key was withdrawn: ask for a new one.",
		ErrExpired: "The stream key has expired: ask for a new one.",

		ErrTokenExpired: "The token has expired: ask for a new one.",
		ErrClientEnded:  "The client certificate is accepted no more: ask for a new one.",
	} {
		b := newBound()
		h := start(t, Options{Admit: b})
		c := dial(t, h.plain)
		c.mustPublish()
		h.log.wait(t, "key=k7")
		c.videoConfig()
		c.audioConfig()
		c.picture(0, true)
		r := <-b.recordings
		r.wait(t, "a picture", func() bool { return r.count(videoTrack) == 1 })
		require.Empty(t, b.done)

		(<-b.ends)(fmt.Errorf("%w: by hand", cause))
		code, description := c.status()
		require.Equal(t, "NetStream.Publish.BadName", code)
		require.Equal(t, want, description)
		c.ended()
		require.ErrorIs(t, <-b.done, cause)
		require.True(t, r.hasEnded())
		require.ErrorIs(t, r.waitEnd(t), cause)
		h.log.wait(t, "by hand")
		require.Equal(t, 1.0, testutil.ToFloat64(h.counts.ends.WithLabelValues(reason(cause))))
	}
}

// What Bind returned is called once for each grant, and knows how it went.
func TestGrantsAreOverOnce(t *testing.T) {
	b := newBound()
	h := start(t, Options{Admit: b, Limits: Limits{OwnerWait: time.Millisecond}})
	first := dial(t, h.plain)
	first.mustPublish()
	second := dial(t, h.plain)
	code, _ := second.publish("live", "secret")
	require.Equal(t, "NetStream.Publish.BadName", code)
	require.ErrorIs(t, <-b.done, ErrBusy, "it never came about")
	second.ended()

	first.send(goodbye())
	require.NoError(t, <-b.done)
	<-b.recordings
	<-b.ends
	(<-b.ends)(ErrRevoked) // too late to matter
	require.Empty(t, b.done)
}

// With Newest the one who came first is told that it was replaced.
func TestNewestTakesOver(t *testing.T) {
	h := start(t, Options{Newest: true})
	first := dial(t, h.plain)
	first.mustPublish()
	first.videoConfig()
	first.audioConfig()
	first.picture(0, true)
	second := dial(t, h.plain)
	second.mustPublish()
	r := h.doorman.sink(t, "show", 0)
	require.ErrorIs(t, r.waitEnd(t), ErrTakenOver)
	code, description := first.status()
	require.Equal(t, "NetStream.Publish.BadName", code)
	require.Equal(t, "Another publisher took over this stream.", description)
	first.ended()
	second.videoConfig()
	second.audioConfig()
	second.picture(0, true)
	last := h.doorman.sink(t, "show", 1)
	last.wait(t, "a picture", func() bool { return last.count(videoTrack) == 1 })
}

// A token may come without a key. Who shows nothing at all isn't asked about.
func TestPublishWithoutAKey(t *testing.T) {
	asked := make(chan Publish, 2)
	h := start(t, Options{Admit: admitter(func(_ context.Context, p Publish) (Grant, error) {
		asked <- p
		return Grant{}, ErrDenied
	})})
	for _, name := range []string{"", "?token=t"} {
		c := dial(t, h.plain)
		code, _ := c.publish("live", name)
		require.Equal(t, "NetStream.Publish.BadName", code)
		c.ended()
	}
	h.Shutdown(t.Context())
	require.Len(t, asked, 1)
	p := <-asked
	require.Equal(t, Key(""), p.Key)
	require.Equal(t, "t", p.Query.Get("token"))
}

// Whatever is wrong with a key, the encoder is told the same; the log and the metric
// tell which it was.
func TestRefusalsOfKeysTellNothing(t *testing.T) {
	for cause, label := range map[error]string{
		ErrUnknownKey: "unknown_key", ErrRevoked: "revoked", ErrExpired: "expired", ErrAddress: "address",
		ErrToken: "token", ErrThrottled: "throttled", ErrDenied: "denied", &DeniedError{}: "denied",
	} {
		h := start(t, Options{Admit: admitter(func(context.Context, Publish) (Grant, error) {
			return Grant{}, fmt.Errorf("%w: stream show", cause)
		})})
		c := dial(t, h.plain)
		code, description := c.publish("live", "anything")
		require.Equal(t, "NetStream.Publish.BadName", code)
		require.Equal(t, "Stream key not accepted: check it, or ask for a new one.", description, "%v", cause)
		c.ended()
		h.log.wait(t, "connection refused")
		h.log.wait(t, cause.Error())
		require.NotContains(t, h.log.String(), "anything")
		h.Shutdown(t.Context())
		require.Equal(t, 1.0, testutil.ToFloat64(h.counts.refused.WithLabelValues(label)))
	}

	// What an application says is meant for the encoder.
	h := start(t, Options{Admit: admitter(func(context.Context, Publish) (Grant, error) {
		return Grant{}, &DeniedError{Reason: "Your show starts at eight."}
	})})
	c := dial(t, h.plain)
	_, description := c.publish("live", "anything")
	require.Equal(t, "Your show starts at eight.", description)
	c.ended()
	require.True(t, errors.Is(&DeniedError{}, ErrDenied))
}
