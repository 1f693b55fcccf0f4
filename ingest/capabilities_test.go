package ingest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/message"
)

// connectWith connects with what a client of Enhanced RTMP adds, and returns what
// the answer says.
func (c *client) connectWith(members ...amf0.Pair) amf0.Object {
	c.t.Helper()
	connect := connectTo("live")
	connect.Args[0] = append(connect.Args[0].(amf0.Object), members...)
	c.send(connect)
	answer := c.next()
	require.Equal(c.t, "_result", answer.Name)
	return answer.Object()
}

func TestConnectOfEnhancedRTMP(t *testing.T) {
	h := start(t, Options{})
	for name, members := range map[string][]amf0.Pair{
		"v1":   {{Key: "fourCcList", Value: amf0.StrictArray{"av01", "hvc1"}}},
		"v2":   {{Key: "videoFourCcInfoMap", Value: amf0.Object{{Key: "*", Value: 4.0}}}, {Key: "capsEx", Value: 15.0}},
		"caps": {{Key: "capsEx", Value: 0.0}},
	} {
		t.Run(name, func(t *testing.T) {
			o := dial(t, h.plain).connectWith(members...)
			list, _ := o.Get("fourCcList")
			require.Equal(t, amf0.StrictArray{"avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"}, list)
			video, _ := o.Get("videoFourCcInfoMap")
			require.Equal(t, amf0.Object{
				{Key: "avc1", Value: 4.0}, {Key: "hvc1", Value: 4.0}, {Key: "av01", Value: 4.0}, {Key: "vp09", Value: 4.0},
			}, video)
			audio, _ := o.Get("audioFourCcInfoMap")
			require.Len(t, audio, 6)
			caps, _ := o.Get("capsEx")
			require.Equal(t, 15.0, caps)
		})
	}
	o := dial(t, h.plain).connectWith()
	_, ok := o.Get("capsEx")
	require.False(t, ok, "an old encoder gets the old answer")
}

// A client that can is asked to connect again when the server ends.
func TestReconnectRequest(t *testing.T) {
	for name, c := range map[string]struct {
		caps amf0.Pair
		want string
	}{
		"a client that can":    {amf0.Pair{Key: "capsEx", Value: 1.0}, "NetConnection.Connect.ReconnectRequest"},
		"one that says others": {amf0.Pair{Key: "capsEx", Value: 6.0}, "NetConnection.Connect.Closed"},
		"an odd one":           {amf0.Pair{Key: "capsEx", Value: "all"}, "NetConnection.Connect.Closed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, Options{})
			client := dial(t, h.plain)
			client.connectWith(c.caps)
			client.send(message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
				message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}})
			code, _ := client.status()
			require.Equal(t, "NetStream.Publish.Start", code)
			client.videoConfig()
			client.picture(0, true)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				h.Shutdown(ctx)
			}()
			code, _ = client.status()
			require.Equal(t, c.want, code)
			client.ended()
			<-done
		})
	}
}
