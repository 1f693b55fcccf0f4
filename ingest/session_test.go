package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/message"
	"sluice/media"
)

// OBS waits for the answers to connect, createStream and publish, has a chunk size of its
// own from before connect on, and sends everything after createStream on chunk stream 4.
// With two B-frames, its clock of pictures begins at 0 and that of sound when the first is
// shown. It hangs up behind deleteStream. (Seen with OBS 29 of Debian 12.)
func TestOBS(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.send(message.SetChunkSize{Size: 4096})
	c.send(connectTo("live"))
	connected := c.next()
	require.Equal(t, "_result", connected.Name)
	require.Equal(t, 1.0, connected.Transaction)
	require.NotEmpty(t, connected.Object().String("fmsVer"))
	o, _ := amf0.AsObject(connected.Arg(0))
	require.Equal(t, "NetConnection.Connect.Success", o.String("code"))
	encoding, ok := o.Number("objectEncoding")
	require.True(t, ok && encoding == 0)
	for i, m := range []message.Command{
		{Name: "releaseStream", Args: []any{nil, "secret"}}, {Name: "FCPublish", Args: []any{nil, "secret"}}, {Name: "createStream", Args: []any{nil}},
	} {
		m.Transaction = float64(i + 2)
		c.send(m)
	}
	for _, transaction := range []float64{2, 3, 4} {
		answer := c.next()
		require.Equal(t, "_result", answer.Name)
		require.Equal(t, transaction, answer.Transaction)
		if transaction == 4 {
			require.Equal(t, 1.0, answer.Arg(0))
		}
	}
	c.send(message.Command{ChunkStreamID: 4, StreamID: 1, Name: "publish", Transaction: 5, Args: []any{nil, "secret", "live"}})
	require.Equal(t, "onFCPublish", c.next().Name)
	code, _ := c.status()
	require.Equal(t, "NetStream.Publish.Start", code)

	r := h.doorman.sink(t, "show", 0)
	c.send(metadataOfOBS(),
		message.Audio{ChunkStreamID: 4, StreamID: 1, Body: aacConfigTag()},
		message.Video{ChunkStreamID: 4, StreamID: 1, Body: avcConfigTag()})
	for n := range 30 {
		cts := [...]int32{33, 133, 33}[n%3] // I P B P B B P B B ...
		if n == 0 {
			cts = 66
		}
		ms := uint32((n-2)*1000/30 + 66) // what is before zero is cut up, what is after it down
		c.send(message.Video{ChunkStreamID: 4, StreamID: 1, Timestamp: ms, Body: pictureTag(n == 0, cts, 20_000)})
		c.send(message.Audio{ChunkStreamID: 4, StreamID: 1, Timestamp: 66 + uint32(n)*64/3, Body: soundTag(300)})
	}
	r.wait(t, "all samples", func() bool { return r.count(videoTrack) == 30 && r.count(audioTrack) == 30 })
	s, ok := h.Status("show", false)
	require.True(t, ok)
	require.Equal(t, "obs-output module (libobs version 29.0.2)", s.Encoder)
	c.send(message.Command{Name: "FCUnpublish", Transaction: 6, Args: []any{nil, "secret"}},
		message.Command{Name: "deleteStream", Transaction: 7, Args: []any{nil, 1.0}})
	code, _ = c.status()
	require.Equal(t, "NetStream.Unpublish.Success", code)
	c.conn.Close()

	require.NoError(t, r.waitEnd(t))
	require.Len(t, r.epochs, 1)
	video, audio := r.epochs[0].samples[videoTrack], r.epochs[0].samples[audioTrack]
	require.Len(t, video, 30)
	require.Len(t, audio, 30)
	require.Equal(t, media.Sample{DTS: -60, CTSOffset: 6000, Duration: 3000, Sync: true, Data: nal(slice(nalIDR, 20_000))}, video[0],
		"it's shown at 66 ms")
	requireGrid(t, video[:28], 3000) // up to a P whose B-frames came
	require.False(t, video[1].Sync)
	require.EqualValues(t, 66*48, audio[0].DTS)
	p := h.doorman.asked[0]
	require.Equal(t, ServedApp, p.App)
	require.Equal(t, "live", p.Type)
	require.Equal(t, "FMLE/3.0 (compatible; FMSc/1.0)", p.Encoder)
	require.Equal(t, "rtmp://localhost/live", p.TCURL)
	require.Equal(t, c.conn.LocalAddr().String(), p.Remote.String())
	require.Nil(t, p.TLS)
}

