package ingest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/message"
	"sluice/packager/timeline"
)

// showing is a server that plays a stream of which there is one part.
func showing(t *testing.T, l Limits) (*theatre, *harness) {
	t.Helper()
	th := newTheatre(t)
	h := start(t, Options{Viewers: th, Limits: l})
	th.begin()
	th.part()
	return th, h
}

// audience is a player that has seen the first part.
func audience(t *testing.T, h *harness, connect ...amf0.Pair) *client {
	t.Helper()
	c := dial(t, h.plain)
	c.play("show", connect...)
	c.pictures(picturesOfPart)
	return c
}

// exchange reads n messages, and names each.
func (c *client) exchange(n int) []string {
	c.t.Helper()
	var seen []string
	for len(seen) < n {
		m, err := c.r.ReadMessage()
		require.NoError(c.t, err)
		parsed, err := message.Parse(m)
		require.NoError(c.t, err)
		switch v := parsed.(type) {
		case message.Command:
			o, _ := amf0.AsObject(v.Arg(0))
			seen = append(seen, v.Name+" "+o.String("code"))
			if v.Transaction == 4 {
				require.Equal(c.t, []any{nil, 0.0}, v.Args, "live")
			}
		case message.UserControl:
			seen = append(seen, fmt.Sprint(v.Event, " ", v.Value))
		case message.Data:
			seen = append(seen, v.Values[0].(string))
		case *message.Video:
			tag, err := flv.ParseVideo(v.Body)
			require.NoError(c.t, err)
			seen = append(seen, fmt.Sprint("video ", tag.Packet, " ", tag.Sync()))
		}
	}
	return seen
}

// The whole exchange, message by message.
func TestPlay(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			th := newTheatre(t)
			registry := prometheus.NewRegistry()
			h := start(t, Options{Viewers: th, Metrics: registry})
			th.begin()
			for range 3 {
				th.part()
			}
			var c *client
			if secure {
				c = dialTLS(t, h, &tls.Config{})
			} else {
				c = dial(t, h.plain)
			}
			c.play("show?token=t")
			require.Equal(t, []string{
				"stream begin 0", "_result NetConnection.Connect.Success", "onFCSubscribe NetStream.Play.Start", "_result ", "_result ",
				"stream begin 1", "onStatus NetStream.Play.Reset", "onStatus NetStream.Play.Start",
				"onMetaData", "video 0 true", "video 1 true",
			}, c.exchange(11))
			w := <-th.asked
			require.Equal(t, "show", w.Stream)
			require.Equal(t, "t", w.Query.Get("token"))
			require.Equal(t, secure, w.TLS != nil)
			require.Equal(t, c.conn.LocalAddr().String(), w.Remote.String())
			require.Equal(t, 1.0, testutil.ToFloat64(h.counts.players))
			require.Zero(t, testutil.ToFloat64(h.counts.sessions))

			tags, at := c.pictures(14)
			require.Equal(t, 1, number(tags[0]))
			th.part()
			more, moreAt := c.pictures(5)
			for i, tag := range append(tags, more...) {
				require.Equal(t, th.picture(i+1), tag.Payload)
				require.EqualValues(t, (i+1)*40, append(at, moreAt...)[i])
			}
			th.end()
			th.append(timeline.StreamEnded{At: time.Now()})
			for eof := false; !eof; {
				m, err := c.r.ReadMessage()
				require.NoError(t, err)
				parsed, err := message.Parse(m)
				require.NoError(t, err)
				v, ok := parsed.(message.UserControl)
				eof = ok && v.Event == message.EventStreamEOF && v.Value == 1
			}
			code, _ := c.status()
			require.Equal(t, "NetStream.Play.UnpublishNotify", code)
			c.ended()
			h.log.wait(t, "msg=played")
			require.Contains(t, h.log.String(), "stream=show")
			require.NotContains(t, h.log.String(), "level=WARN")
			require.Greater(t, testutil.ToFloat64(h.counts.played), 2000.0)
			require.Equal(t, 1.0, testutil.ToFloat64(h.counts.watched.WithLabelValues("ended")))
			require.Zero(t, testutil.ToFloat64(h.counts.players))
		})
	}
}

