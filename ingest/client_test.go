package ingest

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/chunk"
	"sluice/ingest/flv"
	"sluice/ingest/handshake"
	"sluice/ingest/message"
)

// Parameter sets of 640x360 Baseline at 30 frames a second, and the same at
// 1280x720: written by x264.
var (
	sps360 = unbase64("Z0LAHtoCgL/lwEQAAAMABAAAAwDwPFi6gA==")
	pps360 = unbase64("aM4PyA==")
	sps720 = unbase64("Z0LAH9oBQBbsBEAAAAMAQAAADwPGDKg=")
	pps720 = unbase64("aM4PyA==")
)

func avcConfigOf(sps, pps []byte) []byte {
	c := flv.AVCConfig{Profile: sps[1], Compatibility: sps[2], Level: sps[3], LengthSize: 4, SPS: [][]byte{sps}, PPS: [][]byte{pps}}
	return videoConfigTag(c.AppendTo(nil))
}

func videoConfigTag(record []byte) []byte {
	return flv.VideoTag{Frame: flv.FrameKey, Codec: flv.VideoAVC, Packet: flv.PacketConfig, Payload: record}.AppendTo(nil)
}

func avcConfigTag() []byte { return avcConfigOf(sps360, pps360) }

// aacConfigTag is AAC-LC, 48 kHz, stereo.
func aacConfigTag() []byte { return audioConfigTag([]byte{0x11, 0x90}) }

func audioConfigTag(raw []byte) []byte {
	return flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketConfig, Payload: raw}.AppendTo(nil)
}

// connectTo is the connect of OBS 29 and later.
func connectTo(app string) message.Command {
	return message.Command{Name: "connect", Transaction: 1, Args: []any{amf0.Object{
		{Key: "app", Value: app},
		{Key: "type", Value: "nonprivate"},
		{Key: "supportsGoAway", Value: true},
		{Key: "flashVer", Value: "FMLE/3.0 (compatible; FMSc/1.0)"},
		{Key: "swfUrl", Value: "rtmp://localhost/" + app},
		{Key: "tcUrl", Value: "rtmp://localhost/" + app},
	}}}
}

// metadataOfOBS is the onMetaData of OBS 29, of 640x360 at 30 frames a second.
func metadataOfOBS() message.Data {
	m := amf0.ECMAArray{
		{Key: "duration", Value: 0.0}, {Key: "fileSize", Value: 0.0},
		{Key: "width", Value: 640.0}, {Key: "height", Value: 360.0},
		{Key: "videocodecid", Value: 7.0}, {Key: "videodatarate", Value: 1000.0}, {Key: "framerate", Value: 30.0},
		{Key: "audiocodecid", Value: 10.0}, {Key: "audiodatarate", Value: 128.0}, {Key: "audiosamplerate", Value: 48000.0},
		{Key: "audiosamplesize", Value: 16.0}, {Key: "audiochannels", Value: 2.0}, {Key: "stereo", Value: true},
	}
	for _, layout := range []string{"2.1", "3.1", "4.0", "4.1", "5.1", "7.1"} {
		m = append(m, amf0.Pair{Key: layout, Value: false})
	}
	m = append(m, amf0.Pair{Key: "encoder", Value: "obs-output module (libobs version 29.0.2)"})
	return message.Data{ChunkStreamID: 4, StreamID: 1, Values: []any{"@setDataFrame", "onMetaData", m}}
}

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// client is a publisher made of the layers' other halves.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *chunk.Reader
	w    *chunk.Writer
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return greet(t, conn)
}

func dialTLS(t testing.TB, h *harness, config *tls.Config) *client {
	t.Helper()
	config.RootCAs, config.ServerName = h.roots, "localhost"
	conn, err := tls.Dial("tcp", h.secure, config)
	require.NoError(t, err)
	return greet(t, conn)
}

// greet does the handshake.
func greet(t testing.TB, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	_, err := handshake.Client(conn, handshake.FormSimple)
	require.NoError(t, err)
	return &client{t: t, conn: conn, r: chunk.NewReader(conn, chunk.Options{}), w: chunk.NewWriter(conn)}
}

func (c *client) send(ms ...message.Message) {
	c.t.Helper()
	require.NoError(c.t, c.trySend(ms...))
}

func (c *client) trySend(ms ...message.Message) error {
	var out []chunk.Message
	for _, m := range ms {
		out = append(out, m.Marshal())
	}
	return c.w.WriteMessage(out...)
}

// next returns the next command.
func (c *client) next() message.Command {
	c.t.Helper()
	for {
		m, err := c.r.ReadMessage()
		require.NoError(c.t, err)
		parsed, err := message.Parse(m)
		require.NoError(c.t, err)
		if cmd, ok := parsed.(message.Command); ok {
			return cmd
		}
	}
}

// status reads commands up to an onStatus and returns its code and description.
func (c *client) status() (code, description string) {
	c.t.Helper()
	for {
		cmd := c.next()
		if cmd.Name != "onStatus" {
			continue
		}
		o, _ := amf0.AsObject(cmd.Arg(0))
		return o.String("code"), o.String("description")
	}
}

// ended reads until the server has closed the connection.
func (c *client) ended() {
	c.t.Helper()
	for {
		if _, err := c.r.ReadMessage(); err != nil {
			require.ErrorIs(c.t, err, io.EOF, "closed in good order")
			c.conn.Close()
			return
		}
	}
}

// publish connects and publishes, and returns the code that comes of it.
func (c *client) publish(app, key string) (code, description string) {
	c.t.Helper()
	c.send(connectTo(app),
		message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
		message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, key, "live"}})
	return c.status()
}

// mustPublish publishes to stream live/secret.
func (c *client) mustPublish() {
	c.t.Helper()
	code, description := c.publish("live", "secret")
	require.Equal(c.t, "NetStream.Publish.Start", code, description)
}

func (c *client) videoConfig() { c.send(message.Video{StreamID: 1, Body: avcConfigTag()}) }
func (c *client) audioConfig() { c.send(message.Audio{StreamID: 1, Body: aacConfigTag()}) }

func (c *client) picture(ms uint32, key bool) {
	c.send(message.Video{StreamID: 1, Timestamp: ms, Body: pictureTag(key, 0, 100)})
}

func (c *client) sound(ms uint32) {
	c.send(message.Audio{StreamID: 1, Timestamp: ms, Body: soundTag(50)})
}

// nal returns a length-prefixed NAL unit.
func nal(unit []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(unit))), unit...)
}

// slice returns a NAL unit of the given type and size.
func slice(typ byte, size int) []byte {
	b := make([]byte, size)
	b[0] = 3<<5 | typ
	return b
}

func pictureTag(key bool, cts int32, size int) []byte {
	t := flv.VideoTag{Frame: flv.FrameInter, Codec: flv.VideoAVC, Packet: flv.PacketFrames, CompositionTime: cts}
	typ := byte(nalSlice)
	if key {
		t.Frame, typ = flv.FrameKey, nalIDR
	}
	t.Payload = nal(slice(typ, size))
	return t.AppendTo(nil)
}

func soundTag(size int) []byte {
	return flv.AudioTag{Codec: flv.AudioAAC, Flags: 15, Packet: flv.PacketFrames, Payload: make([]byte, size)}.AppendTo(nil)
}

func goodbye() message.Message {
	return message.Command{Name: "FCUnpublish", Transaction: 6, Args: []any{nil, "secret"}}
}