// An independent client, over both kinds of TLS that encoders have.
func TestGortmplibPublishes(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			h := start(t, Options{})
			u, err := url.Parse("rtmps://" + h.secure + "/live/secret")
			require.NoError(t, err)
			c := &gortmplib.Client{URL: u, Publish: true, TLSConfig: &tls.Config{RootCAs: h.roots, MaxVersion: version}}
			require.NoError(t, c.Initialize(t.Context()))
			defer c.Close()
			video := &gortmplib.Track{Codec: &codecs.H264{SPS: sps360, PPS: pps360}}
			audio := &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2, ChannelCount: 2}}}
			w := &gortmplib.Writer{Conn: c, Tracks: []*gortmplib.Track{video, audio}}
			require.NoError(t, w.Initialize())
			for n := range 60 {
				at := time.Duration(n) * time.Second / 30
				typ := byte(nalSlice)
				if n%30 == 0 {
					typ = nalIDR
				}
				require.NoError(t, w.WriteH264(video, at+66*time.Millisecond, at, [][]byte{slice(typ, 5000), slice(typ, 20)}))
				require.NoError(t, w.WriteMPEG4Audio(audio, time.Duration(n)*1024*time.Second/44100, make([]byte, 200)))
			}
			r := h.doorman.sink(t, "show", 0)
			r.wait(t, "all samples", func() bool { return r.count(videoTrack) == 60 && r.count(audioTrack) == 60 })
			c.Close()
			require.ErrorIs(t, r.waitEnd(t), errGone, "it hangs up without a word")
			require.Equal(t, version, h.doorman.asked[0].TLS.Version)
			samples := r.epochs[0].samples[videoTrack]
			for n, s := range samples {
				require.Equal(t, media.Ticks(3000*n), s.DTS-samples[0].DTS)
				require.Equal(t, n%30 == 0, s.Sync)
				require.Len(t, s.Data, 4+5000+4+20)
			}
			require.Equal(t, media.Timescale(44100), r.epochs[0].tracks[1].Timescale)
		})
	}
}

func TestRefusals(t *testing.T) {
	failing := errors.New("the catalog is on fire")
	for _, c := range []struct {
		name, app, key    string
		admit             error
		code, description string
		line              string
	}{
		{"unknown key", "live", "wrong", nil, "NetStream.Publish.BadName", "Stream key not accepted: check it, or ask for a new one.", "unknown stream key"},
		{"no key", "live", "", nil, "NetStream.Publish.BadName", "Stream key not accepted: check it, or ask for a new one.", "unknown stream key"},
		{"said to be busy", "live", "secret", ErrBusy, "NetStream.Publish.BadName", "The stream is being published already.", "published already"},
		{"ours", "live", "secret", failing, "NetStream.Publish.Failed", "The stream can't be taken in now.", "on fire"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{}
			if c.admit != nil {
				o.Admit = admitter(func(context.Context, Publish) (Grant, error) { return Grant{}, c.admit })
			}
			h := start(t, o)
			p := dial(t, h.plain)
			code, description := p.publish(c.app, c.key)
			require.Equal(t, c.code, code)
			require.Equal(t, c.description, description)
			// What the encoder sends before it has read this doesn't cost it the answer.
			p.ended()
			h.log.wait(t, c.line)
		})
	}
}

