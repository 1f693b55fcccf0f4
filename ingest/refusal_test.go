package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/ingest/amf0"
	"sluice/ingest/flv"
	"sluice/ingest/message"
)

// Whoever sends what isn't served is told what is, as far as it can send that: by plain
// RTMP, or, if it spoke of that or used it, by Enhanced RTMP.
func TestRefusedCodecs(t *testing.T) {
	const plain = "Use H.264 video, and AAC or MP3 audio."
	const enhanced = "Use H.264, H.265, AV1 or VP9 video, and AAC, Opus, FLAC, AC-3, E-AC-3 or MP3 audio."
	vp6 := message.Video{StreamID: 1, Body: []byte{1<<4 | 4, 0, 0}}
	speex := message.Audio{StreamID: 1, Body: []byte{11<<4 | 2, 0}}
	vvc := message.Video{StreamID: 1, Body: exVideo(flv.VideoVVC, flv.PacketConfig, true, []byte{1})}
	for name, tc := range map[string]struct {
		spoken bool
		send   message.Message
		want   string
	}{
		"video":                    {false, vp6, "Not served: On2 VP6. " + plain},
		"audio":                    {false, speex, "Not served: Speex. " + plain},
		"video, by one that could": {true, vp6, "Not served: On2 VP6. " + enhanced},
		"audio, by one that could": {true, speex, "Not served: Speex. " + enhanced},
		// OBS says nothing in connect, and sends it all the same.
		"enhanced video": {false, vvc, "Not served: H.266. " + enhanced},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, Options{})
			c := dial(t, h.plain)
			connect := connectTo("live")
			if tc.spoken {
				connect.Args[0] = append(connect.Args[0].(amf0.Object), amf0.Pair{Key: "capsEx", Value: 0.0})
			}
			c.send(connect, message.Command{Name: "createStream", Transaction: 2, Args: []any{nil}},
				message.Command{StreamID: 1, Name: "publish", Transaction: 3, Args: []any{nil, "secret", "live"}})
			code, _ := c.status()
			require.Equal(t, "NetStream.Publish.Start", code)
			c.send(tc.send)
			code, description := c.status()
			require.Equal(t, "NetStream.Publish.Rejected", code)
			require.Equal(t, tc.want, description)
			c.ended()
		})
	}
}

// An encoder that doesn't trust the certificate says so in the handshake, and with TLS 1.3
// behind it; so does one that knows us by another name.
func TestEncodersThatRefuseTheCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		h := start(t, Options{})
		config := &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool(), MaxVersion: version} // 1.2: OBS 29
		if version == tls.VersionTLS13 {
			config.ServerName, config.RootCAs = "elsewhere.example", h.roots
		}
		_, err := tls.Dial("tcp", h.secure, config)
		require.Error(t, err, tls.VersionName(version))
		h.log.wait(t, `TLS handshake failed: the encoder refuses the gateway's certificate`)
		require.Contains(t, h.log.String(), "(tls: bad certificate)")
	}
}