func TestPlayIsRefusedWithAReason(t *testing.T) {
	for _, c := range []struct{ name, code, reason string }{
		{"nothing", "NetStream.Play.StreamNotFound", "unknown_stream"},
		{"secret", "NetStream.Play.StreamNotFound", "unknown_stream"},
		{"private", "NetStream.Play.Failed", "forbidden"},
		{"broken", "NetStream.Play.Failed", "admission"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, Options{Viewers: newTheatre(t)})
			p := dial(t, h.plain)
			p.play(c.name)
			code, _ := p.status()
			require.Equal(t, c.code, code)
			p.ended()
			h.log.wait(t, "connection refused")
			require.Equal(t, 1.0, testutil.ToFloat64(h.counts.refused.WithLabelValues(c.reason)))
		})
	}
}

// Who may play no longer is told so, and ends; who isn't answered about plays on.
func TestPlayIsGrantedForATime(t *testing.T) {
	for reason, denial := range map[string]error{"forbidden": ErrForbidden, "unknown_stream": ErrUnknownStream} {
		t.Run(reason, func(t *testing.T) {
			th, h := showing(t, Limits{PlayPermit: 10 * time.Millisecond})
			c := audience(t, h)
			first := <-th.asked
			require.Equal(t, first, <-th.asked, "the same question")
			failure := io.ErrUnexpectedEOF
			th.denies.Store(&failure)
			for range 3 {
				<-th.asked
			}
			th.part()
			c.pictures(picturesOfPart)
			th.denies.Store(&denial)
			code, _ := c.status()
			require.Contains(t, []string{"NetStream.Play.Failed", "NetStream.Play.StreamNotFound"}, code)
			c.ended()
			h.log.wait(t, "played")
			require.Equal(t, 1.0, testutil.ToFloat64(h.counts.watched.WithLabelValues(reason)))
		})
	}
}

// One that is behind all the time is asked about, and ended, no later than others.
func TestPlayThatIsBehindIsGrantedForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, parts = time.Second, 100
		th, p := newTheatre(t), newPipes()
		th.size = 10 << 10
		s := New(Options{Admit: newDoorman(nil), Viewers: th, Limits: Limits{PlayPermit: every, PlayLag: time.Hour}})
		served := make(chan error)
		go func() { served <- s.Serve(context.Background(), p) }()
		defer func() {
			s.Shutdown(context.Background())
			require.NoError(t, <-served)
		}()
		th.begin()
		th.part()
		c := greet(t, p.dial())
		c.play("show")
		c.pictures(1) // it begins with the newest keyframe
		for range parts {
			th.part()
		}
		var denied time.Time
		pictures, code := 0, ""
		for code == "" {
			m, err := c.r.ReadMessage()
			require.NoError(t, err)
			parsed, err := message.Parse(m)
			require.NoError(t, err)
			switch v := parsed.(type) {
			case *message.Video:
				time.Sleep(40 * time.Millisecond) // as they were taken: it never catches up
				pictures++
			case message.Command:
				o, _ := amf0.AsObject(v.Arg(0))
				if o.String("level") == levelError {
					code = o.String("code")
				}
			}
			if denied.IsZero() && pictures == 100 {
				require.GreaterOrEqual(t, len(th.asked), int(100*40*time.Millisecond/every), "each second, and at first")
				no := error(ErrForbidden)
				th.denies.Store(&no)
				denied = time.Now()
			}
		}
		require.Equal(t, "NetStream.Play.Failed", code)
		require.Less(t, time.Since(denied), every+500*time.Millisecond)
		require.Less(t, pictures, parts*picturesOfPart)
		c.ended()
	})
}