type admitter func(context.Context, Publish) (Grant, error)

func (a admitter) Admit(ctx context.Context, p Publish) (Grant, error) { return a(ctx, p) }

func TestWrongApplication(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.send(connectTo("elsewhere"))
	answer := c.next()
	require.Equal(t, "_error", answer.Name)
	require.Equal(t, 1.0, answer.Transaction)
	o, _ := amf0.AsObject(answer.Arg(0))
	require.Equal(t, "NetConnection.Connect.InvalidApp", o.String("code"))
	require.Equal(t, "No such application: use live.", o.String("description"))
	c.ended()
	h.log.wait(t, "no such application")
	require.NotContains(t, h.log.String(), "elsewhere", "it may be a key")

	// An application that is a key is one.
	c = dial(t, h.plain)
	code, _ := c.publish("secret", "")
	require.Equal(t, "NetStream.Publish.Start", code)
	// But then it isn't an application.
	c2 := dial(t, h.plain)
	code, _ = c2.publish("secret", "more")
	require.Equal(t, "NetStream.Publish.BadName", code)
}

func TestCommandsInAnyOrder(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	// No createStream, no type, odd questions first.
	c.send(connectTo("live"),
		message.Command{Name: "_checkbw", Transaction: 2, Args: []any{nil}},
		message.Command{Name: "FCPublish", Transaction: 0, Args: []any{nil, "secret"}},
		message.Command{Name: "getStreamLength", Transaction: 3, Args: []any{nil, "secret"}},
		message.Command{Name: "deleteStream", Transaction: 4, Args: []any{nil, 7.0}},
		message.Command{Name: "FCUnpublish", Transaction: 5, Args: []any{nil, "secret"}},
		message.Command{StreamID: 3, Name: "publish", Transaction: 6, Args: []any{nil, "secret"}})
	for _, want := range []float64{1, 2, 3, 4, 5} {
		require.Equal(t, want, c.next().Transaction)
	}
	require.Equal(t, "onFCPublish", c.next().Name)
	status := c.next()
	require.Equal(t, "onStatus", status.Name)
	require.EqualValues(t, 3, status.StreamID, "on the stream that it was asked on")

	// A second publish on the same connection changes nothing.
	c.send(message.Command{StreamID: 3, Name: "publish", Transaction: 7, Args: []any{nil, "other"}})
	code, _ := c.status()
	require.Equal(t, "NetStream.Publish.BadName", code)
	// Nor does the end of some other stream.
	c.send(message.Command{Name: "deleteStream", Transaction: 8, Args: []any{nil, 1.0}})
	require.Equal(t, 8.0, c.next().Transaction)
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	r := h.doorman.sink(t, "show", 0)
	r.wait(t, "a picture", func() bool { return r.count(videoTrack) == 1 })

	// It may stop, and start again.
	c.send(message.Command{StreamID: 3, Name: "closeStream", Args: []any{nil}})
	code, _ = c.status()
	require.Equal(t, "NetStream.Unpublish.Success", code)
	require.NoError(t, r.waitEnd(t))
	c.send(message.Command{StreamID: 3, Name: "publish", Transaction: 9, Args: []any{nil, "other"}})
	code, _ = c.status()
	require.Equal(t, "NetStream.Publish.Start", code)
	c.conn.Close()
	require.Error(t, h.doorman.sink(t, "second", 0).waitEnd(t))
}

func TestPlayIsRefused(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.send(connectTo("live"),
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "play", Transaction: 3, Args: []any{nil, "show"}})
	code, description := c.status()
	require.Equal(t, "NetStream.Play.Failed", code)
	require.Contains(t, description, "HLS")
	c.ended()
	h.log.wait(t, "playback is not served")
}

func TestPublishBeforeConnect(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.send(message.Command{StreamID: 1, Name: "publish", Transaction: 1, Args: []any{nil, "secret"}})
	code, _ := c.status()
	require.Equal(t, "NetStream.Publish.Failed", code)
	c.ended()
}

