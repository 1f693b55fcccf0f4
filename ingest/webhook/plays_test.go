package webhook

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func viewer(stream, address string) Viewer { return Viewer{stream, netip.MustParseAddr(address)} }

func plays(w *wire, open bool) *Plays {
	return NewPlays(New(Options{OnPlay: "http://app/play", Secret: secret, Transport: w}), open)
}

func (w *wire) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got)
}

func (w *wire) says(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = func(Message) int { return status }
}

func TestPlaysAreAskedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		w.says(204)
		p := plays(w, false)
		permit := func(v Viewer) error { return p.Permit(t.Context(), v, "player/1.0\n", true) }
		hall := viewer("hall", "192.0.2.1")
		for range 5 {
			require.NoError(t, permit(hall))
			require.NoError(t, permit(viewer("hall", "::ffff:192.0.2.1")))
		}
		require.Equal(t, 1, w.asked())
		m := w.got[0]
		require.NotEmpty(t, m.ID)
		require.Equal(t, Message{Event: OnPlay, ID: m.ID, Time: m.Time, Stream: "hall", Address: "192.0.2.1", TLS: true, Player: "player/1.0"}, m)
		w.says(403)
		require.ErrorAs(t, permit(viewer("hall", "192.0.2.2")), new(*Denied))
		require.ErrorAs(t, permit(viewer("yard", "192.0.2.1")), new(*Denied))
		require.NoError(t, permit(hall))
		require.Equal(t, 3, w.asked())
		time.Sleep(playFor)
		require.ErrorAs(t, permit(hall), new(*Denied), "asked again")

		w.says(500)
		other := viewer("hall", "192.0.2.3")
		require.ErrorIs(t, permit(other), ErrFailed)
		require.ErrorIs(t, permit(other), ErrFailed)
		require.Equal(t, 5, w.asked())
		w.says(200)
		time.Sleep(failureFor)
		require.NoError(t, permit(other))
	})
}

func TestPlaysWithoutAnAnswer(t *testing.T) {
	w := &wire{}
	w.says(0)
	require.NoError(t, plays(w, true).Permit(t.Context(), viewer("hall", "192.0.2.1"), "", false))
	w.says(403)
	require.Error(t, plays(w, true).Permit(t.Context(), viewer("hall", "192.0.2.1"), "", false), "a no is a no")
}

// Many who come at once wait for one answer, each as long as it likes.
func TestPlaysAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		w.says(-1)
		p := plays(w, false)
		v := viewer("hall", "192.0.2.1")
		var wg sync.WaitGroup
		start := time.Now()
		for range 5 {
			wg.Go(func() {
				if err := p.Permit(t.Context(), v, "", false); err == nil {
					t.Error("permitted")
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Permit(ctx, v, "", false), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		wg.Wait()
		require.Equal(t, DefaultTimeout, time.Since(start))
		require.Equal(t, 1, w.asked())
	})
}

// Who gives up waits no longer for an application that hangs. What others wait for, or
// hear later, is an answer of their own.
func TestPlaysGivenUp(t *testing.T) {
	for _, open := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{}
			w.says(-1)
			p := plays(w, open)
			v := viewer("hall", "192.0.2.1")
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := p.Permit(ctx, v, "", false); err != context.DeadlineExceeded {
					t.Error(err)
				}
				if took := time.Since(start); took != time.Second {
					t.Error("it gave up after", took)
				}
			})
			synctest.Wait()
			require.Equal(t, 1, w.asked())
			patient := make(chan error, 3)
			for range cap(patient) {
				wg.Go(func() { patient <- p.Permit(t.Context(), v, "", false) })
			}
			synctest.Wait()
			require.Equal(t, 1, w.asked(), "they wait")
			w.says(403)
			wg.Wait()
			for range cap(patient) {
				require.ErrorAs(t, <-patient, new(*Denied))
			}
			require.Equal(t, time.Second, time.Since(start))
			require.Equal(t, 2, w.asked(), "one of them asked for all")

			w.says(-1)
			other := viewer("yard", "192.0.2.1")
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			require.ErrorIs(t, p.Permit(ctx, other, "", false), context.Canceled)
			require.ErrorIs(t, p.Permit(ctx, other, "", false), context.Canceled)
			w.says(204)
			require.NoError(t, p.Permit(t.Context(), other, "", false), "not remembered")
		})
	}
}

func TestViewersAreBounded(t *testing.T) {
	w := &wire{}
	w.says(204)
	p := plays(w, false)
	past := &verdict{done: make(chan struct{})}
	close(past.done)
	for i := range maxViewers {
		p.known[viewer(fmt.Sprint(i), "192.0.2.1")] = past
	}
	require.NoError(t, p.Permit(t.Context(), viewer("hall", "192.0.2.1"), "", false))
	require.Len(t, p.known, 1, "what counts no more goes")
	for i := range maxViewers - 1 {
		p.known[viewer(fmt.Sprint(i), "192.0.2.1")] = &verdict{done: past.done, until: time.Now().Add(time.Hour)}
	}
	require.NoError(t, p.Permit(t.Context(), viewer("yard", "192.0.2.1"), "", false))
	require.Len(t, p.known, maxViewers)
}