// A right to play that ends, ends the playing: with a reason, whatever comes meanwhile.
func TestPlayEndsWithItsRight(t *testing.T) {
	th := newTheatre(t)
	th.until = time.Now().Add(time.Second)
	h := start(t, Options{Viewers: th})
	th.begin()
	th.part()
	c := dial(t, h.plain)
	c.play("show")
	c.pictures(picturesOfPart)
	code, text := c.status()
	require.Equal(t, "NetStream.Play.Failed The token has expired: ask for a new one.", code+" "+text)
	c.ended()
	h.log.wait(t, "the right to play has ended")
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.watched.WithLabelValues("expired")))
}

// A token belongs into the query. In the path, as HTTP has it, it's not told to the log.
func TestTokenInThePath(t *testing.T) {
	th, h := showing(t, Limits{})
	c := dial(t, h.plain)
	c.play("show/~1800000000.SECRET")
	code, _ := c.status()
	require.Equal(t, "NetStream.Play.StreamNotFound", code)
	c.ended()
	h.log.wait(t, "connection refused")
	require.NotContains(t, h.log.String(), "SECRET")
	require.Empty(t, th.asked)

	c = dial(t, h.plain)
	c.play("members?token=1800000000.SECRET")
	code, text := c.status()
	require.Equal(t, "NetStream.Play.Failed You may not play this stream: members only.", code+" "+text)
	c.ended()
	h.log.wait(t, "playback is not allowed: members only")
	require.Equal(t, "1800000000.SECRET", (<-th.asked).Query.Get("token"))
	require.NotContains(t, h.log.String(), "SECRET")
}

// A rendition that there isn't, and codecs that the player doesn't take.
func TestPlayOfWhatIsNotThere(t *testing.T) {
	th, h := showing(t, Limits{})
	c := dial(t, h.plain)
	c.play("show/720p")
	code, _ := c.status()
	require.Equal(t, "NetStream.Play.StreamNotFound", code)
	c.ended()
	require.Equal(t, "720p", (<-th.asked).Rendition)
	h.log.wait(t, "rung=720p")
}

func TestPlayWaitsForTheStream(t *testing.T) {
	th := newTheatre(t)
	h := start(t, Options{Viewers: th})
	c := dial(t, h.plain)
	c.play("show")
	<-th.asked
	th.begin()
	th.part()
	tags, _ := c.pictures(5)
	require.Equal(t, th.picture(0), tags[0].Payload)

	h = start(t, Options{Viewers: newTheatre(t), Limits: Limits{PlayStart: 50 * time.Millisecond}})
	c = dial(t, h.plain)
	c.play("show")
	code, _ := c.status()
	require.Equal(t, "NetStream.Play.StreamNotFound", code)
	c.ended()
}