func TestPingIsAnswered(t *testing.T) {
	h := start(t, Options{})
	c := dial(t, h.plain)
	c.send(message.UserControl{Event: message.EventPingRequest, Value: 4711})
	m, err := c.r.ReadMessage()
	require.NoError(t, err)
	pong, err := message.Parse(m)
	require.NoError(t, err)
	require.Equal(t, message.UserControl{Event: message.EventPingResponse, Value: 4711}, pong)
}

// Acknowledgements come without being asked for, at least once a window.
func TestAcknowledgements(t *testing.T) {
	h := start(t, Options{})
	for _, window := range []uint32{0, 100_000} {
		c := dial(t, h.plain)
		c.mustPublish()
		unacked := uint64(defaultWindow)
		if window > 0 {
			c.send(message.WindowAckSize{Size: window})
			unacked = uint64(window)
		}
		sent := uint64(0)
		for range 3 {
			for sent = 0; sent < unacked; sent += 50_000 {
				c.send(message.Video{StreamID: 1, Body: pictureTag(true, 0, 50_000)})
			}
			for {
				m, err := c.r.ReadMessage()
				require.NoError(t, err)
				if m.Type == message.TypeAcknowledgement {
					break
				}
			}
		}
		c.send(message.Command{Name: "deleteStream", Args: []any{nil, 1.0}})
		c.conn.Close()
	}
}

// The number wraps at 4 GiB.
func TestAcknowledgementWraps(t *testing.T) {
	var out bytes.Buffer
	s := &session{writer: chunk.NewWriter(&out), window: defaultWindow, acked: 1<<32 - defaultWindow/2}
	require.NoError(t, s.acknowledge(1<<32-1))
	require.Zero(t, out.Len(), "not yet")
	require.NoError(t, s.acknowledge(1<<32+5))
	require.Equal(t, []byte{2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 5}, out.Bytes())
}

