package ingest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
)

// A player that reads nothing is skipped ahead when it reads again, and ended when it
// doesn't. The others notice nothing, nor does who publishes.
func TestSlowPlayer(t *testing.T) {
	th := newTheatre(t)
	th.size = 40 << 10
	h := start(t, Options{Viewers: th, Limits: Limits{PlayLag: time.Second}})
	th.begin()
	th.part()
	slow, quick := audience(t, h), audience(t, h)
	for range 60 {
		th.part()
		quick.pictures(5)
	}
	var numbers []int
	for last := 0; last < 60*5; {
		tags, at := slow.pictures(1)
		last = number(tags[0])
		require.EqualValues(t, last*40, at[0])
		if n := len(numbers); n > 0 && numbers[n-1]+1 != last {
			require.True(t, tags[0].Sync(), "from %d to %d", numbers[n-1], last)
		}
		numbers = append(numbers, last)
	}
	require.Less(t, len(numbers), 280, "it has skipped some")
	require.NotZero(t, testutil.ToFloat64(h.counts.skips))
	quick.conn.Close()
	slow.conn.Close()
	h.log.wait(t, "skips=")
}

// showToADeafPlayer shows so many parts, of pictures of 1 MiB, to a player that reads nothing.
func showToADeafPlayer(t *testing.T, l Limits, parts int) *harness {
	t.Helper()
	th := newTheatre(t)
	th.size = 1 << 20
	h := start(t, Options{Viewers: th, Limits: l})
	th.begin()
	c := dial(t, h.plain)
	require.NoError(t, c.conn.(*net.TCPConn).SetReadBuffer(4096))
	c.play("show")
	<-th.asked
	for range parts {
		th.part()
	}
	return h
}

func TestPlayerThatTakesNothingIsEnded(t *testing.T) {
	h := showToADeafPlayer(t, Limits{Write: 100 * time.Millisecond}, 20)
	h.log.wait(t, "the player takes nothing")
	waitFor(t, func() bool { return testutil.ToFloat64(h.counts.watched.WithLabelValues("slow_reader")) == 1 })
}

// Who sends nothing while it plays is no idler, as long as it takes what it is sent;
// nor is one that waits for its stream to come back.
func TestPlayerMayBeSilent(t *testing.T) {
	th, h := showing(t, Limits{Idle: time.Second})
	c := audience(t, h)
	th.end()
	for pings := 0; pings < 5; {
		m, err := c.r.ReadMessage()
		require.NoError(t, err)
		if parsed, _ := message.Parse(m); parsed.(message.UserControl).Event == message.EventPingRequest {
			pings++
		}
	}
	th.begin()
	th.part()
	tags, at := c.pictures(5)
	require.Equal(t, th.picture(0), tags[0].Payload)
	require.Greater(t, at[0], uint32(160))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.players))
}

// A player that floods us, with questions or with what needs no answer, is ended.
func TestPlayerThatSaysTooMuch(t *testing.T) {
	for name, c := range map[string]struct {
		flood  message.Message
		before int
	}{
		"questions": {message.Command{Name: "getStreamLength", Transaction: 4, Args: []any{nil, "show"}}, 8 << 20},
		"noise":     {message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 1}, 4 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := showing(t, Limits{BeforePublish: c.before})
			p := audience(t, h)
			for range 200_000 {
				if p.trySend(c.flood) != nil {
					break
				}
			}
			h.log.wait(t, "limit exceeded")
			waitFor(t, func() bool { return testutil.ToFloat64(h.counts.watched.WithLabelValues("limit")) == 1 })
		})
	}
}

func TestShutdownTellsPlayers(t *testing.T) {
	_, h := showing(t, Limits{})
	c, polite := audience(t, h), audience(t, h, amf0.Pair{Key: "capsEx", Value: 1.0})
	done := make(chan struct{})
	go func() { defer close(done); h.Shutdown(context.Background()) }()
	code, _ := c.status()
	require.Equal(t, "NetConnection.Connect.Closed", code)
	code, _ = polite.status()
	require.Equal(t, "NetConnection.Connect.ReconnectRequest", code)
	c.ended()
	polite.ended()
	<-done
}

// One that doesn't read holds a shutdown up for a moment only.
func TestShutdownDoesNotWaitForSlowPlayers(t *testing.T) {
	h := showToADeafPlayer(t, Limits{Write: time.Hour, Linger: time.Millisecond}, 4)
	waitFor(t, func() bool { return testutil.ToFloat64(h.counts.played) > 5000 })
	h.Shutdown(context.Background())
}