func TestPauseSeekAndClose(t *testing.T) {
	th, h := showing(t, Limits{})
	c := audience(t, h)
	expect := func(want string) {
		t.Helper()
		code, _ := c.status()
		require.Equal(t, want, code)
	}
	c.send(message.Command{StreamID: 1, Name: "pause", Transaction: 6, Args: []any{nil, true, 200.0}})
	expect("NetStream.Pause.Notify")
	for range 11 {
		th.part()
	}
	c.send(message.Command{StreamID: 1, Name: "pause", Transaction: 7, Args: []any{nil, false, 200.0}})
	expect("NetStream.Unpause.Notify")
	tags, at := c.pictures(1)
	require.Equal(t, 50, number(tags[0]), "the newest keyframe")
	require.EqualValues(t, 2000, at[0])
	c.pictures(9)
	c.send(message.Command{StreamID: 1, Name: "seek", Transaction: 8, Args: []any{nil, 0.0}})
	expect("NetStream.Seek.Notify")
	th.part()
	tags, _ = c.pictures(1)
	require.Equal(t, 60, number(tags[0]), "nothing twice")
	c.pictures(4)

	c.send(message.Command{Name: "publish", Transaction: 9, StreamID: 1, Args: []any{nil, "other"}})
	expect("NetStream.Publish.BadName")
	c.send(message.UserControl{Event: message.EventPingRequest, Value: 77})
	c.send(message.Command{Name: "deleteStream", Transaction: 10, Args: []any{nil, 1.0}})
	require.Equal(t, "_result", c.next().Name)
	require.Zero(t, testutil.ToFloat64(h.counts.players))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.sessions))

	// The same connection plays again, and then publishes.
	c.send(message.Command{StreamID: 2, Name: "play", Transaction: 11, Args: []any{nil, "show", -2.0, -1.0, false}})
	expect("NetStream.Play.Start")
	for _, id := range []float64{5, 2} { // another stream's end is not this one's
		c.send(message.Command{Name: "deleteStream", Transaction: 12, Args: []any{nil, id}})
		for c.next().Name != "_result" {
		}
	}
	c.send(message.Command{StreamID: 3, Name: "publish", Transaction: 13, Args: []any{nil, "other"}})
	expect("NetStream.Publish.Start")
	c.send(message.Command{StreamID: 3, Name: "play", Transaction: 14, Args: []any{nil, "show"}})
	expect("NetStream.Play.Failed")
	c.conn.Close()
	h.doorman.sink(t, "second", 0).waitEnd(t)
}

// One connection may change what it plays.
func TestPlayAgain(t *testing.T) {
	_, h := showing(t, Limits{})
	c := audience(t, h)
	c.send(message.Command{StreamID: 1, Name: "play", Transaction: 6, Args: []any{nil, "show"}})
	tags, _ := c.pictures(5)
	require.Equal(t, 0, number(tags[0]), "from its start")
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.players))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.watched.WithLabelValues("stopped")))
}

func TestPlayersAreCountedApart(t *testing.T) {
	_, h := showing(t, Limits{PlayersPerAddress: 2, SessionsPerAddress: 1})
	var players []*client
	for range 2 {
		players = append(players, audience(t, h))
	}
	c := dial(t, h.plain)
	c.play("show")
	code, _ := c.status()
	require.Equal(t, "NetStream.Play.Failed", code)
	c.ended()
	h.log.wait(t, "too many connections of one address")
	waitFor(t, func() bool { return testutil.ToFloat64(h.counts.sessions) == 0 })

	publisher := dial(t, h.plain)
	publisher.mustPublish()
	players[0].conn.Close()
	waitFor(t, func() bool { return testutil.ToFloat64(h.counts.players) == 1 })
	publisher.send(goodbye())
	publisher.conn.Close()
	h.doorman.sink(t, "show", 0).waitEnd(t)
	waitFor(t, func() bool { return testutil.ToFloat64(h.counts.sessions) == 0 })
	audience(t, h)
}

// waitFor waits for what nothing tells of.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, time.Millisecond)
}

func TestTakes(t *testing.T) {
	takes := readEnhancement(amf0.Object{
		{Key: "fourCcList", Value: amf0.StrictArray{"av01", 7.0, "hvc1"}},
		{Key: "videoFourCcInfoMap", Value: amf0.Object{{Key: "vp09", Value: 1.0}, {Key: "avc1", Value: 2.0}, {Key: "vvc1", Value: "x"}}},
		{Key: "audioFourCcInfoMap", Value: amf0.ECMAArray{{Key: "*", Value: 4.0}}},
	}).takes
	for name, want := range map[string]bool{"av01": true, "hvc1": true, "vp09": true, "avc1": false, "vvc1": false} {
		require.Equal(t, want, takes.Video[name], name)
	}
	require.True(t, takes.Audio["*"])
	require.False(t, takes.Video["*"])
	require.Empty(t, readEnhancement(nil).takes.Video)
}