// A second publisher is refused while the first one speaks, and takes over once
// it has fallen silent; the old Sink has ended before the new one begins.
func TestTakeover(t *testing.T) {
	h := start(t, Options{Limits: Limits{OwnerSilence: time.Second, OwnerWait: 2 * time.Second}})
	first := dial(t, h.plain)
	first.mustPublish()
	first.videoConfig()
	first.audioConfig()

	second := dial(t, h.plain)
	refused := make(chan string, 1)
	go func() {
		code, _ := second.publish("live", "secret")
		refused <- code
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	code := ""
	for n := uint32(0); code == ""; n++ {
		select {
		case code = <-refused:
		case <-tick.C:
			first.picture(n*50, n == 0)
		}
	}
	require.Equal(t, "NetStream.Publish.BadName", code)
	second.ended()

	// Now the first one hangs: the socket stays open.
	third := dial(t, h.plain)
	third.mustPublish()
	r := h.doorman.sink(t, "show", 0)
	require.ErrorIs(t, r.waitEnd(t), ErrTakenOver)
	code, _ = first.status()
	require.Equal(t, "NetStream.Publish.BadName", code)
	first.ended()
	third.videoConfig()
	third.audioConfig()
	third.picture(0, true)
	last := h.doorman.sink(t, "show", 2)
	last.wait(t, "a picture", func() bool { return last.count(videoTrack) == 1 })
	require.Empty(t, h.doorman.sink(t, "show", 1).epochs, "never touched")
	require.False(t, h.doorman.sink(t, "show", 1).hasEnded())
}

func TestSinkErrorEndsTheSession(t *testing.T) {
	h := start(t, Options{})
	h.doorman.giving(func() *recording {
		r := newRecording()
		r.onWrite = func(context.Context) error { return errors.New("disk full") }
		return r
	})
	c := dial(t, h.plain)
	c.mustPublish()
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	code, _ := c.status()
	require.Equal(t, "NetStream.Publish.Failed", code)
	c.ended()
	h.log.wait(t, "disk full")
	require.ErrorIs(t, h.doorman.sink(t, "show", 0).waitEnd(t), errSink)
}

// A panic costs its own session and no other.
func TestPanicCostsOneSession(t *testing.T) {
	h := start(t, Options{})
	good := dial(t, h.plain)
	code, _ := good.publish("live", "other")
	require.Equal(t, "NetStream.Publish.Start", code)
	good.videoConfig()
	good.audioConfig()

	h.doorman.giving(func() *recording {
		r := newRecording()
		r.onWrite = func(context.Context) error { panic("a bug") }
		return r
	})
	bad := dial(t, h.plain)
	bad.mustPublish()
	bad.videoConfig()
	bad.audioConfig()
	bad.picture(0, true)
	bad.ended()
	h.log.wait(t, "panic: a bug")
	require.ErrorIs(t, h.doorman.sink(t, "show", 0).waitEnd(t), errPanic)

	good.picture(0, true)
	r := h.doorman.sink(t, "second", 0)
	r.wait(t, "a picture", func() bool { return r.count(videoTrack) == 1 })
}

func TestShutdownTellsPublishers(t *testing.T) {
	h := start(t, Options{})
	publishing := dialTLS(t, h, &tls.Config{})
	publishing.mustPublish()
	publishing.videoConfig()
	publishing.audioConfig()
	publishing.picture(0, true)
	r := h.doorman.sink(t, "show", 0)
	r.wait(t, "a picture", func() bool { return r.count(videoTrack) == 1 })
	idle := dial(t, h.plain)
	idle.send(connectTo("live"))
	require.Equal(t, "_result", idle.next().Name)

	done := make(chan struct{})
	go func() { h.Shutdown(t.Context()); close(done) }()
	code, _ := publishing.status()
	require.Equal(t, "NetConnection.Connect.Closed", code)
	publishing.ended()
	idle.ended()
	<-done
	require.ErrorIs(t, r.waitEnd(t), ErrShutdown)
	late, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, h.Serve(t.Context(), late), "there is no serving after Shutdown")
	_, err = late.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// A Shutdown whose time is up closes what is left, and still ends the Sinks.
func TestShutdownCutsOff(t *testing.T) {
	h := start(t, Options{Limits: Limits{Linger: time.Hour}})
	c := dial(t, h.plain)
	c.mustPublish() // and then neither reads nor closes
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Shutdown(ctx)
	require.ErrorIs(t, h.doorman.sink(t, "show", 0).waitEnd(t), ErrShutdown)
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := start(t, Options{Metrics: registry})
	c := dial(t, h.plain)
	c.mustPublish()
	c.videoConfig()
	c.audioConfig()
	c.picture(0, true)
	c.picture(33, false)
	c.picture(33, false)
	c.sound(0)
	r := h.doorman.sink(t, "show", 0)
	r.wait(t, "all samples", func() bool { return r.count(videoTrack)+r.count(audioTrack) == 4 })
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.sessions))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.publishing))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.repaired))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.epochs))
	require.Greater(t, testutil.ToFloat64(h.counts.in), 3073.0)
	require.Greater(t, testutil.ToFloat64(h.counts.out), 3073.0)
	c.send(message.Command{Name: "FCUnpublish", Args: []any{nil, "secret"}})
	require.NoError(t, r.waitEnd(t))
	refused := dial(t, h.plain)
	refused.publish("live", "wrong")
	refused.ended()
	h.Shutdown(t.Context())
	require.Equal(t, 0.0, testutil.ToFloat64(h.counts.sessions))
	require.Equal(t, 0.0, testutil.ToFloat64(h.counts.publishing))
	require.Equal(t, 1.0, testutil.ToFloat64(h.counts.refused.WithLabelValues("unknown_key")))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}
